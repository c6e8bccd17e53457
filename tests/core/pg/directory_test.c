#include "core/pg/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

/* A data directory with pg_wal and one tablespace elsewhere, as links. */
static char root[] = "/tmp/ebshift-directory-XXXXXX";
static char data[128];

static const char *const folders[] = {"data", "data/pg_tblspc", "wal", "cold"};

static const char *under(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(under(name), "w");
    cr_assert_not_null(file);
    cr_assert(fputs(text, file) >= 0);
    (void)fclose(file);
}

static void link_to(const char *name, const char *target)
{
    char to[128];
    (void)snprintf(to, sizeof(to), "%s/%s", root, target);
    cr_assert_eq(symlink(to, under(name)), 0);
}

static void make_data(void)
{
    cr_assert_not_null(mkdtemp(root));
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        cr_assert_eq(mkdir(under(folders[i]), 0700), 0);
    put("data/PG_VERSION", "15\n");
    link_to("data/pg_wal", "wal");
    link_to("data/pg_tblspc/16391", "cold");
    (void)snprintf(data, sizeof(data), "%s", under("data"));
}

static void remove_data(void)
{
    static const char *const names[] = {"data/PG_VERSION",
                                        "data/pg_wal",
                                        "data/pg_tblspc/16391",
                                        "data/postmaster.pid",
                                        "data/pg_tblspc",
                                        "data",
                                        "wal",
                                        "cold",
                                        ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)remove(under(names[i]));
}

TestSuite(directory, .init = make_data, .fini = remove_data);

Test(directory, places_follow_the_links)
{
    CLEANUP_PG_FACTS struct pg_facts facts = {0};
    struct error err = {0};
    cr_assert_eq(pg_directory_places(data, &facts, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(facts.place_count, 3);
    cr_expect_eq(facts.places[0].kind, PG_PLACE_DATA);
    cr_expect_str_eq(facts.places[0].path, data);
    cr_expect_str_eq(facts.places[1].path, under("wal"));
    cr_expect_eq(facts.places[2].kind, PG_PLACE_TABLESPACE);
    cr_expect_str_eq(facts.places[2].name, "tablespace 16391");
    cr_expect_str_eq(facts.places[2].path, under("cold"));
}

Test(directory, a_dangling_link_is_named)
{
    struct pg_facts facts = {0};
    struct error err = {0};
    cr_assert_eq(rmdir(under("cold")), 0);
    cr_expect_eq(pg_directory_places(data, &facts, &err), ERR_POSTGRES);
    cr_expect_not_null(strstr(err.message, "tablespace 16391"), "%s", err.message);
    cr_expect_null(facts.places);
}

Test(directory, refuses_what_is_no_data_directory)
{
    struct pg_facts facts = {0};
    struct error err = {0};
    cr_expect_eq(pg_directory_places(root, &facts, &err), ERR_CONFIG);
}

Test(directory, conninfo_of_a_running_server)
{
    char conninfo[256];
    struct error err = {0};
    put("data/postmaster.pid",
        "4711\n/pg\n1789000000\n5433\n/run/my sockets\n127.0.0.1\n  ready\n");
    cr_assert_eq(pg_directory_conninfo(data, conninfo, sizeof(conninfo), &err), ERR_NONE, "%s",
                 err.message);
    cr_expect_str_eq(conninfo, "host='/run/my sockets' port=5433 user=postgres dbname=postgres");
}

Test(directory, conninfo_without_a_socket_takes_the_address)
{
    char conninfo[256];
    struct error err = {0};
    put("data/postmaster.pid", "4711\n/pg\n1789000000\n5433\n\n127.0.0.1\n");
    cr_assert_eq(pg_directory_conninfo(data, conninfo, sizeof(conninfo), &err), ERR_NONE);
    cr_expect_str_eq(conninfo, "host='127.0.0.1' port=5433 user=postgres dbname=postgres");
}

Test(directory, conninfo_of_a_stopped_or_broken_one)
{
    char conninfo[256] = "untouched";
    struct error err = {0};
    cr_expect_eq(pg_directory_conninfo(data, conninfo, sizeof(conninfo), &err), ERR_NOT_FOUND);
    put("data/postmaster.pid", "4711\n/pg\n");
    cr_expect_eq(pg_directory_conninfo(data, conninfo, sizeof(conninfo), &err), ERR_POSTGRES);
    put("data/postmaster.pid", "4711\n/pg\n1\n5433\n/x\n\n");
    cr_expect_eq(pg_directory_conninfo(data, conninfo, 12, &err), ERR_CONFIG);
    cr_expect_str_eq(conninfo, "untouched", "the output stays as it was on failure");
}
