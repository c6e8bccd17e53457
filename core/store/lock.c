/* The part of store.h that lets one process act. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/store/db.h"
#include "model/instant.h"

#define HOLDER_SIZE 160

static void describe_self(int64_t now_ms, char text[HOLDER_SIZE])
{
    char host[65] = "?";
    char since[INSTANT_TEXT_SIZE];
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(text, HOLDER_SIZE, "process %d on host '%s' since %s\n", (int)getpid(), host,
                   instant_text(now_ms, since));
}

/* The holder writes a moment after it has locked, so there may be no name yet. */
static enum error_code locked(const struct store *store, int fd, struct error *err)
{
    char holder[HOLDER_SIZE];
    ssize_t length = pread(fd, holder, sizeof(holder) - 1, 0);
    holder[length > 0 ? length : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    return error_set(err, ERR_LOCKED, "%s is at work on the store '%s'",
                     holder[0] != '\0' ? holder : "another process", store->directory);
}

/* Somebody who takes the lock file for stale may delete it; the database nobody deletes, and a lock
 * on it stands beside SQLite's, which are of another kind. */
static enum error_code take_data(struct store *store, struct error *err)
{
    char path[sizeof(store->directory) + 16];
    (void)snprintf(path, sizeof(path), "%s/ebshift.db", store->directory);
    store->data_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (store->data_fd < 0 || flock(store->data_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return ERR_NONE; /* the lock file holds, as it does where this kind is not known */
    return error_set(err, ERR_LOCKED,
                     "another process is at work on the store '%s', and its lock file was deleted",
                     store->directory);
}

static enum error_code take(struct store *store, int fd, int64_t now_ms, struct error *err)
{
    char self[HOLDER_SIZE];
    bool taken = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (!taken && errno == EWOULDBLOCK)
        return locked(store, fd, err);
    TRY(take_data(store, err));
    describe_self(now_ms, self);
    size_t length = strlen(self);
    if (taken && ftruncate(fd, 0) == 0 && pwrite(fd, self, length, 0) == (ssize_t)length)
        return ERR_NONE;
    return error_set(err, ERR_STORE, "cannot write '%s/lock': %s", store->directory,
                     strerrordesc_np(errno));
}

/* The lock is the kernel's, so it goes with the process however that ends; what stands in the file
 * is only there to be told. */
enum error_code store_lock(struct store *store, int64_t now_ms, struct error *err)
{
    char path[sizeof(store->directory) + 16];
    (void)snprintf(path, sizeof(path), "%s/lock", store->directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, ERR_STORE, "cannot open '%s': %s", path, strerrordesc_np(errno));
    enum error_code code = take(store, fd, now_ms, err);
    if (code != ERR_NONE) {
        (void)close(fd);
        return code;
    }
    store->lock_fd = fd;
    return ERR_NONE;
}

enum error_code store_check_there(struct store *store, struct error *err)
{
    int moved = 0;
    int told = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (told != SQLITE_OK || moved == 0)
        return ERR_NONE;
    return error_set(
        err, ERR_STORE,
        "the store in '%s' was deleted or replaced while it was in use; what was made is "
        "found by its tag 'ebshift:run'",
        store->directory);
}
