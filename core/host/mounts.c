#include "core/host/mounts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

static void close_file(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file);
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* The kernel writes space, tab, newline and backslash as three octal digits (proc(5)). */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) && is_octal(from[3])) {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* "36 35 98:0 /root /mount/point options [optional...] - fstype source options" */
static bool parse_mount(const char *line, struct mount *mount)
{
    char device[32];
    char *minor_at = NULL;
    const char *tail = strstr(line, " - ");
    if (tail == NULL || sscanf(line, "%*s %*s %31s %*s %4095s", device, mount->mount_point) != 2 ||
        sscanf(tail + 3, "%63s %4095s", mount->filesystem, mount->source) != 2)
        return false;
    mount->device_major = (unsigned)strtoul(device, &minor_at, 10);
    if (*minor_at != ':')
        return false;
    mount->device_minor = (unsigned)strtoul(minor_at + 1, NULL, 10);
    unescape(mount->mount_point);
    unescape(mount->source);
    return true;
}

static bool contains(const char *mount_point, const char *path)
{
    size_t length = strlen(mount_point);
    if (length > 0 && mount_point[length - 1] == '/')
        length--; /* only "/" ends so */
    return strncmp(mount_point, path, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* The mount table, which the caller closes; NULL with *err filled. */
static FILE *open_table(const struct mount_roots *roots, struct error *err)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/self/mountinfo",
                   roots->proc != NULL ? roots->proc : "/proc");
    FILE *table = fopen(path, "re");
    if (table == NULL)
        (void)error_set(err, ERR_SYSTEM, "cannot read '%s': %s", path, strerrordesc_np(errno));
    return table;
}

/* The longest mount point wins; of equal ones the later, which covers the earlier. */
enum error_code mount_find(const struct mount_roots *roots, const char *path, struct mount *mount,
                           struct error *err)
{
    char real[PATH_MAX];
    if (realpath(path, real) == NULL)
        return error_set(err, ERR_NOT_FOUND, "cannot find '%s': %s", path, strerrordesc_np(errno));
    CLEANUP(close_file) FILE *table = open_table(roots, err);
    if (table == NULL)
        return ERR_SYSTEM;
    char line[3 * PATH_MAX];
    struct mount read;
    struct mount best = {0};
    while (fgets(line, sizeof(line), table) != NULL) {
        if (parse_mount(line, &read) && contains(read.mount_point, real) &&
            strlen(read.mount_point) >= strlen(best.mount_point))
            best = read;
    }
    if (best.mount_point[0] == '\0')
        return error_set(err, ERR_SYSTEM, "the mount table has no mount for '%s'", real);
    *mount = best;
    return ERR_NONE;
}

enum error_code mount_find_device(const struct mount_roots *roots, dev_t device,
                                  struct mount *mount, struct error *err)
{
    CLEANUP(close_file) FILE *table = open_table(roots, err);
    if (table == NULL)
        return ERR_SYSTEM;
    char line[3 * PATH_MAX];
    struct mount read;
    bool found = false;
    while (fgets(line, sizeof(line), table) != NULL) {
        if (!parse_mount(line, &read) || makedev(read.device_major, read.device_minor) != device)
            continue;
        *mount = read;
        found = true;
    }
    return found ? ERR_NONE
                 : error_set(err, ERR_NOT_FOUND, "device %u:%u is mounted nowhere", major(device),
                             minor(device));
}

/* A partition has the number of its disk, one directory up. */
uint64_t mount_disk_number(const struct mount_roots *roots, dev_t device)
{
    static const char *const places[] = {"diskseq", "../diskseq"};
    char path[PATH_MAX];
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && number == 0; i++) {
        (void)snprintf(path, sizeof(path), "%s/dev/block/%u:%u/%s",
                       roots->sys != NULL ? roots->sys : "/sys", major(device), minor(device),
                       places[i]);
        CLEANUP(close_file) FILE *file = fopen(path, "re");
        char line[32];
        if (file != NULL && fgets(line, sizeof(line), file) != NULL)
            number = strtoull(line, NULL, 10);
    }
    return number;
}
