#include "core/host/far_survey.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/host/far_ask.h"

static enum error_code ask_facts(void *self, struct machine_facts *facts, struct error *err)
{
    struct machine_facts read = {0};
    char *const texts[] = {read.kernel, read.architecture, read.glibc, read.icu, read.postgres};
    enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    TRY(far_ask_words(self, (const char *[]){"facts", NULL}, TEXTS, &reply, err));
    for (size_t i = 0; i < TEXTS; i++)
        (void)snprintf(texts[i], MACHINE_TEXT_SIZE, "%s", reply.words[i + 1]);
    *facts = read;
    return ERR_NONE;
}

static enum error_code ask_now(void *self, int64_t *now_ms, struct error *err)
{
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    TRY(far_ask_words(self, (const char *[]){"now", NULL}, 1, &reply, err));
    *now_ms = strtoll(reply.words[1], NULL, 10);
    return ERR_NONE;
}

static enum error_code ask_room(void *self, const char *directory, struct survey_room *room,
                                struct error *err)
{
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    TRY(far_ask_words(self, (const char *[]){"room", directory}, 2, &reply, err));
    room->free_bytes = strtoll(reply.words[1], NULL, 10);
    room->used_bytes = strtoll(reply.words[2], NULL, 10);
    return ERR_NONE;
}

static enum error_code ask_mounts(void *self, const char *const *mount_points, size_t count,
                                  struct error *err)
{
    CLEANUP_STRBUF struct strbuf line = {.max_bytes = WIRE_LINE_MAX};
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    words_add(&line, "mounts");
    for (size_t i = 0; i < count; i++)
        words_add(&line, mount_points[i]);
    return far_ask(self, &line, FAR_ASK_MS, &reply, err);
}

static enum error_code check_way(void *self, struct error *err)
{
    return far_check_way(self, err);
}

static enum error_code ask_filesystem(void *self, const char *mount_point,
                                      char filesystem[SURVEY_FILESYSTEM_SIZE], struct error *err)
{
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    TRY(far_ask_words(self, (const char *[]){"filesystem", mount_point}, 1, &reply, err));
    (void)snprintf(filesystem, SURVEY_FILESYSTEM_SIZE, "%s", reply.words[1]);
    return ERR_NONE;
}

static enum error_code ask_needs(void *self, const char *mount_point, struct fs_needs *needs,
                                 struct error *err)
{
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    TRY(far_ask_words(self, (const char *[]){"needs", mount_point}, 4, &reply, err));
    *needs = (struct fs_needs){
        .major = (int)strtol(reply.words[1], NULL, 10),
        .minor = (int)strtol(reply.words[2], NULL, 10),
        .unknown = strtol(reply.words[4], NULL, 10) != 0,
    };
    (void)snprintf(needs->feature, sizeof(needs->feature), "%s", reply.words[3]);
    return ERR_NONE;
}

static enum error_code ask_to_try(void *self, const char *filesystem, struct held *held,
                                  struct error *err)
{
    CLEANUP_FAR_REPLY struct far_reply reply = far_reply_new();
    TRY(far_ask_words(self, (const char *[]){"try", filesystem}, 7, &reply, err));
    return far_reply_held(self, &reply, held, err);
}

struct survey far_survey(struct far *far)
{
    return (struct survey){
        .self = far,
        .host = far->name,
        .facts = ask_facts,
        .now = ask_now,
        .room = ask_room,
        .check_mounts = ask_mounts,
        .check_way = check_way,
        .filesystem = ask_filesystem,
        .needs = ask_needs,
        .try_freeze = ask_to_try,
    };
}
