#include "tests/sim/pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/extent.h"
#include "tests/sim/loop_device.h"

#define REAL_SIZE 4096 /* what realpath() may fill */
#define ROOT_SIZE 4200
#define PATH_SIZE 4608
/* Sparse, and more than any test needs; the log is small so that making it costs little. */
#define IMAGE_BYTES (INT64_C(1) << 40)
/* Ranges start on this boundary, which every reflink granularity divides. */
#define ALIGN_BYTES (INT64_C(1) << 30)

/* A clone at work in a thread of its own. */
struct clone {
    bool started;
    pthread_t thread;
    int source;
    int target;
    bool whole; /* the file, else the range to the start of the target */
    struct file_clone_range range;
    atomic_bool ended;
    int problem; /* an errno; to be read once ended */
};

struct pool {
    struct clone clone;
    char root[ROOT_SIZE]; /* resolved */
    bool mounted;         /* an image of its own, to be unmounted */
};

extern char **environ;

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static enum error_code fail(struct error *err, const char *what, const char *path)
{
    return error_set(err, ERR_SYSTEM, "cannot %s '%s': %s", what, path, strerrordesc_np(errno));
}

static void zone_path(const struct pool *pool, const char *zone, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/%s.img", pool->root, zone);
}

static void cut_path(const struct pool *pool, int64_t cut_id, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/cut-%lld.img", pool->root, (long long)cut_id);
}

/* Tries it out, which is the only answer that counts. */
static bool can_reflink(const char *directory)
{
    char from[PATH_SIZE];
    char into[PATH_SIZE];
    (void)snprintf(from, sizeof(from), "%s/.reflink-from", directory);
    (void)snprintf(into, sizeof(into), "%s/.reflink-into", directory);
    CLEANUP(close_fd) int source = open(from, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CLEANUP(close_fd) int target = open(into, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    static const char page[4096];
    bool able = source >= 0 && target >= 0 &&
                write(source, page, sizeof(page)) == (ssize_t)sizeof(page) &&
                ioctl(target, FICLONE, source) == 0;
    (void)unlink(from);
    (void)unlink(into);
    return able;
}

static enum error_code run_mkfs(const char *image, struct error *err)
{
    char *const arguments[] = {
        strdup("mkfs.xfs"),  strdup("-q"),       strdup("-f"),
        strdup("-K"),        strdup("-m"),       strdup("reflink=1,rmapbt=0"),
        strdup("-l"),        strdup("size=64m"), strdup("-s"),
        strdup("size=4096"), strdup(image),      NULL};
    pid_t child;
    int status = posix_spawnp(&child, arguments[0], NULL, NULL, arguments, environ);
    for (size_t i = 0; arguments[i] != NULL; i++)
        free(arguments[i]);
    if (status != 0)
        return error_set(err, ERR_STATE, "mkfs.xfs cannot be run: %s", strerrordesc_np(status));
    if (waitpid(child, &status, 0) != child || status != 0)
        return error_set(err, ERR_STATE, "mkfs.xfs failed on '%s'", image);
    return ERR_NONE;
}

/* Made under another name first: a half-made image must not be taken for a pool. */
static enum error_code make_image(const char *image, struct error *err)
{
    char draft[PATH_SIZE + 8];
    (void)snprintf(draft, sizeof(draft), "%s.new", image);
    CLEANUP(close_fd) int file = open(draft, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, IMAGE_BYTES) != 0)
        return fail(err, "create", draft);
    TRY(run_mkfs(draft, err));
    if (rename(draft, image) != 0)
        return fail(err, "create", image);
    return ERR_NONE;
}

static bool is_mount_point(const char *directory)
{
    char parent[PATH_SIZE + 8];
    struct stat inside;
    struct stat above;
    (void)snprintf(parent, sizeof(parent), "%s/..", directory);
    return stat(directory, &inside) == 0 && stat(parent, &above) == 0 &&
           inside.st_dev != above.st_dev;
}

static enum error_code mount_image(const char *image, const char *directory, struct error *err)
{
    CLEANUP(close_fd) int held = -1;
    int number = -1;
    TRY(loop_attach(&(struct loop_range){image, 0, 0}, &number, &held, err));
    char device[32];
    (void)snprintf(device, sizeof(device), "/dev/loop%d", number);
    if (mount(device, directory, "xfs", MS_NOATIME, "discard,nouuid") != 0)
        return fail(err, "mount the pool at", directory);
    return ERR_NONE;
}

static enum error_code open_image(struct pool *pool, const char *state_dir, struct error *err)
{
    char image[PATH_SIZE];
    (void)snprintf(image, sizeof(image), "%s/pool.img", state_dir);
    pool->mounted = true;
    if (is_mount_point(pool->root))
        return ERR_NONE;
    if (geteuid() != 0)
        return error_set(err, ERR_STATE, "the pool needs root");
    if (access(image, F_OK) != 0)
        TRY(make_image(image, err));
    return mount_image(image, pool->root, err);
}

enum error_code pool_open(struct pool **pool, const char *state_dir, struct error *err)
{
    char resolved[REAL_SIZE];
    if (realpath(state_dir, resolved) == NULL)
        return fail(err, "find", state_dir);
    struct pool *made = calloc(1, sizeof(*made));
    assert(made != NULL);
    (void)snprintf(made->root, sizeof(made->root), "%s/pool", resolved);
    enum error_code code = ERR_NONE;
    if (mkdir(made->root, 0700) != 0 && errno != EEXIST) {
        code = fail(err, "create", made->root);
    } else if (geteuid() != 0 || !can_reflink(made->root)) {
        code = open_image(made, resolved, err);
    }
    if (code != ERR_NONE) {
        free(made);
        return code;
    }
    *pool = made;
    return ERR_NONE;
}

enum error_code pool_clean(const char *state_dir, struct error *err)
{
    char root[ROOT_SIZE];
    char resolved[REAL_SIZE];
    if (realpath(state_dir, resolved) == NULL)
        return errno == ENOENT ? ERR_NONE : fail(err, "find", state_dir);
    (void)snprintf(root, sizeof(root), "%s/pool", resolved);
    loop_detach_under(root);
    while (is_mount_point(root)) {
        if (umount2(root, UMOUNT_NOFOLLOW) != 0 && umount2(root, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
            return fail(err, "unmount", root);
    }
    loop_detach_under(resolved);
    return ERR_NONE;
}

enum error_code pool_allot(struct pool *pool, const char *zone, int64_t size_bytes,
                           int64_t *offset_bytes, struct error *err)
{
    char path[PATH_SIZE];
    zone_path(pool, zone, path);
    CLEANUP(close_fd) int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0)
        return fail(err, "open", path);
    int64_t offset = (info.st_size + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    if (ftruncate(file, offset + size_bytes) != 0)
        return fail(err, "grow", path);
    *offset_bytes = offset;
    return ERR_NONE;
}

void pool_release(struct pool *pool, const struct pool_range *range)
{
    char path[PATH_SIZE];
    zone_path(pool, range->zone, path);
    CLEANUP(close_fd) int file = open(path, O_RDWR | O_CLOEXEC);
    if (file >= 0) {
        (void)fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range->offset_bytes,
                        range->size_bytes);
    }
}

static int create(const char *path)
{
    return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static bool clone_range(int source, int64_t offset, int64_t length, int target, int64_t at)
{
    struct file_clone_range range = {source, (uint64_t)offset, (uint64_t)length, (uint64_t)at};
    return ioctl(target, FICLONERANGE, &range) == 0;
}

/* Where the clone of a whole zone waits to be split. */
static void instant_path(const struct pool *pool, int64_t first_cut_id, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/instant-%lld.img", pool->root, (long long)first_cut_id);
}

static void *run_clone(void *argument)
{
    struct clone *clone = argument;
    int result = clone->whole ? ioctl(clone->target, FICLONE, clone->source)
                              : ioctl(clone->target, FICLONERANGE, &clone->range);
    clone->problem = result == 0 ? 0 : errno;
    atomic_store(&clone->ended, true);
    return NULL;
}

/* The kernel locks both files against writers before it maps the first extent and until it has
 * mapped the last. So once the target has space of its own the instant is fixed, and whoever writes
 * waits; the caller need not. */
static bool wait_until_fixed(struct clone *clone)
{
    struct stat info;
    while (!atomic_load(&clone->ended)) {
        if (fstat(clone->target, &info) == 0 && info.st_blocks > 0)
            return true;
        (void)usleep(50);
    }
    return clone->problem == 0;
}

static enum error_code finish_clone(struct pool *pool, struct error *err)
{
    struct clone *clone = &pool->clone;
    if (!clone->started)
        return ERR_NONE;
    (void)pthread_join(clone->thread, NULL);
    (void)close(clone->source);
    (void)close(clone->target);
    clone->started = false;
    if (clone->problem == 0)
        return ERR_NONE;
    return error_set(err, ERR_SYSTEM, "a clone failed: %s", strerrordesc_np(clone->problem));
}

void pool_close(struct pool *pool)
{
    struct error err;
    if (pool == NULL)
        return;
    if (finish_clone(pool, &err) != ERR_NONE)
        (void)fprintf(stderr, "cloudsim: %s\n", err.message);
    if (pool->mounted && umount2(pool->root, UMOUNT_NOFOLLOW) != 0)
        (void)umount2(pool->root, MNT_DETACH | UMOUNT_NOFOLLOW);
    free(pool);
}

/* One volume's range can be cloned at once. Several are fixed by a clone of everything, as the
 * clone of one inode is what shuts out the writers of all of them. */
enum error_code pool_cut(struct pool *pool, const struct pool_range *ranges, const int64_t *cut_ids,
                         size_t count, struct error *err)
{
    char path[PATH_SIZE];
    struct clone *clone = &pool->clone;
    TRY(finish_clone(pool, err));
    zone_path(pool, ranges[0].zone, path);
    clone->source = open(path, O_RDONLY | O_CLOEXEC);
    if (clone->source < 0)
        return fail(err, "open", path);
    if (count == 1) {
        cut_path(pool, cut_ids[0], path);
    } else {
        instant_path(pool, cut_ids[0], path);
    }
    clone->target = create(path);
    clone->whole = count > 1;
    clone->range = (struct file_clone_range){clone->source, (uint64_t)ranges[0].offset_bytes,
                                             (uint64_t)ranges[0].size_bytes, 0};
    atomic_store(&clone->ended, false);
    if (clone->target < 0 || pthread_create(&clone->thread, NULL, run_clone, clone) != 0) {
        (void)close(clone->source);
        close_fd(&clone->target);
        return fail(err, "clone into", path);
    }
    clone->started = true;
    if (wait_until_fixed(clone))
        return ERR_NONE;
    (void)unlink(path);
    return finish_clone(pool, err);
}

/* A server killed in the middle of a clone leaves a file that is too short. */
static bool is_whole(int file, int64_t size_bytes)
{
    struct stat info;
    return fstat(file, &info) == 0 && info.st_size >= size_bytes;
}

static enum error_code check_whole(const struct pool *pool, const struct pool_range *range,
                                   int64_t cut_id, struct error *err)
{
    char path[PATH_SIZE];
    cut_path(pool, cut_id, path);
    CLEANUP(close_fd) int cut = open(path, O_RDONLY | O_CLOEXEC);
    if (cut < 0 || !is_whole(cut, range->size_bytes))
        return error_set(err, ERR_SYSTEM, "the clone '%s' was cut short", path);
    return ERR_NONE;
}

enum error_code pool_split(struct pool *pool, const struct pool_range *ranges,
                           const int64_t *cut_ids, size_t count, struct error *err)
{
    char instant[PATH_SIZE];
    TRY(finish_clone(pool, err));
    if (count == 1)
        return check_whole(pool, &ranges[0], cut_ids[0], err);
    instant_path(pool, cut_ids[0], instant);
    CLEANUP(close_fd) int whole = open(instant, O_RDONLY | O_CLOEXEC);
    if (whole < 0)
        return fail(err, "open", instant);
    for (size_t i = 0; i < count; i++) {
        char path[PATH_SIZE];
        cut_path(pool, cut_ids[i], path);
        CLEANUP(close_fd) int cut = create(path);
        if (cut < 0 || !is_whole(whole, ranges[i].offset_bytes + ranges[i].size_bytes) ||
            !clone_range(whole, ranges[i].offset_bytes, ranges[i].size_bytes, cut, 0))
            return fail(err, "clone into", path);
    }
    (void)unlink(instant);
    return ERR_NONE;
}

enum error_code pool_restore(struct pool *pool, int64_t cut_id, const struct pool_range *range,
                             struct error *err)
{
    char path[PATH_SIZE];
    cut_path(pool, cut_id, path);
    CLEANUP(close_fd) int cut = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (cut < 0 || fstat(cut, &info) != 0)
        return fail(err, "open", path);
    zone_path(pool, range->zone, path);
    CLEANUP(close_fd) int zone = open(path, O_RDWR | O_CLOEXEC);
    if (zone < 0 || !clone_range(cut, 0, info.st_size, zone, range->offset_bytes))
        return fail(err, "restore into", path);
    return ERR_NONE;
}

void pool_drop_cut(struct pool *pool, int64_t cut_id)
{
    char path[PATH_SIZE];
    cut_path(pool, cut_id, path);
    (void)unlink(path);
}

enum error_code pool_changes(struct pool *pool, int64_t base_id, int64_t cut_id, int64_t size_bytes,
                             struct block_set *blocks, struct error *err)
{
    char path[PATH_SIZE];
    cut_path(pool, cut_id, path);
    CLEANUP(close_fd) int cut = open(path, O_RDONLY | O_CLOEXEC);
    if (cut < 0)
        return fail(err, "open", path);
    cut_path(pool, base_id, path);
    CLEANUP(close_fd) int base = base_id == 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (base_id != 0 && base < 0)
        return fail(err, "open", path);
    return extent_changes(base, cut, size_bytes, blocks, err);
}

enum error_code pool_begin_cut(struct pool *pool, int64_t base_id, int64_t cut_id,
                               int64_t size_bytes, struct error *err)
{
    char path[PATH_SIZE];
    cut_path(pool, base_id, path);
    CLEANUP(close_fd) int base = base_id == 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (base_id != 0 && base < 0)
        return fail(err, "open", path);
    cut_path(pool, cut_id, path);
    CLEANUP(close_fd) int cut = create(path);
    if (cut < 0 || (base >= 0 && ioctl(cut, FICLONE, base) != 0) || ftruncate(cut, size_bytes) != 0)
        return fail(err, "make", path);
    return ERR_NONE;
}

enum error_code pool_write(struct pool *pool, int64_t cut_id, int64_t offset_bytes,
                           const uint8_t *buffer, size_t size, struct error *err)
{
    char path[PATH_SIZE];
    cut_path(pool, cut_id, path);
    CLEANUP(close_fd) int cut = open(path, O_WRONLY | O_CLOEXEC);
    if (cut < 0 || pwrite(cut, buffer, size, offset_bytes) != (ssize_t)size)
        return fail(err, "write", path);
    return ERR_NONE;
}

enum error_code pool_read(struct pool *pool, int64_t cut_id, int64_t offset_bytes, uint8_t *buffer,
                          size_t size, struct error *err)
{
    char path[PATH_SIZE];
    cut_path(pool, cut_id, path);
    CLEANUP(close_fd) int cut = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = cut < 0 ? -1 : pread(cut, buffer, size, offset_bytes);
    if (got < 0)
        return fail(err, "read", path);
    memset(buffer + got, 0, size - (size_t)got);
    return ERR_NONE;
}

enum error_code pool_attach(struct pool *pool, const struct pool_range *range, int *loop_number,
                            struct error *err)
{
    char path[PATH_SIZE];
    zone_path(pool, range->zone, path);
    struct loop_range wanted = {path, range->offset_bytes, range->size_bytes};
    int found = loop_find(&wanted);
    if (found < 0)
        return loop_attach(&wanted, loop_number, NULL, err);
    *loop_number = found;
    return ERR_NONE;
}

bool pool_is_busy(int loop_number)
{
    return loop_is_busy(loop_number);
}

void pool_detach(int loop_number)
{
    loop_detach(loop_number);
}

/* Columns as in the kernel's Documentation/block/stat.rst; sectors are 512 bytes. */
bool pool_counters(int loop_number, struct pool_counters *counters)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/sys/block/loop%d/stat", loop_number);
    CLEANUP(close_fd) int file = open(path, O_RDONLY | O_CLOEXEC);
    char text[256];
    ssize_t got = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
    if (got <= 0)
        return false;
    text[got] = '\0';
    uint64_t columns[7];
    char *at = text;
    for (size_t i = 0; i < 7; i++)
        columns[i] = strtoull(at, &at, 10);
    *counters = (struct pool_counters){columns[0], columns[2] * 512, columns[4], columns[6] * 512};
    return true;
}
