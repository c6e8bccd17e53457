#include "core/host/survey_here.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "core/clock.h"
#include "core/host/freeze.h"
#include "core/host/mounts.h"
#include "core/host/scratch.h"

static enum error_code read_facts(void *self, struct machine_facts *facts, struct error *err)
{
    (void)self;
    (void)err;
    machine_facts_read(facts);
    return ERR_NONE;
}

static enum error_code read_now(void *self, int64_t *now_ms, struct error *err)
{
    const struct clock clock = clock_system();
    (void)self;
    (void)err;
    *now_ms = clock_now_ms(&clock);
    return ERR_NONE;
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

static int64_t bytes_in(const char *path)
{
    CLEANUP(close_dir) DIR *dir = opendir(path);
    struct stat file;
    int64_t bytes = 0;
    if (dir == NULL)
        return 0;
    struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): one thread */
        if (fstatat(dirfd(dir), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(file.st_mode))
            bytes += file.st_blocks * 512;
    }
    return bytes;
}

static enum error_code measure_room(void *self, const char *directory, struct survey_room *room,
                                    struct error *err)
{
    struct statvfs disk;
    (void)self;
    if (statvfs(directory, &disk) != 0) {
        return error_set(err, ERR_NOT_FOUND, "cannot look at '%s': %s", directory,
                         strerrordesc_np(errno));
    }
    *room = (struct survey_room){
        .free_bytes = (int64_t)(disk.f_bavail * disk.f_frsize),
        .used_bytes = bytes_in(directory),
    };
    return ERR_NONE;
}

static enum error_code check_mounts(void *self, const char *const *mount_points, size_t count,
                                    struct error *err)
{
    const struct survey_here *here = self;
    CLEANUP_FREEZE struct freeze freeze = {0};
    TRY(freeze_check_thawed(mount_points, count, err));
    TRY(freeze_open(&freeze, mount_points, count, err));
    return freeze_check_own(&freeze, &here->own_path, here->own_path == NULL ? 0 : 1, err);
}

static enum error_code check_way(void *self, struct error *err)
{
    (void)self;
    (void)err;
    return ERR_NONE;
}

static enum error_code name_filesystem(void *self, const char *mount_point,
                                       char filesystem[SURVEY_FILESYSTEM_SIZE], struct error *err)
{
    const struct mount_roots roots = {0};
    struct mount mount;
    (void)self;
    TRY(mount_find(&roots, mount_point, &mount, err));
    memcpy(filesystem, mount.filesystem, SURVEY_FILESYSTEM_SIZE);
    return ERR_NONE;
}

static enum error_code read_needs(void *self, const char *mount_point, struct fs_needs *needs,
                                  struct error *err)
{
    const struct mount_roots roots = {0};
    struct mount mount;
    (void)self;
    TRY(mount_find(&roots, mount_point, &mount, err));
    return fs_needs_read(mount.filesystem, mount.source, needs, err);
}

static enum error_code try_freeze(void *self, const char *filesystem, struct held *held,
                                  struct error *err)
{
    const struct survey_here *here = self;
    return scratch_freeze(here->scratch_directory, filesystem, held, err);
}

struct survey survey_here(struct survey_here *here)
{
    _Static_assert(sizeof(((struct mount *)0)->filesystem) == SURVEY_FILESYSTEM_SIZE, "one size");
    return (struct survey){
        .self = here,
        .facts = read_facts,
        .now = read_now,
        .room = measure_room,
        .check_mounts = check_mounts,
        .check_way = check_way,
        .filesystem = name_filesystem,
        .needs = read_needs,
        .try_freeze = try_freeze,
    };
}
