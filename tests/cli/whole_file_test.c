#include "cli/whole_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

static char home[] = "/tmp/ebshift-whole-XXXXXX";
static struct error err;

static const char *under(const char *name)
{
    static char paths[4][PATH_MAX];
    static size_t next = 0;
    char *path = paths[next++ % 4];
    (void)snprintf(path, PATH_MAX, "%s/%s", home, name);
    return path;
}

static void print(const void *context, FILE *out)
{
    (void)fputs(context, out);
}

static void expect_content(const char *path, const char *wanted)
{
    char text[64] = "";
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    cr_expect_str_eq(text, wanted);
}

static mode_t mode_of(const char *path)
{
    struct stat facts = {0};
    cr_assert_eq(lstat(path, &facts), 0, "%s", path);
    return facts.st_mode;
}

static void make_home(void)
{
    cr_assert_not_null(mkdtemp(home));
}

static void remove_home(void)
{
    const char *const names[] = {"plain", "link", "pipe"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(under(names[i]));
    cr_expect_eq(rmdir(home), 0, "nothing else is left behind");
}

TestSuite(whole_file, .init = make_home, .fini = remove_home);

Test(whole_file, replaces_a_file_for_its_owner_alone)
{
    cr_assert_eq(whole_file_write(under("plain"), print, "one", &err), ERR_NONE);
    cr_assert_eq(whole_file_write(under("plain"), print, "two", &err), ERR_NONE);
    expect_content(under("plain"), "two");
    cr_expect_eq(mode_of(under("plain")) & 0777, 0600);
}

Test(whole_file, replaces_what_a_link_leads_to)
{
    cr_assert_eq(whole_file_write(under("plain"), print, "one", &err), ERR_NONE);
    cr_assert_eq(symlink("plain", under("link")), 0);
    cr_assert_eq(whole_file_write(under("link"), print, "two", &err), ERR_NONE);
    cr_expect(S_ISLNK(mode_of(under("link"))));
    expect_content(under("plain"), "two");
}

/* A pipe stands for /dev/null, which a failure of this test must not replace. */
Test(whole_file, writes_into_what_is_no_file)
{
    char text[8] = "";
    cr_assert_eq(mkfifo(under("pipe"), 0600), 0);
    int reader = open(under("pipe"), O_RDWR);
    cr_assert_eq(whole_file_write(under("pipe"), print, "three", &err), ERR_NONE);
    cr_expect(S_ISFIFO(mode_of(under("pipe"))));
    cr_expect_eq(read(reader, text, sizeof(text) - 1), 5);
    cr_expect_str_eq(text, "three");
    (void)close(reader);
}

Test(whole_file, names_what_it_cannot_write)
{
    cr_expect_eq(whole_file_write(under("no/such"), print, "", &err), ERR_SYSTEM);
    cr_expect_not_null(strstr(err.message, "no/such': No such file"), "%s", err.message);
    cr_expect_eq(whole_file_write("/dev/full", print, "x", &err), ERR_SYSTEM);
    cr_expect_not_null(strstr(err.message, "No space left"), "%s", err.message);
}
