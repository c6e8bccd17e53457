#include "core/host/fs_features.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A word of features in the superblock, little-endian in ext4 and big-endian in XFS. A kernel that
 * does not know a bit of an `incompat` word does not mount, one of a `ro_compat` word only to
 * read. The kernel's documentation names both words, its log the version that brought each bit. */
struct feature {
    size_t offset;
    uint32_t bit;
    const char *name;
    int major;
    int minor;
};

#define EXT4           1024 /* where the superblock begins */
#define EXT4_INCOMPAT  (EXT4 + 0x60)
#define EXT4_RO_COMPAT (EXT4 + 0x64)

static const struct feature ext4_features[] = {
    {EXT4_INCOMPAT, 0x2, "filetype", 2, 6},
    {EXT4_INCOMPAT, 0x4, "needs_recovery", 2, 6},
    {EXT4_INCOMPAT, 0x10, "meta_bg", 2, 6},
    {EXT4_INCOMPAT, 0x40, "extent", 2, 6},
    {EXT4_INCOMPAT, 0x80, "64bit", 2, 6},
    {EXT4_INCOMPAT, 0x100, "mmp", 3, 0},
    {EXT4_INCOMPAT, 0x200, "flex_bg", 2, 6},
    {EXT4_INCOMPAT, 0x400, "ea_inode", 4, 13},
    {EXT4_INCOMPAT, 0x2000, "metadata_csum_seed", 4, 4},
    {EXT4_INCOMPAT, 0x4000, "large_dir", 4, 13},
    {EXT4_INCOMPAT, 0x8000, "inline_data", 3, 8},
    {EXT4_INCOMPAT, 0x10000, "encrypt", 4, 1},
    {EXT4_INCOMPAT, 0x20000, "casefold", 5, 2},
    {EXT4_RO_COMPAT, 0x1, "sparse_super", 2, 6},
    {EXT4_RO_COMPAT, 0x2, "large_file", 2, 6},
    {EXT4_RO_COMPAT, 0x8, "huge_file", 2, 6},
    {EXT4_RO_COMPAT, 0x10, "uninit_bg", 2, 6},
    {EXT4_RO_COMPAT, 0x20, "dir_nlink", 2, 6},
    {EXT4_RO_COMPAT, 0x40, "extra_isize", 2, 6},
    {EXT4_RO_COMPAT, 0x100, "quota", 3, 6},
    {EXT4_RO_COMPAT, 0x200, "bigalloc", 3, 2},
    {EXT4_RO_COMPAT, 0x400, "metadata_csum", 3, 6},
    {EXT4_RO_COMPAT, 0x2000, "project", 4, 5},
    {EXT4_RO_COMPAT, 0x8000, "verity", 5, 4},
    {EXT4_RO_COMPAT, 0x10000, "orphan_file", 5, 15},
};

#define XFS_RO_COMPAT 212
#define XFS_INCOMPAT  216

static const struct feature xfs_features[] = {
    {XFS_RO_COMPAT, 0x1, "finobt", 3, 16},      {XFS_RO_COMPAT, 0x2, "rmapbt", 4, 8},
    {XFS_RO_COMPAT, 0x4, "reflink", 4, 9},      {XFS_RO_COMPAT, 0x8, "inobtcount", 5, 10},
    {XFS_INCOMPAT, 0x1, "ftype", 3, 10},        {XFS_INCOMPAT, 0x2, "sparse", 4, 2},
    {XFS_INCOMPAT, 0x4, "meta_uuid", 4, 3},     {XFS_INCOMPAT, 0x8, "bigtime", 5, 10},
    {XFS_INCOMPAT, 0x10, "needsrepair", 5, 12}, {XFS_INCOMPAT, 0x20, "nrext64", 5, 19},
    {XFS_INCOMPAT, 0x40, "exchange", 6, 10},    {XFS_INCOMPAT, 0x80, "parent", 6, 10},
    {XFS_INCOMPAT, 0x100, "metadir", 6, 13},
};

static uint32_t le32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static uint32_t be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[3] | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[0] << 24;
}

static void need(struct fs_needs *needs, const struct feature *feature)
{
    if (feature->major < needs->major ||
        (feature->major == needs->major && feature->minor <= needs->minor))
        return;
    needs->major = feature->major;
    needs->minor = feature->minor;
    (void)snprintf(needs->feature, sizeof(needs->feature), "%s", feature->name);
}

/* Takes the features of one word; bits that no row names are unknown. */
static void take_word(const struct feature *features, size_t count, size_t offset, uint32_t word,
                      struct fs_needs *needs)
{
    for (size_t i = 0; i < count; i++) {
        if (features[i].offset != offset || (word & features[i].bit) == 0)
            continue;
        need(needs, &features[i]);
        word &= ~features[i].bit;
    }
    needs->unknown = needs->unknown || word != 0;
}

static enum error_code no_mark(const char *filesystem, struct error *err)
{
    return error_set(err, ERR_INVALID, "no superblock of %s where it should be", filesystem);
}

static enum error_code ext4_needs(const uint8_t *bytes, struct fs_needs *needs, struct error *err)
{
    static const size_t words[] = {EXT4_INCOMPAT, EXT4_RO_COMPAT};
    if (bytes[EXT4 + 0x38] != 0x53 || bytes[EXT4 + 0x39] != 0xef)
        return no_mark("ext4", err);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        take_word(ext4_features, sizeof(ext4_features) / sizeof(ext4_features[0]), words[i],
                  le32(bytes + words[i]), needs);
    }
    return ERR_NONE;
}

static enum error_code xfs_needs(const uint8_t *bytes, struct fs_needs *needs, struct error *err)
{
    static const size_t words[] = {XFS_RO_COMPAT, XFS_INCOMPAT};
    static const struct feature crc = {0, 0, "crc", 3, 15};
    if (memcmp(bytes, "XFSB", 4) != 0)
        return no_mark("xfs", err);
    if ((bytes[101] & 0xf) < 5) /* without checksums there are no words of features */
        return ERR_NONE;
    need(needs, &crc);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        take_word(xfs_features, sizeof(xfs_features) / sizeof(xfs_features[0]), words[i],
                  be32(bytes + words[i]), needs);
    }
    return ERR_NONE;
}

enum error_code fs_needs_of(const char *filesystem, const uint8_t *bytes, struct fs_needs *needs,
                            struct error *err)
{
    struct fs_needs read = {.major = 2, .minor = 6};
    if (strcmp(filesystem, "ext4") == 0) {
        TRY(ext4_needs(bytes, &read, err));
    } else if (strcmp(filesystem, "xfs") == 0) {
        TRY(xfs_needs(bytes, &read, err));
    } else {
        return error_set(err, ERR_NOT_FOUND, "the features of %s are not known here", filesystem);
    }
    *needs = read;
    return ERR_NONE;
}

enum error_code fs_needs_read(const char *filesystem, const char *device, struct fs_needs *needs,
                              struct error *err)
{
    uint8_t bytes[FS_SUPERBLOCK_BYTES] = {0};
    int fd = open(device, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, bytes, sizeof(bytes), 0);
    int why = errno;
    if (fd >= 0)
        (void)close(fd);
    if (got != (ssize_t)sizeof(bytes))
        return error_set(err, ERR_SYSTEM, "cannot read '%s': %s", device, strerrordesc_np(why));
    return fs_needs_of(filesystem, bytes, needs, err);
}
