#include "core/engine/keys.h"

#include <stdio.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "model/instant.h"

#define TEXT_GRANTS    "grants"
#define CALL_LIMIT_MS  (10 * MS_PER_MINUTE)
#define GRANT_LIMIT_MS (2 * MS_PER_MINUTE)
#define GRANT_EVERY_MS (2 * MS_PER_SECOND)

/* One principal and how it is asked. Borrows all. */
struct asker {
    const struct cloud *cloud;
    const struct clock *clock;
    const struct log *log;
    int64_t patience_ms;
};

static struct asker asker_of(const struct engine *engine, const struct cloud *cloud)
{
    return (struct asker){cloud, engine->clock, engine->log, CALL_LIMIT_MS};
}

static enum error_code get_key(const struct asker *asker, const char *key_id, struct cloud_key *key,
                               struct error *err)
{
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(asker->clock, asker->log, "describe a key", asker->patience_ms);
    do {
        code = asker->cloud->get_key(asker->cloud->self, key_id, key, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

static enum error_code try_key(const struct asker *asker, const char *key_arn, struct error *err)
{
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(asker->clock, asker->log, "try a key", asker->patience_ms);
    do {
        code = asker->cloud->try_key(asker->cloud->self, key_arn, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

/* "'PRINCIPAL' lacks RIGHT on key 'KEY'". Who it is may be unknown: that must not hide the rest. */
static enum error_code lacks(const struct asker *asker, const char *right, const char *key_id,
                             struct error *err)
{
    struct cloud_identity who = {.arn = "the caller"};
    struct error unused = {0};
    if (asker->cloud->get_identity(asker->cloud->self, &who, &unused) != ERR_NONE)
        (void)snprintf(who.arn, sizeof(who.arn), "the caller");
    return error_set(err, ERR_ACCESS, "'%s' lacks %s on key '%s'", who.arn, right, key_id);
}

static enum error_code check_state(const struct cloud_key *key, struct error *err)
{
    static const char *const texts[] = {
        [CLOUD_KEY_DISABLED] = "disabled: enable it",
        [CLOUD_KEY_DELETED] = "waiting for its deletion: cancel that",
        [CLOUD_KEY_OTHER] = "not usable",
    };
    if (key->state == CLOUD_KEY_ENABLED)
        return ERR_NONE;
    return error_set(err, ERR_STATE, "key '%s' is %s", key->arn, texts[key->state]);
}

/* Reads a key that must be there, visible and enabled. */
static enum error_code need_key(const struct asker *asker, const char *key_id,
                                struct cloud_key *key, struct error *err)
{
    enum error_code code = get_key(asker, key_id, key, err);
    if (code == ERR_ACCESS)
        return lacks(asker, "kms:DescribeKey", key_id, err);
    if (code == ERR_NOT_FOUND) {
        return error_set(err, ERR_CONFIG, "key '%s' does not exist in region '%s'", key_id,
                         asker->cloud->region);
    }
    TRY(code);
    return check_state(key, err);
}

/* A service that knows no dry run of this kind has nothing to say against it. */
static enum error_code need_write(const struct asker *asker, const char *key_arn, struct error *err)
{
    enum error_code code = try_key(asker, key_arn, err);
    if (code == ERR_ACCESS)
        return lacks(asker, "kms:GenerateDataKeyWithoutPlaintext", key_arn, err);
    if (code == ERR_INTERRUPTED)
        return code;
    *err = (struct error){0};
    return ERR_NONE;
}

/* ---- beforehand ---- */

static enum error_code refuse_managed(const char *what, const char *key_arn, struct error *err)
{
    return error_set(
        err, ERR_CONFIG,
        "%s lies under the AWS-managed key '%s', which cannot be shared, and inside one "
        "region every copy under another key is full: name a region to go by with "
        "--via-region, and a key of the source account there with --via-kms-key-id",
        what, key_arn);
}

/* Asks for the very grant that a run would make. */
static enum error_code try_grant(const struct asker *owner, const char *key_arn,
                                 const char *principal, struct error *err)
{
    const struct cloud_grant_request request = {
        .key_id = key_arn, .principal = principal, .name = "ebshift-asked"};
    char unused[CLOUD_GRANT_SIZE];
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(owner->clock, owner->log, "ask for a grant", owner->patience_ms);
    owner->cloud->ask_only(owner->cloud->self, true);
    do {
        code = owner->cloud->grant_key(owner->cloud->self, &request, unused, err);
    } while (attempt_again(&attempt, &code, err));
    owner->cloud->ask_only(owner->cloud->self, false);
    if (code != ERR_ASKED)
        return code;
    *err = (struct error){0};
    return ERR_NONE;
}

/* Whoever may not read yet gets a grant when the run needs it, if the owner may give one. */
static enum error_code check_lending(const struct keys_request *request, const struct hop *hop,
                                     const char *key_arn, struct error *err)
{
    struct asker owner = {hop->from, request->clock, request->log, request->patience_ms};
    struct asker reader = {hop->to, request->clock, request->log, request->patience_ms};
    struct cloud_key seen;
    enum error_code code = get_key(&reader, key_arn, &seen, err);
    if (code != ERR_ACCESS && code != ERR_NOT_FOUND)
        return code;
    code = try_grant(&owner, key_arn, request->path->principal, err);
    if (code == ERR_ACCESS)
        return lacks(&owner, "kms:CreateGrant", key_arn, err);
    TRY(code);
    log_event(request->log, LOG_INFO, clock_now_ms(request->clock),
              "a grant will let '%s' read under key '%s' while the run lasts",
              request->path->principal, key_arn);
    return ERR_NONE;
}

/* The keys of the hops, given one that a volume lies under (empty: it is not encrypted). */
static enum error_code check_hops(const struct keys_request *request, const char *volume_id,
                                  const char *volume_key, struct error *err)
{
    const struct path *path = request->path;
    struct cloud_key before = {0};
    char what[64];
    bool encrypted = volume_key[0] != '\0';
    (void)snprintf(what, sizeof(what), "volume '%s'", volume_id);
    struct asker source = {request->source, request->clock, request->log, request->patience_ms};
    if (encrypted && path->count > 0)
        TRY(need_key(&source, volume_key, &before, err));
    for (size_t i = 0; i < path->count; i++) {
        const struct hop *hop = &path->hops[i];
        struct asker asker = {hop->to, request->clock, request->log, request->patience_ms};
        struct cloud_key key = {0};
        bool was_encrypted = before.arn[0] != '\0';
        if (hop->crosses && before.aws_managed)
            return refuse_managed(i == 0 ? what : "a copy on the way", before.arn, err);
        if (!path_encrypts(path, i, encrypted))
            continue;
        if (hop->key_id[0] == '\0') {
            return error_set(err, ERR_CONFIG, "the copy of %s in %s will be encrypted: set %s",
                             what, hop->to->region,
                             i + 1 == path->count ? "target.kms_key_id" : "via.kms_key_id");
        }
        TRY(need_key(&asker, hop->key_id, &key, err));
        if (!key.aws_managed)
            TRY(need_write(&asker, key.arn, err));
        if (hop->crosses && was_encrypted)
            TRY(check_lending(request, hop, before.arn, err));
        before = key;
    }
    return ERR_NONE;
}

static enum error_code list_volumes(const struct keys_request *request,
                                    struct cloud_volumes *volumes, struct error *err)
{
    const char *ids[CLOUD_SET_MAX];
    const struct config *config = request->config;
    for (size_t i = 0; i < config->volume_count; i++)
        ids[i] = config->volumes[i];
    struct cloud_volume_filter filter = {.ids = ids, .id_count = config->volume_count};
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(request->clock, request->log, "describe the volumes", request->patience_ms);
    do {
        cloud_volumes_done(volumes);
        code = request->source->list_volumes(request->source->self, &filter, volumes, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

enum error_code keys_check(const struct keys_request *request, struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes volumes = {0};
    enum error_code code = list_volumes(request, &volumes, err);
    /* Whoever looks at the volumes themselves says it better. */
    if (code == ERR_NOT_FOUND)
        return ERR_NONE;
    TRY(code);
    for (size_t i = 0; i < volumes.count; i++)
        TRY(check_hops(request, volumes.items[i].id, volumes.items[i].key_id, err));
    return ERR_NONE;
}

/* ---- afterwards ---- */

static enum error_code prefix(const struct error *why, enum error_code code, struct error *err)
{
    struct error cause = *err;
    return error_set(err, code, "%.200s: %.190s", cause.message, why->message);
}

enum error_code keys_blame(struct engine *engine, const struct hop *hop, const char *source_key,
                           bool again, struct error *err)
{
    struct asker reader = asker_of(engine, hop->crosses ? hop->to : hop->from);
    struct asker writer = asker_of(engine, hop->to);
    struct cloud_key key = {0};
    struct error why = *err;
    struct error cause = {0};
    enum error_code code = ERR_NONE;
    if (source_key[0] != '\0')
        code = need_key(&reader, source_key, &key, &cause);
    if (code == ERR_NONE && hop->key_id[0] != '\0')
        code = need_key(&writer, hop->key_id, &key, &cause);
    if (code == ERR_NONE && hop->key_id[0] != '\0' && !key.aws_managed)
        code = need_write(&writer, key.arn, &cause);
    /* What can be asked is there; what remains is what EBS does with the source's key. */
    if (code == ERR_NONE && again && source_key[0] != '\0' &&
        strstr(why.message, "not accessible") != NULL)
        code =
            lacks(&reader, "kms:Decrypt, kms:ReEncryptFrom or kms:CreateGrant", source_key, &cause);
    if (code != ERR_ACCESS && code != ERR_STATE && code != ERR_CONFIG)
        return ERR_NONE;
    *err = cause;
    return prefix(&why, code, err);
}

/* ---- grants ---- */

static enum error_code make_grant(struct engine *engine, const struct cloud *owner,
                                  const char *key_arn, char grant_id[CLOUD_GRANT_SIZE],
                                  struct error *err)
{
    char name[RUN_ID_SIZE + 8];
    (void)snprintf(name, sizeof(name), "ebshift-%s", engine->run.id);
    struct cloud_grant_request request = {
        .key_id = key_arn,
        .principal = engine->path->principal,
        .name = name,
    };
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "grant the use of a key", CALL_LIMIT_MS);
    do {
        code = owner->grant_key(owner->self, &request, grant_id, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

static enum error_code read_grants(struct engine *engine, struct strbuf *text, struct error *err)
{
    enum error_code code = store_get_text(engine->store, engine->run.id, TEXT_GRANTS, text, err);
    if (code != ERR_NOT_FOUND)
        return code;
    *err = (struct error){0};
    return ERR_NONE;
}

static enum error_code journal_grant(struct engine *engine, const char *key_arn, struct error *err)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 1 << 16};
    TRY(read_grants(engine, &text, err));
    if (strstr(strbuf_text(&text), key_arn) != NULL)
        return ERR_NONE;
    strbuf_printf(&text, "%s\n", key_arn);
    TRY(strbuf_check(&text, err));
    return store_put_text(engine->store, engine->run.id, TEXT_GRANTS, strbuf_text(&text), err);
}

/* A grant is known everywhere after some seconds. */
static enum error_code await_grant(struct engine *engine, const struct asker *reader,
                                   const char *key_arn, struct error *err)
{
    struct cloud_key key;
    int64_t end_ms = clock_now_ms(engine->clock) + GRANT_LIMIT_MS;
    for (;;) {
        enum error_code code = get_key(reader, key_arn, &key, err);
        int64_t now_ms = clock_now_ms(engine->clock);
        if (code == ERR_NONE || (code != ERR_ACCESS && code != ERR_NOT_FOUND))
            return code;
        if (now_ms >= end_ms)
            return lacks(reader, "kms:DescribeKey", key_arn, err);
        TRY(clock_sleep_until(engine->clock, now_ms + GRANT_EVERY_MS, err));
    }
}

enum error_code keys_lend(struct engine *engine, const struct hop *hop, const char *key_arn,
                          struct error *err)
{
    struct asker owner = asker_of(engine, hop->from);
    struct asker reader = asker_of(engine, hop->to);
    struct cloud_key key;
    char grant_id[CLOUD_GRANT_SIZE];
    enum error_code code = get_key(&reader, key_arn, &key, err);
    if (code != ERR_ACCESS && code != ERR_NOT_FOUND)
        return code;
    TRY(journal_grant(engine, key_arn, err));
    code = make_grant(engine, hop->from, key_arn, grant_id, err);
    if (code == ERR_ACCESS)
        return lacks(&owner, "kms:CreateGrant", key_arn, err);
    TRY(code);
    log_event(engine->log, LOG_INFO, clock_now_ms(engine->clock), "'%s' may read under key '%s'",
              engine->path->principal, key_arn);
    return await_grant(engine, &reader, key_arn, err);
}

/* The id of a grant is learned by asking for it again: that makes none if there is one, and one that
 * an earlier process did not come to make is made and goes at once. */
static enum error_code take_one_back(struct engine *engine, const struct cloud *owner,
                                     const char *key_arn, struct error *err)
{
    char grant_id[CLOUD_GRANT_SIZE];
    enum error_code code = make_grant(engine, owner, key_arn, grant_id, err);
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "take back a grant", CALL_LIMIT_MS);
    TRY(code);
    do {
        code = owner->revoke_grant(owner->self, key_arn, grant_id, err);
    } while (attempt_again(&attempt, &code, err));
    if (code != ERR_NOT_FOUND)
        return code;
    *err = (struct error){0};
    return ERR_NONE;
}

static const struct hop *crossing(const struct path *path)
{
    for (size_t i = 0; i < path->count; i++) {
        if (path->hops[i].crosses)
            return &path->hops[i];
    }
    return NULL;
}

enum error_code keys_take_back(struct engine *engine, struct error *err)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 1 << 16};
    const struct hop *hop = crossing(engine->path);
    char key_arn[CLOUD_KEY_SIZE];
    if (hop == NULL)
        return ERR_NONE;
    TRY(read_grants(engine, &text, err));
    for (const char *at = strbuf_text(&text); *at != '\0'; at += strlen(key_arn) + 1) {
        (void)snprintf(key_arn, sizeof(key_arn), "%.*s", (int)strcspn(at, "\n"), at);
        TRY(take_one_back(engine, hop->from, key_arn, err));
    }
    if (text.length == 0)
        return ERR_NONE;
    return store_put_text(engine->store, engine->run.id, TEXT_GRANTS, "", err);
}
