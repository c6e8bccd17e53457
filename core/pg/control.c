#include "core/pg/control.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* The head of ControlFileData, the same from 9.6 to 17 (src/include/catalog/pg_control.h):
 * identifier (8 bytes), control version (4), catalogue version (4), state (4), machine order. */
struct control_head {
    uint64_t system_identifier;
    uint32_t control_version;
    uint32_t catalog_version;
    uint32_t state;
    uint32_t padding;
};

enum { STATE_SHUT_DOWN = 1, STATE_SHUT_DOWN_IN_RECOVERY = 2 };

bool pg_control_is_shut_down(const char *data_directory)
{
    char path[PATH_MAX];
    struct control_head head = {0};
    (void)snprintf(path, sizeof(path), "%s/postmaster.pid", data_directory);
    if (access(path, F_OK) == 0)
        return false;
    (void)snprintf(path, sizeof(path), "%s/global/pg_control", data_directory);
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return false;
    size_t got = fread(&head, sizeof(head), 1, file);
    (void)fclose(file);
    return got == 1 && (head.state == STATE_SHUT_DOWN || head.state == STATE_SHUT_DOWN_IN_RECOVERY);
}
