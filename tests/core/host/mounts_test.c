#include "core/host/mounts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "core/host/counter_local.h"

/* A fake machine under one directory: proc/self/mountinfo, sys/, by-id/, and the mount points as
 * plain directories, because paths are resolved for real. */
static char base[PATH_MAX];
static char proc[PATH_MAX + 16];
static char sys[PATH_MAX + 16];
static char by_id[PATH_MAX + 16];
static const struct mount_roots roots = {.proc = proc, .sys = sys, .by_id = by_id};

static const char *at(const char *format, ...) PRINTF_LIKE(1, 2);

/* A path below the fake machine; valid until the fourth call after. */
static const char *at(const char *format, ...)
{
    static char paths[4][2 * PATH_MAX];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    int length = snprintf(path, sizeof(paths[0]), "%s/", base);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(path + length, sizeof(paths[0]) - (size_t)length, format, arguments);
    va_end(arguments);
    return path;
}

static void make_dirs(const char *path)
{
    char part[2 * PATH_MAX];
    (void)snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(part, 0700);
        *slash = '/';
    }
    (void)mkdir(part, 0700);
}

static void link_to(const char *target, const char *path)
{
    cr_assert_eq(symlink(target, path), 0, "%s", path);
}

static void make_disk(const char *name, unsigned major, unsigned minor, const char *volume)
{
    make_dirs(at("sys/devices/pci/%s", name));
    link_to(at("sys/devices/pci/%s", name), at("sys/dev/block/%u:%u", major, minor));
    link_to(at("sys/devices/pci/%s", name), at("sys/class/block/%s", name));
    if (volume[0] != '\0')
        link_to(at("dev/%s", name), at("by-id/nvme-Amazon_Elastic_Block_Store_%s", volume));
}

static void make_partition(const char *disk, const char *name, unsigned major, unsigned minor)
{
    make_dirs(at("sys/devices/pci/%s/%s/partition", disk, name));
    link_to(at("sys/devices/pci/%s/%s", disk, name), at("sys/dev/block/%u:%u", major, minor));
}

static void make_stack(const char *name, unsigned major, unsigned minor)
{
    make_dirs(at("sys/devices/virtual/block/%s/slaves", name));
    link_to(at("sys/devices/virtual/block/%s", name), at("sys/dev/block/%u:%u", major, minor));
}

static void add_part(const char *stack, const char *part_path)
{
    const char *name = strrchr(part_path, '/') + 1;
    link_to(at("sys/devices/%s", part_path),
            at("sys/devices/virtual/block/%s/slaves/%s", stack, name));
}

/* nvme1n1: whole disk. nvme2n1: partitioned. dm-0: LVM over nvme3n1 and partition nvme4n1p1.
 * md0: RAID over dm-0 and nvme1n1. nvme5n1: instance store, no link. loop7: the simulator's. */
static void make_machine(void)
{
    (void)snprintf(base, sizeof(base), "/tmp/ebshift-mounts-XXXXXX");
    cr_assert_not_null(mkdtemp(base));
    (void)snprintf(proc, sizeof(proc), "%s/proc", base);
    (void)snprintf(sys, sizeof(sys), "%s/sys", base);
    (void)snprintf(by_id, sizeof(by_id), "%s/by-id", base);
    static const char *const dirs[] = {"proc/self",   "sys/dev/block",  "sys/class/block", "by-id",
                                       "m/data/deep", "m/data/wal dir", "m/lvm",           "m/raid",
                                       "m/part",      "m/store",        "m/none",          "m/sim",
                                       "m/btrfs"};
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        make_dirs(at("%s", dirs[i]));
    make_disk("nvme1n1", 259, 1, "vol0a1b2c3d4e5f60718");
    make_disk("nvme2n1", 259, 2, "vol1a1b2c3d4e5f60718_1");
    make_disk("nvme3n1", 259, 3, "vol2a1b2c3d4e5f60718");
    make_disk("nvme4n1", 259, 4, "vol3a1b2c3d4e5f60718-ns-1");
    make_disk("nvme5n1", 259, 5, "");
    make_disk("loop7", 7, 7, "vol7a1b2c3d4e5f60718");
    make_partition("nvme2n1", "nvme2n1p1", 259, 12);
    make_partition("nvme4n1", "nvme4n1p1", 259, 14);
    link_to(at("dev/nvme2n1p1"),
            at("by-id/nvme-Amazon_Elastic_Block_Store_vol1a1b2c3d4e5f60718-part1"));
    link_to(at("dev/nvme5n1"), at("by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_AWS1A2B3C"));
    make_stack("dm-0", 252, 0);
    add_part("dm-0", "pci/nvme3n1");
    add_part("dm-0", "pci/nvme4n1/nvme4n1p1");
    make_stack("md0", 9, 0);
    add_part("md0", "virtual/block/dm-0");
    add_part("md0", "pci/nvme1n1");

    FILE *table = fopen(at("proc/self/mountinfo"), "w");
    cr_assert_not_null(table);
    (void)fprintf(table,
                  "22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
                  "30 22 8:99 / %s/m/data rw - ext4 /dev/covered rw\n"
                  "31 22 259:1 / %s/m/data rw,noatime shared:2 master:9 - xfs /dev/nvme1n1 rw\n"
                  "32 31 259:12 / %s/m/data/wal\\040dir rw - ext4 /dev/nvme2n1p1 rw\n"
                  "33 22 252:0 / %s/m/lvm rw - xfs /dev/mapper/vg-data rw\n"
                  "34 22 9:0 / %s/m/raid rw - ext4 /dev/md0 rw\n"
                  "35 22 259:5 / %s/m/store rw - ext4 /dev/nvme5n1 rw\n"
                  "36 22 0:45 / %s/m/none rw - tmpfs tmpfs rw\n"
                  "37 22 7:7 / %s/m/sim rw - ext4 /dev/loop7 rw\n"
                  "38 22 0:46 / %s/m/btrfs rw - btrfs /dev/nvme3n1 rw\n",
                  base, base, base, base, base, base, base, base, base);
    (void)fclose(table);
}

static void remove_tree(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/bin/rm", "rm", "-rf", base, (char *)NULL);
        _exit(1);
    }
    (void)waitpid(pid, NULL, 0);
}

TestSuite(mounts, .init = make_machine, .fini = remove_tree);

struct volumes_case {
    char path[24];
    char mount_point[24]; /* below the base */
    char want[64];        /* ids, sorted, joined by a space */
};

ParameterizedTestParameters(mounts, volumes)
{
    static struct volumes_case cases[] = {
        {"m/data", "m/data", "vol-0a1b2c3d4e5f60718"},
        {"m/data/deep", "m/data", "vol-0a1b2c3d4e5f60718"},
        {"m/data/wal dir", "m/data/wal dir", "vol-1a1b2c3d4e5f60718"},
        {"m/lvm", "m/lvm", "vol-2a1b2c3d4e5f60718 vol-3a1b2c3d4e5f60718"},
        {"m/sim", "m/sim", "vol-7a1b2c3d4e5f60718"},
        {"m/btrfs", "m/btrfs", "vol-2a1b2c3d4e5f60718"},
    };
    return cr_make_param_array(struct volumes_case, cases, sizeof(cases) / sizeof(cases[0]));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

ParameterizedTest(struct volumes_case *c, mounts, volumes)
{
    struct mount mount = {0};
    struct volume_ids ids = {0};
    struct error err = {0};
    cr_assert_eq(mount_find(&roots, at("%s", c->path), &mount, &err), ERR_NONE, "%s", err.message);
    cr_expect_str_eq(mount.mount_point, at("%s", c->mount_point), "%s", c->path);
    cr_assert_eq(mount_volumes(&roots, &mount, &ids, &err), ERR_NONE, "%s", err.message);
    char joined[256] = "";
    qsort(ids.items, ids.count, sizeof(ids.items[0]), by_name);
    for (size_t i = 0; i < ids.count; i++) {
        (void)snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s",
                       i > 0 ? " " : "", ids.items[i]);
    }
    cr_expect_str_eq(joined, c->want, "%s", c->path);
}

static enum error_code volumes_of(const char *path, struct volume_ids *ids, struct error *err)
{
    struct mount mount = {0};
    TRY(mount_find(&roots, at("%s", path), &mount, err));
    return mount_volumes(&roots, &mount, ids, err);
}

Test(mounts, raid_over_lvm_names_every_volume_once)
{
    struct volume_ids ids = {0};
    struct error err = {0};
    cr_assert_eq(volumes_of("m/raid", &ids, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(ids.count, 3);
    cr_assert_eq(volumes_of("m/data", &ids, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(ids.count, 3, "nvme1n1 is a part of the raid already");
}

Test(mounts, instance_store_is_refused_by_name)
{
    struct volume_ids ids = {0};
    struct error err = {0};
    cr_assert_eq(volumes_of("m/store", &ids, &err), ERR_QUIESCE);
    cr_expect_not_null(strstr(err.message, "nvme5n1"), "%s", err.message);
    cr_expect_not_null(strstr(err.message, "m/store"), "%s", err.message);
    cr_expect_eq(ids.count, 0, "the output must stay untouched");
}

Test(mounts, no_block_device_is_refused_by_name)
{
    struct volume_ids ids = {0};
    struct error err = {0};
    cr_assert_eq(volumes_of("m/none", &ids, &err), ERR_QUIESCE);
    cr_expect_not_null(strstr(err.message, "tmpfs"), "%s", err.message);
}

Test(mounts, links_are_followed_first)
{
    struct mount mount = {0};
    struct error err = {0};
    link_to(at("m/lvm"), at("m/data/pg_wal"));
    cr_assert_eq(mount_find(&roots, at("m/data/pg_wal"), &mount, &err), ERR_NONE);
    cr_expect_str_eq(mount.mount_point, at("m/lvm"));
    cr_expect_str_eq(mount.source, "/dev/mapper/vg-data");
    cr_expect_str_eq(mount.filesystem, "xfs");
}

Test(mounts, a_path_that_is_not_there_is_not_found)
{
    struct mount mount = {0};
    struct error err = {0};
    cr_expect_eq(mount_find(&roots, at("m/nowhere"), &mount, &err), ERR_NOT_FOUND);
}

Test(mounts, a_device_is_found_where_it_is_mounted)
{
    struct mount mount;
    struct error err = {0};
    cr_assert_eq(mount_find_device(&roots, makedev(259, 12), &mount, &err), ERR_NONE);
    cr_expect_str_eq(mount.mount_point, at("m/data/wal dir"));
    cr_expect_eq(mount_find_device(&roots, makedev(259, 4), &mount, &err), ERR_NOT_FOUND);
}

Test(mounts, a_sibling_with_a_longer_name_is_not_inside)
{
    struct mount mount = {0};
    struct error err = {0};
    make_dirs(at("m/data2"));
    cr_assert_eq(mount_find(&roots, at("m/data2"), &mount, &err), ERR_NONE);
    cr_expect_str_eq(mount.mount_point, "/");
}

Test(mounts, a_set_without_a_volume_of_the_path_is_refused_by_name)
{
    struct volume_ids set = {.items = {"vol-2a1b2c3d4e5f60718"}, .count = 1};
    struct error err = {0};
    cr_assert_eq(mount_check_covered(&roots, "tablespace 'cold'", at("m/lvm"), &set, &err),
                 ERR_QUIESCE);
    cr_expect_not_null(strstr(err.message, "tablespace 'cold'"), "%s", err.message);
    cr_expect_not_null(strstr(err.message, "vol-3a1b2c3d4e5f60718"), "%s", err.message);
}

Test(mounts, a_set_with_every_volume_of_the_path_covers_it)
{
    struct volume_ids set = {
        .items = {"vol-0a1b2c3d4e5f60718", "vol-3a1b2c3d4e5f60718", "vol-2a1b2c3d4e5f60718"},
        .count = 3};
    struct error err = {0};
    cr_expect_eq(mount_check_covered(&roots, "data directory", at("m/lvm"), &set, &err), ERR_NONE,
                 "%s", err.message);
}

static void write_line(const char *path, const char *line)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    (void)fputs(line, file);
    (void)fclose(file);
}

Test(mounts, the_kernel_counts_what_was_written_to_a_volume)
{
    struct error err;
    struct counter_reading reading;
    struct counter counter = counter_local(&roots);
    make_dirs(at("proc/sys/kernel/random"));
    write_line(at("proc/sys/kernel/random/boot_id"), "5f0c-b007\n");
    write_line(at("sys/devices/pci/nvme2n1/diskseq"), "12\n");
    write_line(at("sys/devices/pci/nvme2n1/stat"),
               "    1034     5   80123   411    2500     17   98765    902   0  600  1313\n");
    cr_assert_eq(counter.read(counter.self, "vol-1a1b2c3d4e5f60718", &reading, &err), ERR_NONE,
                 "%s", err.message);
    cr_expect_eq(reading.ops, 2500);
    cr_expect_eq(reading.bytes, INT64_C(98765) * 512);
    cr_expect_str_eq(reading.origin, "5f0c-b007 12");
    cr_expect_eq(counter.read(counter.self, "vol-ffffffffffffffff0", &reading, &err),
                 ERR_NOT_FOUND);
    cr_expect_eq(counter.read(counter.self, "vol-0a1b2c3d4e5f60718", &reading, &err), ERR_SYSTEM,
                 "a disk without counters");
    cr_expect_eq(reading.ops, 2500, "the output must stay untouched");
}
