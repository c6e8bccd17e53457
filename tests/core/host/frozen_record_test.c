#include "core/host/frozen_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <criterion/criterion.h>

static char dir[] = "/tmp/ebshift-record-XXXXXX";
static char inner[64];

static void make_dir(void)
{
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(inner, sizeof(inner), "%s/run", dir);
}

static void remove_dir(void)
{
    frozen_record_remove(inner);
    (void)rmdir(inner);
    (void)rmdir(dir);
}

TestSuite(frozen_record, .init = make_dir, .fini = remove_dir);

struct seen {
    char text[512];
    enum error_code answer;
};

static enum error_code see(void *context, const struct frozen_mount *mount, struct error *err)
{
    struct seen *seen = context;
    size_t length = strlen(seen->text);
    (void)snprintf(seen->text + length, sizeof(seen->text) - length, "[%u:%u %d %s]",
                   major(mount->device), minor(mount->device), (int)mount->disk, mount->path);
    return seen->answer == ERR_NONE ? ERR_NONE : error_set(err, seen->answer, "no");
}

static void write_two(void)
{
    static struct frozen_mount mounts[2];
    struct error err = {0};
    mounts[0].device = makedev(259, 3);
    mounts[0].disk = 4711;
    mounts[1].device = makedev(252, 0);
    (void)snprintf(mounts[0].path, sizeof(mounts[0].path), "/srv/data with space");
    (void)snprintf(mounts[1].path, sizeof(mounts[1].path), "/srv/wal");
    cr_assert_eq(frozen_record_write(inner, mounts, 2, &err), ERR_NONE, "%s", err.message);
}

Test(frozen_record, what_was_written_is_visited_and_removed)
{
    struct seen seen = {0};
    struct seen again = {0};
    struct error err = {0};
    write_two();
    cr_assert_eq(frozen_record_visit(inner, see, &seen, &err), ERR_NONE, "%s", err.message);
    cr_expect_str_eq(seen.text, "[259:3 4711 /srv/data with space][252:0 0 /srv/wal]");
    cr_assert_eq(frozen_record_visit(inner, see, &again, &err), ERR_NONE);
    cr_expect_str_eq(again.text, "");
}

Test(frozen_record, a_failed_visit_goes_on_and_keeps_the_record)
{
    struct seen seen = {.answer = ERR_NOT_THAWED};
    struct seen again = {0};
    struct error err = {0};
    write_two();
    cr_assert_eq(frozen_record_visit(inner, see, &seen, &err), ERR_NOT_THAWED);
    cr_expect_str_eq(seen.text, "[259:3 4711 /srv/data with space][252:0 0 /srv/wal]");
    cr_assert_eq(frozen_record_visit(inner, see, &again, &err), ERR_NONE);
    cr_expect_str_eq(again.text, seen.text);
}

/* No freeze survives a reboot, and devices may have other numbers after it. */
Test(frozen_record, a_record_of_an_earlier_boot_is_dropped)
{
    struct seen seen = {0};
    struct error err = {0};
    write_two();
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/frozen.%ld", inner, (long)getpid());
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    (void)fputs("boot 6f1c2d3e-0000-4000-8000-1b2c3d4e5f60\n259:3 /srv/data\n", file);
    (void)fclose(file);
    cr_assert_eq(frozen_record_visit(inner, see, &seen, &err), ERR_NONE);
    cr_expect_str_eq(seen.text, "");
    cr_expect_neq(access(path, F_OK), 0);
}

Test(frozen_record, removing_removes_only_ours)
{
    struct seen seen = {0};
    struct error err = {0};
    write_two();
    frozen_record_remove(inner);
    frozen_record_remove(inner);
    cr_assert_eq(frozen_record_visit(inner, see, &seen, &err), ERR_NONE);
    cr_expect_str_eq(seen.text, "");
}

Test(frozen_record, no_directory_means_no_record)
{
    struct seen seen = {0};
    struct error err = {0};
    cr_expect_eq(frozen_record_visit(inner, see, &seen, &err), ERR_NONE);
    cr_expect_str_eq(seen.text, "");
}

Test(frozen_record, a_newline_in_a_path_is_refused)
{
    static struct frozen_mount mount = {.path = "/srv/two\nlines"};
    struct error err = {0};
    cr_expect_eq(frozen_record_write(inner, &mount, 1, &err), ERR_INVALID);
}
