#include "core/host/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/host/mounts.h"

static bool has_device(const struct freeze *freeze, dev_t device)
{
    for (size_t i = 0; i < freeze->count; i++) {
        if (freeze->mounts[i].device == device)
            return true;
    }
    return false;
}

/* A mount point lies on another device than its parent; `/` is its own parent. */
static bool is_mount_point(int fd, dev_t device)
{
    struct stat parent;
    return fstatat(fd, "..", &parent, 0) == 0 && parent.st_dev != device;
}

static enum error_code check_mount(const char *path, int fd, const struct stat *found,
                                   struct error *err)
{
    struct stat root;
    if (stat("/", &root) != 0)
        return error_set(err, ERR_SYSTEM, "cannot look at '/': %s", strerrordesc_np(errno));
    if (found->st_dev == root.st_dev)
        return error_set(err, ERR_QUIESCE, "'%s' is on the root filesystem, never frozen", path);
    if (!is_mount_point(fd, found->st_dev))
        return error_set(err, ERR_QUIESCE, "'%s' is not a mount point", path);
    return ERR_NONE;
}

static enum error_code add_mount(struct freeze *freeze, const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(err, ERR_QUIESCE, "cannot open mount point '%s': %s", path,
                         strerrordesc_np(errno));
    }
    struct stat found;
    enum error_code checked = fstat(fd, &found) == 0 ? check_mount(path, fd, &found, err)
                                                     : error_set(err, ERR_SYSTEM, "cannot stat");
    if (checked == ERR_NONE && !has_device(freeze, found.st_dev)) {
        struct frozen_mount *mount = &freeze->mounts[freeze->count];
        mount->device = found.st_dev;
        mount->disk = mount_disk_number(&(struct mount_roots){0}, found.st_dev);
        if (realpath(path, mount->path) != NULL) {
            freeze->fds[freeze->count++] = fd;
            return ERR_NONE;
        }
        checked =
            error_set(err, ERR_SYSTEM, "cannot resolve '%s': %s", path, strerrordesc_np(errno));
    }
    close(fd);
    return checked;
}

enum error_code freeze_open(struct freeze *freeze, const char *const *mount_points, size_t count,
                            struct error *err)
{
    if (count > FREEZE_MOUNTS_MAX)
        return error_set(err, ERR_QUIESCE, "more than %d filesystems to freeze", FREEZE_MOUNTS_MAX);
    CLEANUP_FREEZE struct freeze opened = {0};
    opened.mounts = calloc(count + 1, sizeof(*opened.mounts));
    if (opened.mounts == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu mounts", count);
    for (size_t i = 0; i < count; i++)
        TRY(add_mount(&opened, mount_points[i], err));
    *freeze = opened;
    opened = (struct freeze){0};
    return ERR_NONE;
}

void freeze_close(struct freeze *freeze)
{
    if (freeze_end(freeze, NULL) != ERR_NONE) {
        /* Nothing more can be done here; whoever cares calls freeze_end() before. */
    }
    for (size_t i = 0; i < freeze->count; i++)
        close(freeze->fds[i]);
    free(freeze->mounts);
    *freeze = (struct freeze){0};
}

static enum error_code flush_once(const struct freeze *freeze, struct error *err)
{
    for (size_t i = 0; i < freeze->count; i++) {
        if (syncfs(freeze->fds[i]) != 0) {
            return error_set(err, ERR_SYSTEM, "cannot flush '%s': %s", freeze->mounts[i].path,
                             strerrordesc_np(errno));
        }
    }
    return ERR_NONE;
}

enum error_code freeze_flush(const struct freeze *freeze, int64_t quick_us, int most_passes,
                             int64_t *flush_us, struct error *err)
{
    int64_t began_us = clock_mono_us();
    int64_t pass_us = quick_us;
    for (int pass = 0; pass < most_passes && pass_us >= quick_us; pass++) {
        int64_t pass_began_us = clock_mono_us();
        TRY(flush_once(freeze, err));
        pass_us = clock_mono_us() - pass_began_us;
    }
    *flush_us = clock_mono_us() - began_us;
    return ERR_NONE;
}

static enum error_code freeze_one(struct freeze *freeze, size_t index,
                                  const struct watchdog *watchdog, struct error *err)
{
    const char *path = freeze->mounts[index].path;
    TRY(watchdog_announce(watchdog, index, err));
    if (ioctl(freeze->fds[index], FIFREEZE, 0) == 0) {
        freeze->frozen[index] = true;
        return ERR_NONE;
    }
    int failed = errno;
    watchdog_retract(watchdog, index);
    if (failed == EBUSY)
        return error_set(err, ERR_QUIESCE, "'%s' is frozen already, by somebody else", path);
    if (failed == EOPNOTSUPP || failed == ENOTTY)
        return error_set(err, ERR_QUIESCE, "the filesystem of '%s' cannot be frozen", path);
    return error_set(err, ERR_QUIESCE, "cannot freeze '%s': %s", path, strerrordesc_np(failed));
}

enum error_code freeze_begin(struct freeze *freeze, const struct watchdog *watchdog,
                             struct error *err)
{
    freeze->began_us = clock_mono_us();
    for (size_t i = 0; i < freeze->count; i++) {
        enum error_code failed = freeze_one(freeze, i, watchdog, err);
        if (failed != ERR_NONE) {
            return freeze_end(freeze, NULL) == ERR_NONE
                       ? failed
                       : error_set(err, ERR_NOT_THAWED, "a mount before '%s' could not be thawed",
                                   freeze->mounts[i].path);
        }
    }
    freeze->frozen_us = clock_mono_us();
    return ERR_NONE;
}

/* EINVAL says that it is not frozen: the watchdog or an operator was faster. */
static enum error_code thaw_one(struct freeze *freeze, size_t index, struct error *err)
{
    if (ioctl(freeze->fds[index], FITHAW, 0) == 0) {
        freeze->frozen[index] = false;
        return ERR_NONE;
    }
    if (errno == EINVAL) {
        freeze->frozen[index] = false;
        freeze->stolen = true;
        return ERR_NONE;
    }
    return error_set(err, ERR_NOT_THAWED, "cannot thaw '%s': %s", freeze->mounts[index].path,
                     strerrordesc_np(errno));
}

enum error_code freeze_end(struct freeze *freeze, struct error *err)
{
    enum error_code result = ERR_NONE;
    int64_t ended_us = clock_mono_us();
    bool any = false;
    for (size_t i = freeze->count; i > 0; i--) {
        if (!freeze->frozen[i - 1])
            continue;
        any = true;
        enum error_code thawed = thaw_one(freeze, i - 1, err);
        result = thawed != ERR_NONE ? thawed : result;
    }
    if (any) {
        freeze->ended_us = ended_us;
        freeze->thawed_us = clock_mono_us();
    }
    return result;
}
