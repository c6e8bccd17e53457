#include "cli/whole_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum error_code cannot(const char *path, int why, struct error *err)
{
    return error_set(err, ERR_SYSTEM, "cannot write '%s': %s", path, strerrordesc_np(why));
}

/* Writes through to the disk, so that the name never stands for less than all of it. */
static bool fill(int fd, void (*print)(const void *context, FILE *out), const void *context)
{
    FILE *out = fdopen(fd, "w");
    if (out == NULL) {
        (void)close(fd);
        return false;
    }
    print(context, out);
    bool filled = fflush(out) == 0 && ferror(out) == 0 && fsync(fd) == 0;
    return fclose(out) == 0 && filled;
}

enum error_code whole_file_write(const char *path, void (*print)(const void *context, FILE *out),
                                 const void *context, struct error *err)
{
    char beside[PATH_MAX];
    if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
        return cannot(path, ENAMETOOLONG, err);
    int fd = mkstemp(beside);
    if (fd < 0)
        return cannot(path, errno, err);
    if (fill(fd, print, context) && rename(beside, path) == 0)
        return ERR_NONE;
    int why = errno;
    (void)unlink(beside);
    return cannot(path, why, err);
}
