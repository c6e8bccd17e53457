#include "core/host/far.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/host/far_ask.h"

/* A flush takes what it takes. */
enum { FLUSH_MS = 600000, THAW_MS = 30000, DOUBT_MS = 15000, PAUSE_MS = 500 };

static void add_mounts(const struct far *far, struct strbuf *line)
{
    for (size_t i = 0; i < far->mount_count; i++)
        words_add(line, far->mount_points[i]);
}

enum error_code far_find_place(struct far *far, const char *by_id, const char *path,
                               struct far_place *place, struct error *err)
{
    CLEANUP_STRBUF struct strbuf line = {.max_bytes = WIRE_LINE_MAX};
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    words_add(&line, "place");
    words_add(&line, by_id);
    words_add(&line, path);
    TRY(far_ask(far, &line, FAR_ASK_MS, &reply, err));
    if (reply.count < 3 || reply.count > 3 + CLOUD_SET_MAX)
        return error_set(err, ERR_QUIESCE, "host '%s' tells no place", far->name);
    *place = (struct far_place){.volumes.count = reply.count - 3};
    (void)snprintf(place->real, sizeof(place->real), "%s", reply.words[1]);
    (void)snprintf(place->mount_point, sizeof(place->mount_point), "%s", reply.words[2]);
    for (size_t i = 0; i < place->volumes.count; i++)
        (void)snprintf(place->volumes.items[i], CLOUD_ID_SIZE, "%s", reply.words[i + 3]);
    return ERR_NONE;
}

static enum error_code far_server_head(void *self, const char *data_directory,
                                       char head[SERVER_HEAD_SIZE], struct error *err)
{
    struct far *far = self;
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    TRY(far_ask_words(far, (const char *[]){"server", data_directory}, 1, &reply, err));
    if (strlen(reply.words[1]) >= SERVER_HEAD_SIZE)
        return error_set(err, ERR_QUIESCE, "host '%s' tells no server", far->name);
    memcpy(head, reply.words[1], strlen(reply.words[1]) + 1);
    return ERR_NONE;
}

static enum error_code far_check_thawed(void *self, struct error *err)
{
    struct far *far = self;
    CLEANUP_STRBUF struct strbuf line = {.max_bytes = WIRE_LINE_MAX};
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    words_add(&line, "thawed");
    add_mounts(far, &line);
    return far_ask(far, &line, FAR_ASK_MS, &reply, err);
}

/* A freeze begins a way's time before we hear of it and ends one after we say so; then there is the
 * request. Half of the limit stays for that, and for a way that is slower than this one. */
enum error_code far_check_way(struct far *far, struct error *err)
{
    int64_t began_us = clock_mono_us();
    far->greeted = false;
    TRY(far_greet(far, err));
    int64_t trip_ms = (clock_mono_us() - began_us) / 1000;
    if (4 * trip_ms <= far->freeze_limit_ms)
        return ERR_NONE;
    return error_set(err, ERR_QUIESCE,
                     "a word to host '%s' and back takes %" PRId64
                     " ms: a freeze would last too long for freeze.limit, which must be %" PRId64
                     " ms at least",
                     far->name, trip_ms, 4 * trip_ms);
}

static enum error_code far_prepare(void *self, struct error *err)
{
    struct far *far = self;
    CLEANUP_STRBUF struct strbuf line = {.max_bytes = WIRE_LINE_MAX};
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    char limit[24];
    (void)snprintf(limit, sizeof(limit), "%" PRId64, far->freeze_limit_ms);
    words_add(&line, "prepare");
    words_add(&line, limit);
    add_mounts(far, &line);
    far->frozen_us = 0;
    far->thaw_us = 0;
    TRY(far_check_way(far, err));
    return far_ask(far, &line, FLUSH_MS, &reply, err);
}

static enum error_code far_begin(void *self, struct error *err)
{
    struct far *far = self;
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    strbuf_reserve(&reply.text, WIRE_LINE_MAX);
    far->in_doubt = true;
    TRY(far_say(far, "freeze", far->freeze_limit_ms, &reply, err));
    far->frozen_us = clock_mono_us();
    return ERR_NONE;
}

static bool far_end(void *self)
{
    struct far *far = self;
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    struct error unused;
    far->thaw_us = clock_mono_us();
    far->in_doubt = far_say(far, "thaw", THAW_MS, &reply, &unused) != ERR_NONE;
    return !far->in_doubt;
}

static enum error_code ask_held(struct far *far, struct held *held, struct error *err)
{
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    TRY(far_say(far, "settle", FAR_ASK_MS, &reply, err));
    TRY(far_reply_held(far, &reply, held, err));
    /* What the far side held and we did not use: our words were under way. */
    int64_t used_us = far->thaw_us - far->frozen_us;
    if (held->all_frozen && held->held_us > used_us)
        held->round_trip_us = held->held_us - used_us;
    return ERR_NONE;
}

/* Until its watchdog must have acted, and some more for a new connection. */
static enum error_code wait_thawed(struct far *far, struct error *err)
{
    int64_t end_us = clock_mono_us() + (far->freeze_limit_ms + DOUBT_MS) * 1000;
    enum error_code code = far_check_thawed(far, err);
    while (code != ERR_NONE && clock_mono_us() < end_us) {
        (void)poll(NULL, 0, PAUSE_MS);
        code = far_check_thawed(far, err);
    }
    if (code == ERR_NONE)
        return ERR_NONE;
    char last[sizeof(err->message)];
    (void)snprintf(last, sizeof(last), "%s", err->message);
    return error_set(err, ERR_NOT_THAWED, "cannot learn that host '%s' is thawed (%.200s)",
                     far->name, last);
}

/* A conversation that broke took its holding with it, so a new one has nothing to tell: that nobody
 * thawed too early is then not known, and is not claimed. */
static enum error_code far_settle(void *self, struct held *held, struct error *err)
{
    struct far *far = self;
    struct error unused = {0};
    *held = (struct held){0};
    if (!far->greeted)
        return ERR_NONE;
    enum error_code code = ask_held(far, held, err != NULL ? err : &unused);
    if (!far->in_doubt)
        return code == ERR_NOT_THAWED ? code : ERR_NONE;
    far->wire.close(far->wire.self);
    TRY(wait_thawed(far, err != NULL ? err : &unused));
    far->in_doubt = false;
    held->unseen = true;
    return ERR_NONE;
}

struct holder far_holder(struct far *far)
{
    return (struct holder){
        .self = far,
        .server_head = far_server_head,
        .check_thawed = far_check_thawed,
        .prepare = far_prepare,
        .begin = far_begin,
        .end = far_end,
        .settle = far_settle,
    };
}
