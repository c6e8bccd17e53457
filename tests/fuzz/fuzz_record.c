/* fuzz_record.c: any bytes as the record of what a dead process froze: mounts to look at or an
 * error, and only a record that was understood is removed. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/frozen_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum error_code visit(void *self, const struct frozen_mount *mount, struct error *err)
{
    (void)self;
    (void)err;
    assert(mount->path[0] == '/' && strlen(mount->path) < sizeof(mount->path));
    return ERR_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[64];
    char path[96];
    struct error err = {0};
    (void)snprintf(folder, sizeof(folder), "%s/ebshift-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    const char *made = mkdtemp(folder);
    assert(made != NULL);
    (void)snprintf(path, sizeof(path), "%s/frozen.4711", folder);
    FILE *file = fopen(path, "we");
    assert(file != NULL);
    /* Half of the inputs are of this boot, whichever that is. */
    if (size > 0 && (data[0] & 1) != 0)
        (void)fputs("boot unknown\n", file);
    (void)fwrite(data, 1, size, file);
    (void)fclose(file);
    enum error_code code = frozen_record_visit(folder, visit, NULL, &err);
    assert((code == ERR_NONE) == (access(path, F_OK) != 0));
    (void)unlink(path);
    (void)rmdir(folder);
    return 0;
}
