/* The part of freeze.h that deals with what somebody else froze, or an earlier run left frozen. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/freeze.h"
#include "core/host/mounts.h"

enum { LOOK_MS = 5000 };

/* Removing what does not exist changes nothing, yet waits for the thaw as every change does. */
static void try_change(const char *mount_point)
{
    char absent[PATH_MAX + 32];
    (void)snprintf(absent, sizeof(absent), "%s/.ebshift-frozen-%ld", mount_point, (long)getpid());
    (void)close_range(0, ~0U, 0); /* the lock of the store must not outlive us in a stuck child */
    (void)rmdir(absent);
}

/* Whoever waits for a thaw waits in the kernel, where no signal and no timer reach it: a child does
 * it, and is left behind if it must. */
static enum error_code check_thawed(const char *mount_point, struct error *err)
{
    pid_t child = fork();
    if (child == 0) {
        try_change(mount_point);
        _exit(0);
    }
    int handle = child > 0 ? pidfd_open(child, 0) : -1;
    if (handle < 0)
        return error_set(err, ERR_SYSTEM, "cannot start a process: %s", strerrordesc_np(errno));
    struct pollfd polled = {.fd = handle, .events = POLLIN};
    bool ended = poll(&polled, 1, LOOK_MS) == 1;
    close(handle);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, ended ? 0 : WNOHANG);
    return ended ? ERR_NONE
                 : error_set(err, ERR_QUIESCE, "'%s' is frozen already, by somebody else",
                             mount_point);
}

enum error_code freeze_check_thawed(const char *const *mount_points, size_t count,
                                    struct error *err)
{
    for (size_t i = 0; i < count && i < FREEZE_MOUNTS_MAX; i++)
        TRY(check_thawed(mount_points[i], err));
    return ERR_NONE;
}

enum error_code freeze_thaw_path(const char *mount_point, bool *was_frozen, struct error *err)
{
    int fd = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(err, ERR_SYSTEM, "cannot open mount point '%s': %s", mount_point,
                         strerrordesc_np(errno));
    }
    int failed = ioctl(fd, FITHAW, 0) == 0 ? 0 : errno;
    close(fd);
    if (failed != 0 && failed != EINVAL) {
        return error_set(err, ERR_NOT_THAWED, "cannot thaw '%s': %s", mount_point,
                         strerrordesc_np(failed));
    }
    *was_frozen = failed == 0;
    return ERR_NONE;
}

struct thaw_visit {
    void (*told)(void *context, const char *mount_point, bool was_frozen);
    void *context;
};

/* Numbers of devices are used again. */
static bool is_same_disk(const struct frozen_mount *mount)
{
    return mount_disk_number(&(struct mount_roots){0}, mount->device) == mount->disk;
}

static bool lies_on(const char *path, dev_t device)
{
    struct stat found;
    return stat(path, &found) == 0 && found.st_dev == device;
}

static void close_file(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file);
}

/* The name of a block device as sysfs tells it, "loop0"; false if there is no such device. */
static bool device_name(dev_t device, char *name, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/uevent", major(device), minor(device));
    CLEANUP(close_file) FILE *file = fopen(path, "re");
    char line[256];
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "DEVNAME=", 8) == 0) {
            (void)snprintf(name, size, "%s", line + 8);
            return true;
        }
    }
    return false;
}

/* Unmounting does not thaw: the frozen filesystem lives on, mounted nowhere, and holds its device.
 * It comes back, still frozen, when the device is mounted again. */
static enum error_code check_not_held(const struct frozen_mount *mount, struct error *err)
{
    char name[256];
    char path[sizeof(name) + 8];
    if (!device_name(mount->device, name, sizeof(name)))
        return ERR_NONE;
    (void)snprintf(path, sizeof(path), "/dev/%s", name);
    int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 || errno != EBUSY)
        return ERR_NONE;
    return error_set(err, ERR_NOT_THAWED,
                     "'%s', frozen at '%s', is mounted nowhere and still held: mount it, then run "
                     "'ebshift thaw' again",
                     path, mount->path);
}

/* A record may be older than the mount table: the filesystem may have moved, or be unmounted. */
static enum error_code thaw_recorded(void *context, const struct frozen_mount *mount,
                                     struct error *err)
{
    const struct thaw_visit *visit = context;
    const struct mount_roots roots = {0};
    const char *mount_point = mount->path;
    struct mount found;
    bool was_frozen = false;
    if (!lies_on(mount_point, mount->device) && mount->disk != 0 &&
        mount_find_device(&roots, mount->device, &found, NULL) == ERR_NONE)
        mount_point = found.mount_point;
    if (!is_same_disk(mount)) {
        mount_point = mount->path; /* the disk is gone, and the filesystem with it */
    } else if (lies_on(mount_point, mount->device)) {
        TRY(freeze_thaw_path(mount_point, &was_frozen, err));
    } else {
        TRY(check_not_held(mount, err));
    }
    if (visit->told != NULL)
        visit->told(visit->context, mount_point, was_frozen);
    return ERR_NONE;
}

enum error_code freeze_thaw_leftovers(const char *record_dir,
                                      void (*told)(void *context, const char *mount_point,
                                                   bool was_frozen),
                                      void *context, struct error *err)
{
    struct thaw_visit visit = {.told = told, .context = context};
    return frozen_record_visit(record_dir, thaw_recorded, &visit, err);
}
