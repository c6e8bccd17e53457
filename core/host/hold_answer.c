#include "core/host/hold_answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/mounts.h"
#include "core/host/survey_here.h"
#include "core/host/words.h"

/* There on every machine, and no place of a database. */
#define SCRATCH_DIRECTORY "/var/tmp"

/* The words of one question after its verb. */
struct question {
    const char *const *words;
    size_t count;
};

static enum error_code say_hello(struct hold_talk *talk, const struct question *question,
                                 struct strbuf *answer, struct error *err)
{
    (void)talk;
    (void)question;
    (void)err;
    words_add(answer, HOLD_VERSION);
    return ERR_NONE;
}

static enum error_code find_place(struct hold_talk *talk, const struct question *question,
                                  struct strbuf *answer, struct error *err)
{
    (void)talk;
    const struct mount_roots roots = {.by_id = question->words[0]};
    struct volume_ids ids = {0};
    struct mount mount;
    char real[PATH_MAX];
    const char *path = question->words[1];
    if (realpath(path, real) == NULL)
        return error_set(err, ERR_NOT_FOUND, "cannot find '%s': %s", path, strerrordesc_np(errno));
    TRY(mount_find(&roots, real, &mount, err));
    /* A place that is on no volume is still a place: whoever asks decides what it may be. */
    if (mount_volumes(&roots, &mount, &ids, err) != ERR_NONE)
        ids.count = 0;
    words_add(answer, real);
    words_add(answer, mount.mount_point);
    for (size_t i = 0; i < ids.count; i++)
        words_add(answer, ids.items[i]);
    return ERR_NONE;
}

/* As it is, with its newlines: the words take care of them. */
static enum error_code read_server(struct hold_talk *talk, const struct question *question,
                                   struct strbuf *answer, struct error *err)
{
    (void)talk;
    char path[PATH_MAX + 32];
    char head[SERVER_HEAD_SIZE];
    (void)snprintf(path, sizeof(path), "%s/postmaster.pid", question->words[0]);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set(err, ERR_NOT_FOUND, "no server runs in '%s': %s", question->words[0],
                         strerrordesc_np(errno));
    }
    head[fread(head, 1, sizeof(head) - 1, file)] = '\0';
    (void)fclose(file);
    words_add(answer, head);
    return ERR_NONE;
}

static enum error_code check_thawed(struct hold_talk *talk, const struct question *question,
                                    struct strbuf *answer, struct error *err)
{
    (void)talk;
    (void)answer;
    return freeze_check_thawed(question->words, question->count, err);
}

static enum error_code settle(struct hold_talk *talk, struct held *held, struct error *err)
{
    struct holder holder = hold_holder(&talk->hold);
    if (!talk->prepared)
        return ERR_NONE;
    TRY(holder.settle(holder.self, held, err));
    talk->prepared = false;
    return ERR_NONE;
}

static enum error_code prepare(struct hold_talk *talk, const struct question *question,
                               struct strbuf *answer, struct error *err)
{
    (void)answer;
    const char *mount_points[FREEZE_MOUNTS_MAX];
    size_t count = question->count - 1;
    struct held unused = {0};
    TRY(settle(talk, &unused, err));
    if (count > FREEZE_MOUNTS_MAX)
        return error_set(err, ERR_QUIESCE, "more than %d filesystems to freeze", FREEZE_MOUNTS_MAX);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(talk->paths[i], PATH_MAX, "%s", question->words[i + 1]);
        mount_points[i] = talk->paths[i];
    }
    int64_t limit_ms = strtoll(question->words[0], NULL, 10);
    if (limit_ms <= 0)
        return error_set(err, ERR_INVALID, "'%s' is no limit", question->words[0]);
    const struct hold_options options = {
        .mount_points = mount_points, .mount_count = count, .freeze_limit_ms = limit_ms};
    hold_init(&talk->hold, &options);
    struct holder holder = hold_holder(&talk->hold);
    talk->prepared = true;
    enum error_code code = holder.prepare(holder.self, err);
    if (code != ERR_NONE && settle(talk, &unused, NULL) != ERR_NONE)
        return error_set(err, ERR_NOT_THAWED, "a filesystem may still be frozen");
    return code;
}

static enum error_code need_prepared(const struct hold_talk *talk, struct error *err)
{
    return talk->prepared ? ERR_NONE : error_set(err, ERR_STATE, "nothing is prepared here");
}

static enum error_code freeze(struct hold_talk *talk, const struct question *question,
                              struct strbuf *answer, struct error *err)
{
    (void)question;
    (void)answer;
    TRY(need_prepared(talk, err));
    struct holder holder = hold_holder(&talk->hold);
    return holder.begin(holder.self, err);
}

static enum error_code thaw(struct hold_talk *talk, const struct question *question,
                            struct strbuf *answer, struct error *err)
{
    (void)question;
    (void)answer;
    TRY(need_prepared(talk, err));
    struct holder holder = hold_holder(&talk->hold);
    return holder.end(holder.self) ? ERR_NONE
                                   : error_set(err, ERR_NOT_THAWED, "a filesystem is still frozen");
}

static void add_number(struct strbuf *answer, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    words_add(answer, text);
}

static void add_held(struct strbuf *answer, const struct held *held)
{
    add_number(answer, held->all_frozen);
    add_number(answer, held->fired);
    add_number(answer, held->stolen);
    add_number(answer, held->flush_before_us);
    add_number(answer, held->freeze_us);
    add_number(answer, held->held_us);
    add_number(answer, held->thaw_us);
}

static enum error_code tell_held(struct hold_talk *talk, const struct question *question,
                                 struct strbuf *answer, struct error *err)
{
    (void)question;
    struct held held = {0};
    TRY(settle(talk, &held, err));
    add_held(answer, &held);
    return ERR_NONE;
}

/* ---- what preflight asks: survey.h of this machine ---- */

static struct survey look_here(void)
{
    static struct survey_here here = {.scratch_directory = SCRATCH_DIRECTORY};
    return survey_here(&here);
}

static enum error_code tell_facts(struct hold_talk *talk, const struct question *question,
                                  struct strbuf *answer, struct error *err)
{
    const struct survey survey = look_here();
    struct machine_facts facts;
    (void)talk;
    (void)question;
    TRY(survey.facts(survey.self, &facts, err));
    words_add(answer, facts.kernel);
    words_add(answer, facts.architecture);
    words_add(answer, facts.glibc);
    words_add(answer, facts.icu);
    words_add(answer, facts.postgres);
    return ERR_NONE;
}

static enum error_code tell_now(struct hold_talk *talk, const struct question *question,
                                struct strbuf *answer, struct error *err)
{
    const struct survey survey = look_here();
    int64_t now_ms = 0;
    (void)talk;
    (void)question;
    TRY(survey.now(survey.self, &now_ms, err));
    add_number(answer, now_ms);
    return ERR_NONE;
}

static enum error_code tell_room(struct hold_talk *talk, const struct question *question,
                                 struct strbuf *answer, struct error *err)
{
    const struct survey survey = look_here();
    struct survey_room room;
    (void)talk;
    TRY(survey.room(survey.self, question->words[0], &room, err));
    add_number(answer, room.free_bytes);
    add_number(answer, room.used_bytes);
    return ERR_NONE;
}

static enum error_code judge_mounts(struct hold_talk *talk, const struct question *question,
                                    struct strbuf *answer, struct error *err)
{
    const struct survey survey = look_here();
    (void)talk;
    (void)answer;
    return survey.check_mounts(survey.self, question->words, question->count, err);
}

static enum error_code tell_filesystem(struct hold_talk *talk, const struct question *question,
                                       struct strbuf *answer, struct error *err)
{
    const struct survey survey = look_here();
    char filesystem[SURVEY_FILESYSTEM_SIZE];
    (void)talk;
    TRY(survey.filesystem(survey.self, question->words[0], filesystem, err));
    words_add(answer, filesystem);
    return ERR_NONE;
}

static enum error_code tell_needs(struct hold_talk *talk, const struct question *question,
                                  struct strbuf *answer, struct error *err)
{
    const struct survey survey = look_here();
    struct fs_needs needs;
    (void)talk;
    TRY(survey.needs(survey.self, question->words[0], &needs, err));
    add_number(answer, needs.major);
    add_number(answer, needs.minor);
    words_add(answer, needs.feature);
    add_number(answer, needs.unknown);
    return ERR_NONE;
}

/* Our own mkfs.X is run: what X may be is not for the other side to choose. */
static enum error_code try_freeze(struct hold_talk *talk, const struct question *question,
                                  struct strbuf *answer, struct error *err)
{
    const struct survey survey = look_here();
    const char *filesystem = question->words[0];
    struct held held = {0};
    (void)talk;
    if (filesystem[strspn(filesystem, "abcdefghijklmnopqrstuvwxyz0123456789")] != '\0')
        return error_set(err, ERR_INVALID, "'%.60s' is no filesystem", filesystem);
    TRY(survey.try_freeze(survey.self, filesystem, &held, err));
    add_held(answer, &held);
    return ERR_NONE;
}

static const struct verb {
    const char *name;
    size_t least_words;
    enum error_code (*obey)(struct hold_talk *talk, const struct question *question,
                            struct strbuf *answer, struct error *err);
} verbs[] = {
    {"hello", 0, say_hello},
    {"place", 2, find_place},
    {"server", 1, read_server},
    {"thawed", 0, check_thawed},
    {"prepare", 1, prepare},
    {"freeze", 0, freeze},
    {"thaw", 0, thaw},
    {"settle", 0, tell_held},
    {"facts", 0, tell_facts},
    {"now", 0, tell_now},
    {"room", 1, tell_room},
    {"mounts", 0, judge_mounts},
    {"filesystem", 1, tell_filesystem},
    {"needs", 1, tell_needs},
    {"try", 1, try_freeze},
};

static enum error_code obey(struct hold_talk *talk, char *line, struct strbuf *answer,
                            struct error *err)
{
    const char *words[WORDS_MAX];
    size_t count = 0;
    TRY(words_split(line, words, &count, err));
    const struct question question = {.words = words + 1, .count = count - 1};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, words[0]) == 0 && question.count >= verbs[i].least_words)
            return verbs[i].obey(talk, &question, answer, err);
    }
    return error_set(err, ERR_PROTOCOL, "'%s' with %zu words means nothing here", words[0],
                     question.count);
}

void hold_talk_answer(struct hold_talk *talk, char *line, struct strbuf *answer)
{
    struct error err = {0};
    strbuf_clear(answer);
    strbuf_puts(answer, "ok");
    enum error_code code = obey(talk, line, answer, &err);
    if (code == ERR_NONE)
        code = strbuf_check(answer, &err);
    if (code == ERR_NONE)
        return;
    strbuf_clear(answer);
    strbuf_puts(answer, "no");
    words_add(answer, error_name(code));
    words_add(answer, err.message);
}

void hold_talk_done(struct hold_talk *talk)
{
    if (talk->prepared)
        hold_done(&talk->hold);
    talk->prepared = false;
}
