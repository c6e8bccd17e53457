/* What the near side makes of answers, and of none: a wire that says what it was told to say. */
#include "core/host/far.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "core/host/far_survey.h"
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
        {"ok 2", "ok /a /b vol-0c41d7e09ab23f586", ERR_NONE, ""},
        {"ok 1", "", ERR_QUIESCE, "install the same ebshift on both"},
        {"LOST", "", ERR_QUIESCE, "the link broke"},
        {"Welcome to Debian!", "", ERR_QUIESCE, "no ebshift-hold"},
        {"ok 2", "no not-found cannot%20find%20it", ERR_NOT_FOUND, "host 'db': cannot find it"},
        {"ok 2", "no such-error x", ERR_PROTOCOL, "host 'db': x"},
        {"ok 2", "ok /a", ERR_QUIESCE, "tells no place"},
        {"ok 2", "ok  /a", ERR_QUIESCE, "cannot understand"},
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
    "hello", "ok 2", "thawed /srv/data /srv/wal%20x", "ok", "hello", "ok 2",                       \
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
    cr_expect(!held.all_frozen && held.unseen && !held.stolen);
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
    cr_expect(!held.all_frozen && held.unseen);
}

struct survey_case {
    char question[40];
    char answer[60];
    enum error_code code;
};

ParameterizedTestParameters(far, surveys)
{
    static struct survey_case cases[] = {
        {"facts", "ok 6.1.0 x86_64 2.36 % 13%2015", ERR_NONE},
        {"facts", "ok 6.1.0 x86_64 2.36", ERR_QUIESCE},
        {"room /srv/wal%20x", "ok 5368709120 16777216", ERR_NONE},
        {"room /srv/wal%20x", "no not-found gone", ERR_NOT_FOUND},
        {"room /srv/wal%20x", "ok", ERR_QUIESCE},
        {"needs /srv/wal%20x", "ok 3 18 metadata_csum 1", ERR_NONE},
        {"needs /srv/wal%20x", "ok 3 18 metadata_csum 1 1", ERR_QUIESCE},
        {"filesystem /srv/wal%20x", "ok ext4", ERR_NONE},
        {"try xfs", "ok 1 0 0 0 300 20 90", ERR_NONE},
        {"try xfs", "ok 1 0 0", ERR_QUIESCE},
        {"try xfs", "LOST", ERR_QUIESCE},
        {"now", "ok 1795446000123", ERR_NONE},
    };
    return cr_make_param_array(struct survey_case, cases, sizeof(cases) / sizeof(cases[0]));
}

/* Asks what the row's question asks; true if what is understood is what the good answer says. */
static enum error_code survey_one(const struct survey *survey, const char *question, bool *is_right,
                                  struct error *err)
{
    struct machine_facts facts;
    struct survey_room room;
    struct fs_needs needs;
    struct held held;
    char filesystem[SURVEY_FILESYSTEM_SIZE];
    int64_t now_ms = 0;
    switch (question[0]) {
    case 'f':
        if (question[1] == 'a') {
            TRY(survey->facts(survey->self, &facts, err));
            *is_right = strcmp(facts.glibc, "2.36") == 0 && facts.icu[0] == '\0' &&
                        machine_has(facts.postgres, 15);
            return ERR_NONE;
        }
        TRY(survey->filesystem(survey->self, mounts[1], filesystem, err));
        *is_right = strcmp(filesystem, "ext4") == 0;
        return ERR_NONE;
    case 'r':
        TRY(survey->room(survey->self, mounts[1], &room, err));
        *is_right = room.free_bytes == INT64_C(5368709120) && room.used_bytes == 16777216;
        return ERR_NONE;
    case 'n':
        if (question[1] == 'o') {
            TRY(survey->now(survey->self, &now_ms, err));
            *is_right = now_ms == INT64_C(1795446000123);
            return ERR_NONE;
        }
        TRY(survey->needs(survey->self, mounts[1], &needs, err));
        *is_right = needs.major == 3 && needs.minor == 18 && needs.unknown &&
                    strcmp(needs.feature, "metadata_csum") == 0;
        return ERR_NONE;
    default:
        TRY(survey->try_freeze(survey->self, "xfs", &held, err));
        *is_right = held.all_frozen && !held.fired && held.freeze_us == 300;
        return ERR_NONE;
    }
}

ParameterizedTest(struct survey_case *row, far, surveys)
{
    const char *const lines[] = {"hello", "ok 2", row->question, row->answer, NULL};
    struct scripted scripted = {.lines = lines};
    struct far far = make_far(&scripted);
    struct survey survey = far_survey(&far);
    struct error err = {0};
    bool is_right = false;
    cr_expect_str_eq(survey.host, "db");
    cr_assert_eq(survey_one(&survey, row->question, &is_right, &err), row->code, "%s -> %s: %s",
                 row->question, row->answer, err.message);
    cr_expect_eq(is_right, row->code == ERR_NONE, "%s -> %s", row->question, row->answer);
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
