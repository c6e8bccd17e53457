/* fuzz_postmaster.c: any bytes as the postmaster.pid of a data directory: a connection string that
 * libpq takes for host and port, or an error. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "core/pg/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing of the file may become another option of the connection. */
static void expect_plain(const char *conninfo)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &why);
    assert(options != NULL);
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (option->val != NULL)
            assert(strcmp(option->keyword, "host") == 0 || strcmp(option->keyword, "port") == 0 ||
                   strcmp(option->keyword, "user") == 0 || strcmp(option->keyword, "dbname") == 0);
    }
    PQconninfoFree(options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[64];
    char path[96];
    char conninfo[512];
    struct error err = {0};
    (void)snprintf(folder, sizeof(folder), "%s/ebshift-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    const char *made = mkdtemp(folder);
    assert(made != NULL);
    (void)snprintf(path, sizeof(path), "%s/postmaster.pid", folder);
    FILE *file = fopen(path, "we");
    assert(file != NULL);
    (void)fwrite(data, 1, size, file);
    (void)fclose(file);
    if (pg_directory_conninfo(folder, conninfo, sizeof(conninfo), &err) == ERR_NONE)
        expect_plain(conninfo);
    (void)unlink(path);
    (void)rmdir(folder);
    return 0;
}
