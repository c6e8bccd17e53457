/* Prints docs/machine.md from the table the engine runs on. */
#include <stdio.h>
#include <stdlib.h>

#include "model/machine.h"
#include "model/strbuf.h"

int main(void)
{
    struct strbuf page CLEANUP_STRBUF = {.max_bytes = 1 << 20};
    machine_print(&page);
    if (strbuf_check(&page, NULL) != ERR_NONE)
        return EXIT_FAILURE;
    return fputs(strbuf_text(&page), stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
