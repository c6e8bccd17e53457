/* Memory is short, or a file cannot be written, at any call: an error, or the whole result. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "core/config.h"
#include "core/host/frozen_record.h"
#include "core/host/mounts.h"
#include "core/pg/directory.h"
#include "tests/support/nth_failure.h"

static char base[] = "/tmp/ebshift-nth-XXXXXX";
static char path[64];

static void make_base(void)
{
    cr_assert_not_null(mkdtemp(base));
}

static void remove_base(void)
{
    char command[64];
    static const char *const names[] = {"conf",           "PG_VERSION",   "postmaster.pid",
                                        "pg_wal",         "pg_tblspc/16", "pg_tblspc",
                                        "self/mountinfo", "self",         "run"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(command, sizeof(command), "%s/%s", base, names[i]);
        if (unlink(command) != 0)
            (void)rmdir(command);
    }
    (void)rmdir(base);
}

TestSuite(host_failure, .init = make_base, .fini = remove_base);

static const char *in_base(const char *name)
{
    (void)snprintf(path, sizeof(path), "%s/%s", base, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_base(name), "w");
    cr_assert_not_null(file);
    (void)fputs(text, file);
    cr_assert_eq(fclose(file), 0);
}

static enum error_code read_config(void *self, struct error *err)
{
    struct config config;
    (void)self;
    config_init(&config);
    TRY(config_read_file(&config, in_base("conf"), err));
    cr_assert_eq(config.volume_count, 2);
    cr_assert_str_eq(config.source_region, "us-east-1");
    return ERR_NONE;
}

Test(host_failure, config)
{
    write_file("conf", "[source]\nregion = us-east-1\nvolume = vol-0123456789abcdef0\n"
                       "volume = vol-0123456789abcdef1\n");
    cr_assert_gt(nth_failure_everywhere("config", read_config, NULL, 1, 1), 0);
}

static enum error_code visit(void *self, const struct frozen_mount *mount, struct error *err)
{
    int *count = self;
    (void)err;
    cr_assert_str_eq(mount->path, "/srv/data");
    (*count)++;
    return ERR_NONE;
}

/* Law 2: a record that was not written whole must not be believed to be there. */
static enum error_code keep_record(void *self, struct error *err)
{
    static struct frozen_mount mounts[1];
    char dir[64];
    int count = 0;
    (void)self;
    mounts[0].device = makedev(259, 3);
    (void)snprintf(mounts[0].path, sizeof(mounts[0].path), "/srv/data");
    (void)snprintf(dir, sizeof(dir), "%s", in_base("run"));
    enum error_code code = frozen_record_write(dir, mounts, 1, err);
    if (code == ERR_NONE)
        code = frozen_record_visit(dir, visit, &count, err);
    cr_assert(code != ERR_NONE || count == 1);
    frozen_record_remove(dir);
    return code;
}

Test(host_failure, frozen_record)
{
    cr_assert_gt(nth_failure_everywhere("record", keep_record, NULL, 1, 1), 0);
}

static enum error_code find_mount(void *self, struct error *err)
{
    struct mount mount = {0};
    struct mount_roots roots = {.proc = base, .sys = base, .by_id = base};
    (void)self;
    TRY(mount_find(&roots, "/usr", &mount, err));
    cr_assert_str_eq(mount.mount_point, "/");
    cr_assert_eq(mount.device_minor, 1);
    return ERR_NONE;
}

Test(host_failure, mount_table)
{
    cr_assert_eq(mkdir(in_base("self"), 0700), 0);
    write_file("self/mountinfo", "22 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n");
    cr_assert_gt(nth_failure_everywhere("mounts", find_mount, NULL, 1, 1), 0);
}

static enum error_code read_directory(void *self, struct error *err)
{
    CLEANUP_PG_FACTS struct pg_facts facts = {0};
    char conninfo[256];
    (void)self;
    TRY(pg_directory_conninfo(base, conninfo, sizeof(conninfo), err));
    cr_assert_str_eq(conninfo, "host='/run/pg' port=5433 user=postgres dbname=postgres");
    TRY(pg_directory_places(base, &facts, err));
    cr_assert_eq(facts.place_count, 3);
    return ERR_NONE;
}

Test(host_failure, data_directory)
{
    write_file("PG_VERSION", "15\n");
    write_file("postmaster.pid", "1\n/d\n1\n5433\n/run/pg\nlocalhost\n");
    cr_assert_eq(mkdir(in_base("pg_wal"), 0700), 0);
    cr_assert_eq(mkdir(in_base("pg_tblspc"), 0700), 0);
    cr_assert_eq(symlink("/tmp", in_base("pg_tblspc/16")), 0);
    cr_assert_gt(nth_failure_everywhere("directory", read_directory, NULL, 1, 1), 0);
}
