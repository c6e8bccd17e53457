#include "core/host/frozen_record.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define RECORD_PREFIX "frozen."

enum { BOOT_ID_SIZE = 64 };

static void close_file(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file);
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

#define BOOT_UNKNOWN "boot unknown\n"

/* "boot ID" and a newline. */
static void boot_line(char line[BOOT_ID_SIZE])
{
    char id[BOOT_ID_SIZE - 8];
    CLEANUP(close_file) FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    (void)snprintf(line, BOOT_ID_SIZE, BOOT_UNKNOWN);
    if (file == NULL || fgets(id, sizeof(id), file) == NULL)
        return;
    id[strcspn(id, "\n")] = '\0';
    (void)snprintf(line, BOOT_ID_SIZE, "boot %s\n", id);
}

static void own_path(const char *dir, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/" RECORD_PREFIX "%ld", dir, (long)getpid());
}

static enum error_code put_mounts(const char *path, const struct frozen_mount *mounts, size_t count,
                                  struct error *err)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return error_set(err, ERR_SYSTEM, "cannot write '%s': %s", path, strerrordesc_np(errno));
    char boot[BOOT_ID_SIZE];
    boot_line(boot);
    (void)fputs(boot, file);
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(file, "%u:%u %" PRIu64 " %s\n", major(mounts[i].device),
                      minor(mounts[i].device), mounts[i].disk, mounts[i].path);
    }
    if (fclose(file) != 0)
        return error_set(err, ERR_SYSTEM, "cannot write '%s': %s", path, strerrordesc_np(errno));
    return ERR_NONE;
}

enum error_code frozen_record_write(const char *dir, const struct frozen_mount *mounts,
                                    size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strchr(mounts[i].path, '\n') != NULL)
            return error_set(err, ERR_INVALID, "mount point '%s' has a newline", mounts[i].path);
    }
    if (mkdir(dir, 0755) != 0 && errno != EEXIST)
        return error_set(err, ERR_SYSTEM, "cannot make '%s': %s", dir, strerrordesc_np(errno));
    char path[PATH_MAX];
    own_path(dir, path);
    return put_mounts(path, mounts, count, err);
}

void frozen_record_remove(const char *dir)
{
    char path[PATH_MAX];
    own_path(dir, path);
    (void)unlink(path);
}

static bool parse_line(char *line, struct frozen_mount *mount)
{
    line[strcspn(line, "\n")] = '\0';
    char *at = line;
    unsigned long device_major = strtoul(line, &at, 10);
    if (at == line || *at != ':')
        return false;
    unsigned long device_minor = strtoul(at + 1, &at, 10);
    mount->disk = strtoull(at, &at, 10);
    if (strncmp(at, " /", 2) != 0)
        return false;
    mount->device = makedev((unsigned)device_major, (unsigned)device_minor);
    (void)snprintf(mount->path, sizeof(mount->path), "%s", at + 1);
    return true;
}

typedef enum error_code visit_function(void *context, const struct frozen_mount *mount,
                                       struct error *err);

/* In doubt it is of this one: to look at a mount that is not frozen does no harm, to forget one that
 * is does. */
static bool is_of_this_boot(FILE *file)
{
    char line[BOOT_ID_SIZE];
    char boot[BOOT_ID_SIZE];
    boot_line(boot);
    if (fgets(line, sizeof(line), file) == NULL)
        return false;
    return strcmp(line, boot) == 0 || strcmp(line, BOOT_UNKNOWN) == 0 ||
           strcmp(boot, BOOT_UNKNOWN) == 0;
}

static enum error_code visit_record(const char *path, visit_function *visit, void *context,
                                    struct error *err)
{
    CLEANUP(close_file) FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(err, ERR_SYSTEM, "cannot read '%s': %s", path, strerrordesc_np(errno));
    enum error_code result = ERR_NONE;
    char line[PATH_MAX + 32];
    struct frozen_mount mount;
    bool due = is_of_this_boot(file);
    while (due && fgets(line, sizeof(line), file) != NULL) {
        enum error_code visited =
            parse_line(line, &mount)
                ? visit(context, &mount, err)
                : error_set(err, ERR_SYSTEM, "'%s' is damaged: '%s'", path, line);
        result = visited != ERR_NONE ? visited : result;
    }
    if (result == ERR_NONE)
        (void)unlink(path);
    return result;
}

enum error_code frozen_record_visit(const char *dir, visit_function *visit, void *context,
                                    struct error *err)
{
    CLEANUP(close_dir) DIR *opened = opendir(dir);
    if (opened == NULL && errno == ENOENT)
        return ERR_NONE;
    if (opened == NULL)
        return error_set(err, ERR_SYSTEM, "cannot read '%s': %s", dir, strerrordesc_np(errno));
    enum error_code result = ERR_NONE;
    const struct dirent *entry = NULL;
    while ((entry = readdir(opened)) != NULL) { /* NOLINT(concurrency-mt-unsafe): one thread */
        if (strncmp(entry->d_name, RECORD_PREFIX, strlen(RECORD_PREFIX)) != 0)
            continue;
        char path[PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        enum error_code visited = visit_record(path, visit, context, err);
        result = visited != ERR_NONE ? visited : result;
    }
    return result;
}
