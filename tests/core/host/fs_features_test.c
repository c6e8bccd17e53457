#include "core/host/fs_features.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* Words of a superblock, as mkfs of a certain age writes them. */
struct needs_case {
    char why[48];
    char filesystem[8];
    uint32_t incompat;
    uint32_t ro_compat;
    enum error_code want;
    int major;
    int minor;
    char feature[20];
    bool unknown;
};

ParameterizedTestParameters(fs_features, needs)
{
    static struct needs_case cases[] = {
        {"ext4 of e2fsprogs 1.43", "ext4", 0x2c2, 0x46b, ERR_NONE, 3, 6, "metadata_csum", false},
        {"ext4 of e2fsprogs 1.47", "ext4", 0x22c2, 0x1046b, ERR_NONE, 5, 15, "orphan_file", false},
        {"ext4 with casefold", "ext4", 0x202c2, 0x46b, ERR_NONE, 5, 2, "casefold", false},
        {"ext4 of the future", "ext4", 0x402002c2, 0x46b, ERR_NONE, 3, 6, "metadata_csum", true},
        {"xfs of xfsprogs 4.9", "xfs", 0x1, 0x1, ERR_NONE, 3, 16, "finobt", false},
        {"xfs of xfsprogs 5.15", "xfs", 0xb, 0xd, ERR_NONE, 5, 10, "inobtcount", false},
        {"xfs with large extent counters", "xfs", 0x2b, 0xf, ERR_NONE, 5, 19, "nrext64", false},
        {"xfs of the future", "xfs", 0x4000000b, 0x5, ERR_NONE, 5, 10, "bigtime", true},
        {"another one", "btrfs", 0, 0, ERR_NOT_FOUND, 0, 0, "", false},
    };
    return cr_make_param_array(struct needs_case, cases, sizeof(cases) / sizeof(cases[0]));
}

static void put_le(uint8_t *at, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(word >> (8 * i));
}

static void put_be(uint8_t *at, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        at[3 - i] = (uint8_t)(word >> (8 * i));
}

static void make(const struct needs_case *c, uint8_t bytes[FS_SUPERBLOCK_BYTES])
{
    if (strcmp(c->filesystem, "xfs") == 0) {
        memcpy(bytes, "XFSB", 4);
        bytes[100] = 0xb4;
        bytes[101] = 0xb5; /* version 5 in the low four bits */
        put_be(bytes + 212, c->ro_compat);
        put_be(bytes + 216, c->incompat);
    } else {
        bytes[1024 + 0x38] = 0x53;
        bytes[1024 + 0x39] = 0xef;
        put_le(bytes + 1024 + 0x60, c->incompat);
        put_le(bytes + 1024 + 0x64, c->ro_compat);
    }
}

ParameterizedTest(struct needs_case *c, fs_features, needs)
{
    uint8_t bytes[FS_SUPERBLOCK_BYTES] = {0};
    struct fs_needs needs = {0};
    struct error err = {0};
    make(c, bytes);
    cr_assert_eq(fs_needs_of(c->filesystem, bytes, &needs, &err), c->want, "%s", c->why);
    if (c->want != ERR_NONE)
        return;
    cr_expect_eq(needs.major, c->major, "%s: %d", c->why, needs.major);
    cr_expect_eq(needs.minor, c->minor, "%s: %d", c->why, needs.minor);
    cr_expect_str_eq(needs.feature, c->feature, "%s", c->why);
    cr_expect_eq(needs.unknown, c->unknown, "%s", c->why);
}

Test(fs_features, what_is_no_superblock_is_told)
{
    uint8_t bytes[FS_SUPERBLOCK_BYTES] = {0};
    struct fs_needs needs = {0};
    struct error err = {0};
    cr_expect_eq(fs_needs_of("ext4", bytes, &needs, &err), ERR_INVALID);
    cr_expect_eq(fs_needs_of("xfs", bytes, &needs, &err), ERR_INVALID);
}

Test(fs_features, an_old_xfs_needs_nothing_new)
{
    uint8_t bytes[FS_SUPERBLOCK_BYTES] = "XFSB";
    struct fs_needs needs = {0};
    struct error err = {0};
    bytes[101] = 4;
    bytes[219] = 0xff; /* no feature words in that version: whatever lies there */
    cr_assert_eq(fs_needs_of("xfs", bytes, &needs, &err), ERR_NONE);
    cr_expect_eq(needs.major, 2);
    cr_expect_not(needs.unknown);
}
