#include "cli/whole_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum error_code cannot(const char *path, int why, struct error *err)
{
    return error_set(err, ERR_SYSTEM, "cannot write '%s': %s", path, strerrordesc_np(why));
}

static bool fill(FILE *out, void (*print)(const void *context, FILE *out), const void *context)
{
    print(context, out);
    return fflush(out) == 0 && ferror(out) == 0;
}

/* Written through to the disk, so that the name never stands for less than all of it. */
static bool fill_beside(int fd, void (*print)(const void *context, FILE *out), const void *context)
{
    FILE *out = fdopen(fd, "w");
    if (out == NULL) {
        (void)close(fd);
        return false;
    }
    bool filled = fill(out, print, context) && fsync(fd) == 0;
    return fclose(out) == 0 && filled;
}

/* Devices and pipes are written to: a file in the place of /dev/null would be the end of it. */
static bool is_special(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode);
}

static enum error_code write_special(const char *path,
                                     void (*print)(const void *context, FILE *out),
                                     const void *context, struct error *err)
{
    FILE *out = fopen(path, "we");
    bool filled = out != NULL && fill(out, print, context);
    int why = errno;
    if (out != NULL && fclose(out) != 0 && filled) {
        filled = false;
        why = errno;
    }
    return filled ? ERR_NONE : cannot(path, why, err);
}

enum error_code whole_file_write(const char *path, void (*print)(const void *context, FILE *out),
                                 const void *context, struct error *err)
{
    char target[PATH_MAX];
    char beside[PATH_MAX];
    if (is_special(path))
        return write_special(path, print, context, err);
    /* What a link leads to is replaced, and not the link. */
    if (realpath(path, target) == NULL)
        (void)snprintf(target, sizeof(target), "%s", path);
    if (snprintf(beside, sizeof(beside), "%s.XXXXXX", target) >= (int)sizeof(beside))
        return cannot(path, ENAMETOOLONG, err);
    int fd = mkstemp(beside);
    if (fd < 0)
        return cannot(path, errno, err);
    if (fill_beside(fd, print, context) && rename(beside, target) == 0)
        return ERR_NONE;
    int why = errno;
    (void)unlink(beside);
    return cannot(path, why, err);
}
