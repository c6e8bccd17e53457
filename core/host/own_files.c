/* The part of freeze.h that looks for our own files on a set of mounts. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/host/freeze.h"

static enum error_code check_device(const struct freeze *freeze, dev_t device, const char *what,
                                    const char *subject, struct error *err)
{
    for (size_t i = 0; i < freeze->count; i++) {
        if (freeze->mounts[i].device == device) {
            return error_set(err, ERR_QUIESCE, "'%s' cannot be frozen: %s '%s' lies on it",
                             freeze->mounts[i].path, what, subject);
        }
    }
    return ERR_NONE;
}

/* What does not exist yet would be made in its nearest parent. */
static enum error_code check_path(const struct freeze *freeze, const char *path, const char *what,
                                  struct error *err)
{
    char tried[PATH_MAX];
    struct stat found;
    (void)snprintf(tried, sizeof(tried), "%s", path);
    while (stat(tried, &found) != 0) {
        char *slash = strrchr(tried, '/');
        if (slash == NULL)
            return ERR_NONE;
        slash[slash == tried ? 1 : 0] = '\0';
    }
    return check_device(freeze, found.st_dev, what, path, err);
}

static bool is_written(int fd)
{
    struct stat found;
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && fstat(fd, &found) == 0 &&
           S_ISREG(found.st_mode);
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

/* Every file open for writing: standard output, the log, the store and its journal. */
static enum error_code check_open_files(const struct freeze *freeze, struct error *err)
{
    CLEANUP(close_dir) DIR *fds = opendir("/proc/self/fd");
    if (fds == NULL)
        return error_set(err, ERR_SYSTEM, "cannot list open files: %s", strerrordesc_np(errno));
    const struct dirent *entry = NULL;
    while ((entry = readdir(fds)) != NULL) { /* NOLINT(concurrency-mt-unsafe): one thread */
        char link[PATH_MAX];
        char target[PATH_MAX] = "";
        int fd = (int)strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] == '.' || !is_written(fd))
            continue;
        struct stat found;
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        if (fstat(fd, &found) != 0 || readlink(link, target, sizeof(target) - 1) < 0)
            continue;
        TRY(check_device(freeze, found.st_dev, "our open file", target, err));
    }
    return ERR_NONE;
}

static void close_file(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file);
}

/* A page that must come back from a swap file is read, not written, but the kernel may choose to
 * swap out just then; swap partitions are not filesystems and show as paths under /dev. */
static enum error_code check_swaps(const struct freeze *freeze, struct error *err)
{
    CLEANUP(close_file) FILE *swaps = fopen("/proc/swaps", "re");
    char line[PATH_MAX + 128];
    while (swaps != NULL && fgets(line, sizeof(line), swaps) != NULL) {
        line[strcspn(line, " \t\n")] = '\0';
        if (line[0] == '/' && strncmp(line, "/dev/", 5) != 0)
            TRY(check_path(freeze, line, "swap file", err));
    }
    return ERR_NONE;
}

enum error_code freeze_check_own(const struct freeze *freeze, const char *const *own_paths,
                                 size_t own_count, struct error *err)
{
    TRY(check_path(freeze, "/proc/self/exe", "our executable", err));
    TRY(check_path(freeze, ".", "our working directory", err));
    for (size_t i = 0; i < own_count; i++)
        TRY(check_path(freeze, own_paths[i], "our file", err));
    TRY(check_open_files(freeze, err));
    return check_swaps(freeze, err);
}
