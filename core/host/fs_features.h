/* fs_features.h: which kernel can mount a filesystem, by the features in its superblock.
 *
 * Knows ext4 and XFS, each by a table of feature, name and first kernel. */
#ifndef CORE_HOST_FS_FEATURES_H
#define CORE_HOST_FS_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"

/* From where a superblock is read, and how much of it. */
#define FS_SUPERBLOCK_BYTES 2048

/* What a filesystem asks of a kernel. A plain value. */
struct fs_needs {
    int major; /* the first kernel that mounts it for writing */
    int minor;
    char feature[32]; /* that asks for it */
    bool unknown;     /* a feature that the table does not know: made by newer tools */
};

/* Judges the first bytes of a device, of which there are FS_SUPERBLOCK_BYTES. Pure.
 * Errors: ERR_NOT_FOUND for another filesystem than these; ERR_INVALID if its mark is missing. */
MUST_CHECK enum error_code fs_needs_of(const char *filesystem, const uint8_t *bytes,
                                       struct fs_needs *needs, struct error *err);

/* Reads them from a block device. Errors: as above; ERR_SYSTEM. */
MUST_CHECK enum error_code fs_needs_read(const char *filesystem, const char *device,
                                         struct fs_needs *needs, struct error *err);

#endif
