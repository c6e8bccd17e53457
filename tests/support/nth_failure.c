#include "tests/support/nth_failure.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <sqlite3.h>

static int64_t seen;
static int64_t fails_at;
static bool armed;

void nth_failure_arm(int64_t n)
{
    seen = 0;
    fails_at = n;
    armed = true;
}

int64_t nth_failure_disarm(void)
{
    armed = false;
    return seen;
}

static bool fails(int failure)
{
    if (!armed || ++seen != fails_at)
        return false;
    errno = failure;
    return true;
}

/* ---- what the libraries under test call in the place of libc's ---- */

void *nth_calloc(size_t count, size_t size);
void *nth_reallocarray(void *old, size_t count, size_t size);
FILE *nth_fopen(const char *path, const char *mode);
int nth_fclose(FILE *file);
int nth_fsync(int fd);
int nth_ftruncate(int fd, off_t size);
ssize_t nth_pwrite(int fd, const void *bytes, size_t length, off_t at);
int nth_mkdir(const char *path, mode_t mode);
int nth_flock(int fd, int operation);

void *nth_malloc(size_t size)
{
    return fails(ENOMEM) ? NULL : malloc(size);
}

void *nth_calloc(size_t count, size_t size)
{
    return fails(ENOMEM) ? NULL : calloc(count, size);
}

void *nth_realloc(void *old, size_t size)
{
    return fails(ENOMEM) ? NULL : realloc(old, size);
}

void *nth_reallocarray(void *old, size_t count, size_t size)
{
    return fails(ENOMEM) ? NULL : reallocarray(old, count, size);
}

char *nth_strdup(const char *text)
{
    return fails(ENOMEM) ? NULL : strdup(text);
}

FILE *nth_fopen(const char *path, const char *mode)
{
    return fails(EMFILE) ? NULL : fopen(path, mode);
}

/* A full disk shows itself here, when the last bytes are written. */
int nth_fclose(FILE *file)
{
    bool failed = fails(ENOSPC);
    int result = fclose(file);
    if (!failed)
        return result;
    errno = ENOSPC;
    return EOF;
}

int nth_fsync(int fd)
{
    return fails(EIO) ? -1 : fsync(fd);
}

int nth_ftruncate(int fd, off_t size)
{
    return fails(ENOSPC) ? -1 : ftruncate(fd, size);
}

ssize_t nth_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    return fails(ENOSPC) ? -1 : pwrite(fd, bytes, length, at);
}

int nth_mkdir(const char *path, mode_t mode)
{
    return fails(ENOSPC) ? -1 : mkdir(path, mode);
}

int nth_flock(int fd, int operation)
{
    return fails(EIO) ? -1 : flock(fd, operation);
}

/* ---- SQLite ---- */

static sqlite3_mem_methods usual;

static void *sqlite_malloc(int size)
{
    return fails(ENOMEM) ? NULL : usual.xMalloc(size);
}

static void *sqlite_realloc(void *old, int size)
{
    return fails(ENOMEM) ? NULL : usual.xRealloc(old, size);
}

void nth_failure_watch_sqlite(void)
{
    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual), SQLITE_OK);
    sqlite3_mem_methods watched = usual;
    watched.xMalloc = sqlite_malloc;
    watched.xRealloc = sqlite_realloc;
    /* Without its cache of small pieces each request comes by here. */
    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &watched), SQLITE_OK);
    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

/* ---- the loop ---- */

int nth_failure_everywhere(const char *what, nth_try *attempt, void *self, int64_t first,
                           int64_t stride)
{
    int failures = 0;
    bool more = true;
    for (int64_t n = first; more; n += stride) {
        struct error err = {0};
        nth_failure_arm(n);
        enum error_code code = attempt(self, &err);
        more = nth_failure_disarm() >= n;
        cr_assert(more || code == ERR_NONE, "%s without a failure: %s", what, err.message);
        if (code != ERR_NONE) {
            cr_assert_neq(err.message[0], '\0', "%s: call %d failed in silence", what, (int)n);
            failures++;
        }
    }
    return failures;
}
