#include "tests/sim/loop_device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SECTOR_BYTES 4096

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static int open_loop(int number, int flags)
{
    char path[32];
    (void)snprintf(path, sizeof(path), "/dev/loop%d", number);
    return open(path, flags | O_CLOEXEC);
}

static int free_number(void)
{
    CLEANUP(close_fd) int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    return control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
}

/* Direct I/O first, so that bytes are cached once and a clone finds nothing to flush. XFS demands
 * its own block size for direct writes to reflinked files (statx, STATX_DIOALIGN); hence 4096. */
static int configure(int device, int file, const struct loop_range *range, uint32_t flags)
{
    struct loop_config config = {
        .fd = (uint32_t)file,
        .block_size = SECTOR_BYTES,
        .info = {.lo_offset = (uint64_t)range->offset_bytes,
                 .lo_sizelimit = (uint64_t)range->size_bytes,
                 .lo_flags = flags | LO_FLAGS_DIRECT_IO},
    };
    (void)snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", range->path);
    if (ioctl(device, LOOP_CONFIGURE, &config) == 0)
        return 0;
    if (errno != EINVAL)
        return -1;
    config.info.lo_flags = flags;
    return ioctl(device, LOOP_CONFIGURE, &config);
}

/* Another process may take the free number first; then the next one is tried. */
enum error_code loop_attach(const struct loop_range *range, int *number, int *held_fd,
                            struct error *err)
{
    CLEANUP(close_fd) int file = open(range->path, O_RDWR | O_CLOEXEC);
    if (file < 0) {
        return error_set(err, ERR_SYSTEM, "cannot open '%s': %s", range->path,
                         strerrordesc_np(errno));
    }
    for (int attempt = 0; attempt < 64; attempt++) {
        int candidate = free_number();
        CLEANUP(close_fd) int device = candidate < 0 ? -1 : open_loop(candidate, O_RDWR);
        if (device < 0)
            break;
        if (configure(device, file, range, held_fd == NULL ? 0 : LO_FLAGS_AUTOCLEAR) == 0) {
            *number = candidate;
            if (held_fd != NULL) {
                *held_fd = device;
                device = -1;
            }
            return ERR_NONE;
        }
        if (errno != EBUSY)
            break;
    }
    return error_set(err, ERR_SYSTEM, "cannot make a loop device for '%s': %s", range->path,
                     strerrordesc_np(errno));
}

static bool read_attribute(const char *loop, const char *attribute, char *text, size_t size)
{
    char path[320];
    (void)snprintf(path, sizeof(path), "/sys/block/%s/loop/%s", loop, attribute);
    CLEANUP(close_fd) int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, text, size - 1);
    if (got <= 0)
        return false;
    text[got] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return true;
}

static bool shows_range(const char *loop, const struct loop_range *range)
{
    char text[4096];
    if (!read_attribute(loop, "backing_file", text, sizeof(text)) || strcmp(text, range->path) != 0)
        return false;
    if (!read_attribute(loop, "offset", text, sizeof(text)) ||
        strtoll(text, NULL, 10) != range->offset_bytes)
        return false;
    return read_attribute(loop, "sizelimit", text, sizeof(text)) &&
           strtoll(text, NULL, 10) == range->size_bytes;
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

int loop_find(const struct loop_range *range)
{
    CLEANUP(close_dir) DIR *dir = opendir("/sys/block");
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) { // NOLINT(concurrency-mt-unsafe)
        if (strncmp(entry->d_name, "loop", 4) == 0 && shows_range(entry->d_name, range))
            return (int)strtol(entry->d_name + 4, NULL, 10);
    }
    return -1;
}

void loop_detach(int number)
{
    CLEANUP(close_fd) int device = open_loop(number, O_RDONLY);
    if (device >= 0)
        (void)ioctl(device, LOOP_CLR_FD, 0);
}

bool loop_is_busy(int number)
{
    CLEANUP(close_fd) int device = open_loop(number, O_RDONLY | O_EXCL);
    return device < 0 && errno == EBUSY;
}

void loop_detach_under(const char *directory)
{
    CLEANUP(close_dir) DIR *dir = opendir("/sys/block");
    const struct dirent *entry;
    size_t length = strlen(directory);
    while (dir != NULL && (entry = readdir(dir)) != NULL) { // NOLINT(concurrency-mt-unsafe)
        char file[4096];
        if (strncmp(entry->d_name, "loop", 4) != 0 ||
            !read_attribute(entry->d_name, "backing_file", file, sizeof(file)))
            continue;
        if (strncmp(file, directory, length) == 0 && file[length] == '/')
            loop_detach((int)strtol(entry->d_name + 4, NULL, 10));
    }
}
