/* The part of mounts.h below the filesystem: block devices, their parts, and by-id links. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/mounts.h"

#define EBS_LINK_PREFIX "nvme-Amazon_Elastic_Block_Store_vol"

enum { DEPTH_MAX = 8, LINK_SIZE = 2 * PATH_MAX };

/* One walk from a mount down to its disks. */
struct walk {
    const struct mount *mount;
    const char *by_id;
    struct volume_ids *ids;
};

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* "nvme-Amazon_Elastic_Block_Store_vol0abc", the same with "_1" (namespace) or "-part1" after it;
 * the serial number in it is the volume id without its dash. */
static bool parse_volume_id(const char *link_name, char id[CLOUD_ID_SIZE])
{
    if (strncmp(link_name, EBS_LINK_PREFIX, strlen(EBS_LINK_PREFIX)) != 0)
        return false;
    const char *digits = link_name + strlen(EBS_LINK_PREFIX);
    size_t length = strspn(digits, "0123456789abcdef");
    char after = digits[length];
    if (length < 8 || length > 17 || (after != '\0' && after != '_' && after != '-'))
        return false;
    (void)snprintf(id, CLOUD_ID_SIZE, "vol-%.*s", (int)length, digits);
    return true;
}

/* Where a link leads; false if it is none. */
static bool read_link(const char *dir, const char *link_name, char target[PATH_MAX])
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, link_name);
    ssize_t length = readlink(path, target, PATH_MAX - 1);
    if (length <= 0)
        return false;
    target[length] = '\0';
    return true;
}

static bool links_to(const char *dir, const char *link_name, const char *disk)
{
    char target[PATH_MAX];
    return read_link(dir, link_name, target) && strcmp(last_part(target), disk) == 0;
}

static bool find_volume_id(const char *by_id, const char *disk, char id[CLOUD_ID_SIZE])
{
    CLEANUP(close_dir) DIR *dir = opendir(by_id);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        if (parse_volume_id(entry->d_name, id) && links_to(by_id, entry->d_name, disk))
            return true;
    }
    return false;
}

static bool has_volume(const struct volume_ids *ids, const char *id)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (strcmp(ids->items[i], id) == 0)
            return true;
    }
    return false;
}

static enum error_code add_disk(const struct walk *walk, const char *disk, struct error *err)
{
    char id[CLOUD_ID_SIZE];
    if (!find_volume_id(walk->by_id, disk, id)) {
        return error_set(err, ERR_QUIESCE,
                         "'%s' lies on disk '%s', which is no EBS volume (no link in '%s')",
                         walk->mount->mount_point, disk, walk->by_id);
    }
    if (has_volume(walk->ids, id))
        return ERR_NONE;
    if (walk->ids->count == CLOUD_SET_MAX)
        return error_set(err, ERR_LIMIT, "more than %d volumes", CLOUD_SET_MAX);
    (void)snprintf(walk->ids->items[walk->ids->count++], CLOUD_ID_SIZE, "%s", id);
    return ERR_NONE;
}

static enum error_code walk_device(const struct walk *walk, const char *sys_link, int depth,
                                   struct error *err);

/* Visits what device-mapper or md built the device from; *count tells how many parts there are. */
static enum error_code walk_parts(const struct walk *walk, const char *device_dir, int depth,
                                  size_t *count, struct error *err)
{
    char parts[PATH_MAX + 16];
    char part[2 * PATH_MAX];
    (void)snprintf(parts, sizeof(parts), "%s/slaves", device_dir);
    CLEANUP(close_dir) DIR *dir = opendir(parts);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(part, sizeof(part), "%s/%s", parts, entry->d_name);
        TRY(walk_device(walk, part, depth + 1, err));
        ++*count;
    }
    return ERR_NONE;
}

/* A partition's directory lies in its disk's and has a file "partition". */
static void step_to_disk(char device_dir[PATH_MAX])
{
    char mark[PATH_MAX + 16];
    (void)snprintf(mark, sizeof(mark), "%s/partition", device_dir);
    if (access(mark, F_OK) == 0)
        *strrchr(device_dir, '/') = '\0';
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as device stacks are, bounded by DEPTH_MAX */
static enum error_code walk_device(const struct walk *walk, const char *sys_link, int depth,
                                   struct error *err)
{
    char device_dir[PATH_MAX];
    if (depth > DEPTH_MAX || realpath(sys_link, device_dir) == NULL) {
        return error_set(err, ERR_QUIESCE,
                         "'%s' lies on '%s', which is no block device known to '%s'",
                         walk->mount->mount_point, walk->mount->source, sys_link);
    }
    step_to_disk(device_dir);
    size_t part_count = 0;
    TRY(walk_parts(walk, device_dir, depth, &part_count, err));
    return part_count > 0 ? ERR_NONE : add_disk(walk, last_part(device_dir), err);
}

/* Major 0 is an anonymous device: btrfs, whose source is a block device, or no device at all. */
static void first_device(const char *sys, const struct mount *mount, char link[LINK_SIZE])
{
    if (mount->device_major != 0) {
        (void)snprintf(link, LINK_SIZE, "%s/dev/block/%u:%u", sys, mount->device_major,
                       mount->device_minor);
    } else {
        (void)snprintf(link, LINK_SIZE, "%s/class/block/%s", sys, last_part(mount->source));
    }
}

static const char *by_id_of(const struct mount_roots *roots)
{
    return roots->by_id != NULL ? roots->by_id : "/dev/disk/by-id";
}

enum error_code mount_volumes(const struct mount_roots *roots, const struct mount *mount,
                              struct volume_ids *ids, struct error *err)
{
    struct volume_ids found = *ids;
    struct walk walk = {.mount = mount, .by_id = by_id_of(roots), .ids = &found};
    char link[LINK_SIZE];
    first_device(roots->sys != NULL ? roots->sys : "/sys", mount, link);
    TRY(walk_device(&walk, link, 0, err));
    *ids = found;
    return ERR_NONE;
}

/* A partition's link names the volume too; the disk's counters hold those of its partitions. */
static bool is_partition(const char *link_name)
{
    return strstr(link_name, "-part") != NULL;
}

enum error_code mount_disk_of(const struct mount_roots *roots, const char *volume_id, char *disk,
                              size_t size, struct error *err)
{
    const char *by_id = by_id_of(roots);
    CLEANUP(close_dir) DIR *dir = opendir(by_id);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        char id[CLOUD_ID_SIZE];
        char target[PATH_MAX];
        if (parse_volume_id(entry->d_name, id) && strcmp(id, volume_id) == 0 &&
            !is_partition(entry->d_name) && read_link(by_id, entry->d_name, target)) {
            (void)snprintf(disk, size, "%s", last_part(target));
            return ERR_NONE;
        }
    }
    return error_set(err, ERR_NOT_FOUND, "volume '%s' is not attached here (no link in '%s')",
                     volume_id, by_id);
}

enum error_code mount_check_covered(const struct mount_roots *roots, const char *what,
                                    const char *path, const struct volume_ids *set,
                                    struct error *err)
{
    struct mount mount;
    struct volume_ids needed = {0};
    TRY(mount_find(roots, path, &mount, err));
    TRY(mount_volumes(roots, &mount, &needed, err));
    for (size_t i = 0; i < needed.count; i++) {
        if (!has_volume(set, needed.items[i])) {
            return error_set(err, ERR_QUIESCE, "%s at '%s' lies on volume '%s', not in the set",
                             what, path, needed.items[i]);
        }
    }
    return ERR_NONE;
}
