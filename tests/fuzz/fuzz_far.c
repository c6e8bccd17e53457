/* fuzz_far.c: any lines as the answers of another machine: places, a server's head and what was held,
 * or an error with a message; and what was split into words, written and split again, is the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/far.h"
#include "core/host/far_survey.h"
#include "core/host/hold_answer.h"
#include "core/host/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left to answer. */
struct script {
    const char *at;
    const char *end;
};

/* The machine greets and obeys as it should once there is no more: to doubt a thaw takes time. */
static enum error_code say(void *self, const char *line, int64_t limit_ms, struct strbuf *answer,
                           struct error *err)
{
    struct script *script = self;
    (void)limit_ms;
    bool obeys = strcmp(line, "freeze") == 0 || strcmp(line, "thaw") == 0;
    if (obeys || script->at == script->end) {
        strbuf_puts(answer, strcmp(line, "hello") == 0 ? "ok " HOLD_VERSION : "ok");
        return ERR_NONE;
    }
    const char *newline = memchr(script->at, '\n', (size_t)(script->end - script->at));
    const char *end = newline != NULL ? newline : script->end;
    strbuf_add(answer, script->at, (size_t)(end - script->at));
    script->at = newline != NULL ? newline + 1 : script->end;
    return strbuf_check(answer, err);
}

static void close_it(void *self)
{
    (void)self;
}

/* A failure says why. */
static bool worked(enum error_code code, const struct error *err)
{
    assert(code == ERR_NONE || err->message[0] != '\0');
    return code == ERR_NONE;
}

/* Texts end, whatever they are. */
static void look_around(struct far *far)
{
    const struct survey survey = far_survey(far);
    struct error err = {0};
    struct machine_facts facts;
    struct fs_needs needs;
    struct survey_room room;
    struct held held;
    int64_t now_ms = 0;
    char filesystem[SURVEY_FILESYSTEM_SIZE];
    if (worked(survey.facts(survey.self, &facts, &err), &err))
        assert(strlen(facts.postgres) < sizeof(facts.postgres));
    if (worked(survey.needs(survey.self, "/x", &needs, &err), &err))
        assert(strlen(needs.feature) < sizeof(needs.feature));
    if (worked(survey.filesystem(survey.self, "/x", filesystem, &err), &err))
        assert(strlen(filesystem) < sizeof(filesystem));
    (void)worked(survey.room(survey.self, "/x", &room, &err), &err);
    (void)worked(survey.now(survey.self, &now_ms, &err), &err);
    (void)worked(survey.try_freeze(survey.self, "ext4", &held, &err), &err);
}

static void converse(struct script *script)
{
    static const char *const mounts[] = {"/srv/data"};
    struct far far = {.wire = {.self = script, .ask = say, .close = close_it},
                      .name = "db",
                      .freeze_limit_ms = 60000,
                      .mount_points = mounts,
                      .mount_count = 1};
    struct holder holder = far_holder(&far);
    struct error err = {0};
    struct held held;
    struct far_place *place = calloc(1, sizeof(*place));
    char head[SERVER_HEAD_SIZE];
    assert(place != NULL);
    if (worked(far_find_place(&far, "/ids", "/x", place, &err), &err))
        assert(place->volumes.count <= CLOUD_SET_MAX && strlen(place->real) < PATH_MAX);
    free(place);
    if (worked(holder.server_head(holder.self, "/pg", head, &err), &err))
        assert(strlen(head) < sizeof(head));
    look_around(&far);
    (void)worked(holder.check_thawed(holder.self, &err), &err);
    if (worked(holder.prepare(holder.self, &err), &err) &&
        worked(holder.begin(holder.self, &err), &err)) {
        (void)holder.end(holder.self);
        (void)worked(holder.settle(holder.self, &held, &err), &err);
    }
}

/* Writing what was read gives a line that reads the same. */
static void split_again(char *line)
{
    const char *words[WORDS_MAX];
    const char *again[WORDS_MAX];
    size_t count;
    size_t count_again;
    struct error err = {0};
    CLEANUP_STRBUF struct strbuf copy = {.max_bytes = 4 * strlen(line) + WORDS_MAX};
    if (words_split(line, words, &count, &err) != ERR_NONE)
        return;
    for (size_t i = 0; i < count; i++)
        words_add(&copy, words[i]);
    assert(words_split(copy.text, again, &count_again, &err) == ERR_NONE && count == count_again);
    for (size_t i = 0; i < count; i++)
        assert(strcmp(words[i], again[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    assert(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    struct script script = {.at = text, .end = text + size};
    converse(&script);
    split_again(text);
    free(text);
    return 0;
}
