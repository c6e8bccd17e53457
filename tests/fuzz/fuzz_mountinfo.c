/* fuzz_mountinfo.c: any bytes as the kernel's mount table: a mount found or an error, never more. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/host/mounts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOT_SIZE 64
#define PATHS     (ROOT_SIZE + 32)

static void write_table(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "we");
    assert(file != NULL);
    size_t written = fwrite(data, 1, size, file);
    int closed = fclose(file);
    assert(written == size && closed == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char root[ROOT_SIZE];
    char folder[PATHS];
    char table[PATHS + 16];
    struct error err = {0};
    struct mount mount = {0};
    struct volume_ids ids = {0};
    (void)snprintf(root, sizeof(root), "%s/ebshift-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    const char *made = mkdtemp(root);
    assert(made != NULL);
    (void)snprintf(folder, sizeof(folder), "%s/self", root);
    (void)snprintf(table, sizeof(table), "%s/mountinfo", folder);
    int result = mkdir(folder, 0700);
    assert(result == 0);
    write_table(table, data, size);

    struct mount_roots roots = {.proc = root, .sys = root, .by_id = root};
    if (mount_find(&roots, "/usr", &mount, &err) == ERR_NONE)
        (void)!mount_volumes(&roots, &mount, &ids, &err);

    (void)unlink(table);
    (void)rmdir(folder);
    (void)rmdir(root);
    return 0;
}
