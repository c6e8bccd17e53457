/* mounts.h: from a path to the mount it lies on, and on to the EBS volumes under it.
 *
 * Reads the kernel's mount table and sysfs, and the links udev makes for EBS volumes; changes
 * nothing. The roots are arguments, so that a test, or a simulator with its own folder of links,
 * can stand in. */
#ifndef CORE_HOST_MOUNTS_H
#define CORE_HOST_MOUNTS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/cloud.h"
#include "model/error.h"

/* Where to look; NULL members mean the usual place. All borrowed. */
struct mount_roots {
    const char *proc;  /* "/proc" */
    const char *sys;   /* "/sys" */
    const char *by_id; /* "/dev/disk/by-id" */
};

/* The mount a path lies on. A plain value. */
struct mount {
    char mount_point[PATH_MAX];
    char source[PATH_MAX]; /* as the mount table says, for example "/dev/mapper/vg-data" */
    char filesystem[64];   /* "ext4", "xfs", ... */
    unsigned device_major;
    unsigned device_minor;
};

/* Volume ids without repeats, in the order they were found. A plain value. */
struct volume_ids {
    char items[CLOUD_SET_MAX][CLOUD_ID_SIZE];
    size_t count;
};

/* Finds the mount that holds an existing path; links are followed first.
 * Errors: ERR_NOT_FOUND if the path does not exist; ERR_SYSTEM. */
MUST_CHECK enum error_code mount_find(const struct mount_roots *roots, const char *path,
                                      struct mount *mount, struct error *err);

/* Finds a mount of a device, the last one made.
 * Errors: ERR_NOT_FOUND if it is mounted nowhere; ERR_SYSTEM. */
MUST_CHECK enum error_code mount_find_device(const struct mount_roots *roots, dev_t device,
                                             struct mount *mount, struct error *err);

/* The number that the kernel gave to the disk behind a device, and to no other since it booted; 0 if
 * there is none, or the kernel (before 5.15) counts no disks. */
uint64_t mount_disk_number(const struct mount_roots *roots, dev_t device);

/* Adds to *ids the EBS volumes that the mount's block device is made of: through partitions,
 * device-mapper (LVM, LUKS) and md to the disks, and by their by-id link to volume ids. *ids is
 * untouched on failure. btrfs is only followed to the device the mount table names.
 * Errors: ERR_QUIESCE, naming mount and disk, if a disk is no EBS volume or there is no block device
 * at all; ERR_LIMIT if more than 40 volumes would be in *ids; ERR_SYSTEM. */
MUST_CHECK enum error_code mount_volumes(const struct mount_roots *roots, const struct mount *mount,
                                         struct volume_ids *ids, struct error *err);

/* Names the disk that an attached volume is here, for example "nvme1n1".
 * Errors: ERR_NOT_FOUND if no link names the volume. */
MUST_CHECK enum error_code mount_disk_of(const struct mount_roots *roots, const char *volume_id,
                                         char *disk, size_t size, struct error *err);

/* Checks that every volume under `path` is in `set`; `what` names the place in the error, for
 * example "tablespace 'cold'".
 * Errors: ERR_QUIESCE naming place, path and volume if one is missing; as the two above. */
MUST_CHECK enum error_code mount_check_covered(const struct mount_roots *roots, const char *what,
                                               const char *path, const struct volume_ids *set,
                                               struct error *err);

#endif
