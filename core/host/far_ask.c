#include "core/host/far_ask.h"

#include <stdlib.h>
#include <string.h>

#include "core/host/hold_answer.h"

void far_reply_done(struct far_reply *reply)
{
    strbuf_done(&reply->text);
}

struct far_reply far_reply_new(void)
{
    return (struct far_reply){.text.max_bytes = WIRE_LINE_MAX};
}

static enum error_code code_named(const char *name)
{
    for (int code = ERR_NONE + 1; code <= (int)ERR_DEADLINE; code++) {
        if (strcmp(error_name((enum error_code)code), name) == 0)
            return (enum error_code)code;
    }
    return ERR_PROTOCOL;
}

static enum error_code read_reply(const struct far *far, struct far_reply *reply, struct error *err)
{
    if (reply->text.length == 0)
        return error_set(err, ERR_QUIESCE, "host '%s' answers nothing", far->name);
    if (words_split(reply->text.text, reply->words, &reply->count, err) != ERR_NONE)
        return error_set(err, ERR_QUIESCE, "cannot understand the answer of host '%s'", far->name);
    if (strcmp(reply->words[0], "ok") == 0)
        return ERR_NONE;
    if (strcmp(reply->words[0], "no") == 0 && reply->count == 3) {
        return error_set(err, code_named(reply->words[1]), "host '%s': %s", far->name,
                         reply->words[2]);
    }
    return error_set(err, ERR_QUIESCE, "host '%s' answers '%s', which is no ebshift-hold",
                     far->name, reply->words[0]);
}

/* That a machine cannot be asked is no weather of the cloud: it must not be mistaken for it. */
enum error_code far_say(struct far *far, const char *line, int64_t limit_ms,
                        struct far_reply *reply, struct error *err)
{
    strbuf_clear(&reply->text);
    if (far->wire.ask(far->wire.self, line, limit_ms, &reply->text, err) == ERR_NONE)
        return read_reply(far, reply, err);
    err->code = ERR_QUIESCE;
    return ERR_QUIESCE;
}

enum error_code far_greet(struct far *far, struct error *err)
{
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    if (far->greeted)
        return ERR_NONE;
    TRY(far_say(far, "hello", FAR_ASK_MS, &reply, err));
    if (reply.count != 2 || strcmp(reply.words[1], HOLD_VERSION) != 0) {
        return error_set(err, ERR_QUIESCE,
                         "ebshift-hold of host '%s' speaks version '%s', we speak '%s': install "
                         "the same ebshift on both",
                         far->name, reply.count > 1 ? reply.words[1] : "", HOLD_VERSION);
    }
    far->greeted = true;
    return ERR_NONE;
}

enum error_code far_ask(struct far *far, const struct strbuf *line, int64_t limit_ms,
                        struct far_reply *reply, struct error *err)
{
    TRY(strbuf_check(line, err));
    TRY(far_greet(far, err));
    return far_say(far, strbuf_text(line), limit_ms, reply, err);
}

enum error_code far_ask_words(struct far *far, const char *const question[2], size_t wanted,
                              struct far_reply *reply, struct error *err)
{
    CLEANUP_STRBUF struct strbuf line = {.max_bytes = WIRE_LINE_MAX};
    words_add(&line, question[0]);
    if (question[1] != NULL)
        words_add(&line, question[1]);
    TRY(far_ask(far, &line, FAR_ASK_MS, reply, err));
    if (reply->count == wanted + 1)
        return ERR_NONE;
    return error_set(err, ERR_QUIESCE, "host '%s' answers '%s' with %zu words", far->name,
                     question[0], reply->count - 1);
}

static int64_t number(const struct far_reply *reply, size_t index)
{
    return strtoll(reply->words[index], NULL, 10);
}

enum error_code far_reply_held(const struct far *far, const struct far_reply *reply,
                               struct held *held, struct error *err)
{
    if (reply->count != 8)
        return error_set(err, ERR_QUIESCE, "host '%s' does not tell what it held", far->name);
    *held = (struct held){
        .all_frozen = number(reply, 1) != 0,
        .fired = number(reply, 2) != 0,
        .stolen = number(reply, 3) != 0,
        .flush_before_us = number(reply, 4),
        .freeze_us = number(reply, 5),
        .held_us = number(reply, 6),
        .thaw_us = number(reply, 7),
    };
    return ERR_NONE;
}
