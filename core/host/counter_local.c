#include "core/host/counter_local.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The kernel counts sectors of this size, whatever the disk's is (block/stat.rst). */
#define SECTOR_BYTES 512

static void close_file(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file);
}

/* The first line of a file without its end; "" if there is none. */
static void read_line(const char *path, char *line, size_t size)
{
    CLEANUP(close_file) FILE *file = fopen(path, "re");
    line[0] = '\0';
    if (file != NULL && fgets(line, (int)size, file) != NULL)
        line[strcspn(line, "\n")] = '\0';
}

/* The boot and, where the kernel numbers them (from 5.15), the appearance of this disk. */
static void read_origin(const struct mount_roots *roots, const char *disk_dir,
                        struct counter_reading *reading)
{
    char path[PATH_MAX];
    char boot[40];
    char number[24];
    (void)snprintf(path, sizeof(path), "%s/sys/kernel/random/boot_id",
                   roots->proc != NULL ? roots->proc : "/proc");
    read_line(path, boot, sizeof(boot));
    (void)snprintf(path, sizeof(path), "%s/diskseq", disk_dir);
    read_line(path, number, sizeof(number));
    (void)snprintf(reading->origin, sizeof(reading->origin), "%s %s", boot, number);
}

static enum error_code read_local(void *self, const char *volume_id,
                                  struct counter_reading *reading, struct error *err)
{
    const struct mount_roots *roots = self;
    struct counter_reading made = {0};
    char disk[256];
    char disk_dir[PATH_MAX - 16];
    char path[PATH_MAX];
    char line[256];
    uint64_t ops = 0;
    uint64_t sectors = 0;
    TRY(mount_disk_of(roots, volume_id, disk, sizeof(disk), err));
    (void)snprintf(disk_dir, sizeof(disk_dir), "%s/class/block/%s",
                   roots->sys != NULL ? roots->sys : "/sys", disk);
    (void)snprintf(path, sizeof(path), "%s/stat", disk_dir);
    read_line(path, line, sizeof(line));
    /* Read requests, merges, sectors and time come before. */
    if (sscanf(line, "%*u %*u %*u %*u %" SCNu64 " %*u %" SCNu64, &ops, &sectors) != 2)
        return error_set(err, ERR_SYSTEM, "cannot read the counters in '%s'", path);
    made.bytes = (int64_t)(sectors * SECTOR_BYTES);
    made.ops = (int64_t)ops;
    read_origin(roots, disk_dir, &made);
    *reading = made;
    return ERR_NONE;
}

struct counter counter_local(const struct mount_roots *roots)
{
    return (struct counter){.self = (void *)(uintptr_t)roots, .read = read_local};
}
