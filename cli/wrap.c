#include "cli/wrap.h"

#include <stdbool.h>
#include <string.h>

/* Columns of a line. */
#define WIDTH 110

void wrap_print(const char *text, int at, int indent, FILE *out)
{
    for (bool first = true; *text != '\0'; first = false) {
        int length = (int)strcspn(text, " ");
        bool full = at + length > WIDTH;
        if (full && !first) {
            (void)fprintf(out, "\n%*s", indent, "");
            at = indent;
        }
        (void)fprintf(out, "%s%.*s", first || full ? "" : " ", length, text);
        at += length + 1;
        text += length;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}
