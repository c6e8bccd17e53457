/* What the near side makes of answers, and of none: a wire that says what it was told to say. */
#include "core/host/far.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "core/host/ssh.h"

/* "question answer" pairs, taken in order; an answer of "LOST" is none. */
struct scripted {
    const char *const *lines;
    size_t next;
    int closed;
};

static enum error_code say(void *self, const char *line, int64_t limit_ms, struct strbuf *answer,
                           struct error *err)
{
    struct scripted *scripted = self;
    (void)limit_ms;
    const char *wanted = scripted->lines[scripted->next];
    cr_assert_not_null(wanted, "asked '%s' after the end", line);
    cr_assert_str_eq(line, wanted);
    const char *told = scripted->lines[scripted->next + 1];
    scripted->next += 2;
    if (strcmp(told, "LOST") == 0)
        return error_set(err, ERR_UNREACHABLE, "the link broke");
    strbuf_puts(answer, told);
    return ERR_NONE;
}

static void close_it(void *self)
{
    ((struct scripted *)self)->closed++;
}

static const char *const mounts[] = {"/srv/data", "/srv/wal x"};

static struct far make_far(struct scripted *scripted)
{
    return (struct far){.wire = {.self = scripted, .ask = say, .close = close_it},
                        .name = "db",
                        .freeze_limit_ms = 60000,
                        .mount_points = mounts,
                        .mount_count = 2};
}

struct place_case {
    char hello[40];
    char place[60];
    enum error_code code;
    char told[60];
};

ParameterizedTestParameters(far, places)
{
    static struct place_case cases[] = {
        {"ok 1", "ok /a /b vol-0c41d7e09ab23f586", ERR_NONE, ""},
        {"ok 2", "", ERR_QUIESCE, "install the same ebshift on both"},
        {"LOST", "", ERR_QUIESCE, "the link broke"},
        {"Welcome to Debian!", "", ERR_QUIESCE, "no ebshift-hold"},
        {"ok 1", "no not-found cannot%20find%20it", ERR_NOT_FOUND, "host 'db': cannot find it"},
        {"ok 1", "no such-error x", ERR_PROTOCOL, "host 'db': x"},
        {"ok 1", "ok /a", ERR_QUIESCE, "tells no place"},
        {"ok 1", "ok  /a", ERR_QUIESCE, "cannot understand"},
    };
    return cr_make_param_array(struct place_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct place_case *row, far, places)
{
    const char *const lines[] = {"hello", row->hello, "place /ids /%20x", row->place, NULL};
    struct scripted scripted = {.lines = lines};
    struct far far = make_far(&scripted);
    struct far_place place = {0};
    struct error err = {0};
    cr_assert_eq(far_find_place(&far, "/ids", "/ x", &place, &err), row->code, "%s", err.message);
    cr_expect(strstr(err.message, row->told) != NULL, "'%s' in '%s'", row->told, err.message);
    if (row->code == ERR_NONE)
        cr_expect_str_eq(place.volumes.items[0], "vol-0c41d7e09ab23f586");
}

#define PREPARED                                                                                   \
    "hello", "ok 1", "thawed /srv/data /srv/wal%20x", "ok", "hello", "ok 1",                       \
        "prepare 60000 /srv/data /srv/wal%20x", "ok"

static struct far prepared(struct scripted *scripted)
{
    struct error err = {0};
    struct far far = make_far(scripted);
    struct holder holder = far_holder(&far);
    cr_assert_eq(holder.check_thawed(holder.self, &err), ERR_NONE);
    cr_assert_eq(holder.prepare(holder.self, &err), ERR_NONE);
    return far;
}

Test(far, holds)
{
    static const char *const lines[] = {
        PREPARED, "freeze", "ok", "thaw", "ok", "settle", "ok 1 0 0 7 40 9000000 5", NULL};
    struct scripted scripted = {.lines = lines};
    struct far far = prepared(&scripted);
    struct holder holder = far_holder(&far);
    struct held held;
    struct error err = {0};
    cr_assert_eq(holder.begin(holder.self, &err), ERR_NONE);
    cr_expect(holder.end(holder.self));
    cr_assert_eq(holder.settle(holder.self, &held, &err), ERR_NONE);
    cr_expect(held.all_frozen && !held.fired && !held.stolen);
    cr_expect_eq(held.freeze_us, 40);
    cr_expect_eq(held.held_us, 9000000);
    cr_expect(held.round_trip_us > 0 && held.round_trip_us <= held.held_us);
    cr_expect_eq(scripted.closed, 0);
}

/* The thaw was not seen: another conversation says that it is thawed, and nobody says since when. */
Test(far, a_link_lost_inside_the_freeze_counts_as_thawed_too_early)
{
    static const char *const lines[] = {PREPARED,
                                        "freeze",
                                        "ok",
                                        "thaw",
                                        "LOST",
                                        "settle",
                                        "ok 0 0 0 0 0 0 0",
                                        "thawed /srv/data /srv/wal%20x",
                                        "ok",
                                        NULL};
    struct scripted scripted = {.lines = lines};
    struct far far = prepared(&scripted);
    struct holder holder = far_holder(&far);
    struct held held;
    struct error err = {0};
    cr_assert_eq(holder.begin(holder.self, &err), ERR_NONE);
    cr_expect(!holder.end(holder.self));
    cr_assert_eq(holder.settle(holder.self, &held, &err), ERR_NONE);
    cr_expect(!held.all_frozen && held.stolen);
    cr_expect_eq(scripted.closed, 1);
}

Test(far, a_freeze_of_which_nothing_is_heard_is_asked_after)
{
    static const char *const lines[] = {
        PREPARED, "freeze", "LOST", "settle", "LOST", "thawed /srv/data /srv/wal%20x", "ok", NULL};
    struct scripted scripted = {.lines = lines};
    struct far far = prepared(&scripted);
    struct holder holder = far_holder(&far);
    struct held held;
    struct error err = {0};
    cr_assert_eq(holder.begin(holder.self, &err), ERR_QUIESCE);
    cr_assert_eq(holder.settle(holder.self, &held, &err), ERR_NONE);
    cr_expect(!held.all_frozen);
}

struct ssh_case {
    char destination[40];
    char command[60];
    enum error_code code;
};

ParameterizedTestParameters(ssh, checks)
{
    static struct ssh_case cases[] = {
        {"db-1.example", "/usr/libexec/ebshift/ebshift-hold", ERR_NONE},
        {"root@db", "sudo -n --user=root /opt/ebshift-hold", ERR_NONE},
        {"-oProxyCommand=x", "/x", ERR_CONFIG},
        {"", "/x", ERR_CONFIG},
        {"a b", "/x", ERR_CONFIG},
        {"db;x", "/x", ERR_CONFIG},
        {"db", "", ERR_CONFIG},
        {"db", "/x; rm y", ERR_CONFIG},
        {"db", "/x $(y)", ERR_CONFIG},
        {"db", "/x 'y'", ERR_CONFIG},
        {"db", "/x\ny", ERR_CONFIG},
    };
    return cr_make_param_array(struct ssh_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct ssh_case *row, ssh, checks)
{
    struct error err = {0};
    const struct ssh_options options = {.destination = row->destination, .command = row->command};
    cr_expect_eq(ssh_check(&options, &err), row->code, "'%s' '%s'", row->destination, row->command);
}
