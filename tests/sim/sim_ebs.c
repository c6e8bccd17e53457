#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "model/instant.h"
#include "tests/sim/sim_digest.h"
#include "tests/sim/sim_door.h"
#include "tests/sim/sim_ebs_write.h"
#include "tests/sim/sim_query_service.h"
#include "tests/sim/sim_rights.h"
#include "tests/sim/sim_token.h"
#include "tests/sim/world_key.h"

#define PAGE_MIN            100
#define PAGE_MAX            10000
#define BLOCK_TOKEN_LIFE_MS (7 * MS_PER_DAY)
#define PAGE_TOKEN_LIFE_MS  MS_PER_HOUR
#define BLOCKS_PER_GIB      2048
#define SUBJECT_SIZE        160
/* A page also ends after so many indexes per wanted entry: short and empty pages happen, as with
 * the real service, and a client has to go on until no token comes. */
#define SCAN_FACTOR 64

/* ---- errors ---- */

/* A refusal's code is the Reason; the exception it comes with stands here. */
static const struct {
    const char *reason;
    const char *exception;
} reasons[] = {
    {"SNAPSHOT_NOT_FOUND", "ResourceNotFoundException"},
    {"InvalidSnapshot.NotFound", "ResourceNotFoundException"},
    {"UNAUTHORIZED_ACCOUNT", "AccessDeniedException"},
    {"DEPENDENCY_ACCESS_DENIED", "AccessDeniedException"},
    {"UNRELATED_SNAPSHOTS", "ValidationException"},
    {"INVALID_SNAPSHOT_ID", "ValidationException"},
    {"INVALID_PAGE_TOKEN", "ValidationException"},
    {"INVALID_BLOCK_TOKEN", "ValidationException"},
    {"INVALID_BLOCK", "ValidationException"},
    {"INVALID_PARAMETER_VALUE", "ValidationException"},
    {"INVALID_VOLUME_SIZE", "ValidationException"},
    {"INVALID_CUSTOMER_KEY", "ValidationException"},
    {"INVALID_TAG", "ValidationException"},
    {"RequestLimitExceeded", "RequestThrottledException"},
    {"InternalError", "InternalServerException"},
};

static void write_error(struct sim_call *call)
{
    struct json_object *root = json_object_new_object();
    const char *exception = NULL;
    const char *reason = call->refusal.code;

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(reasons[i].reason, reason) == 0)
            exception = reasons[i].exception;
    }
    json_object_object_add(root, "Message", json_object_new_string(call->refusal.message));
    if (strcmp(reason, "InvalidSnapshot.NotFound") == 0)
        reason = "SNAPSHOT_NOT_FOUND";
    if (strcmp(reason, "RequestLimitExceeded") == 0)
        reason = "ACCOUNT_THROTTLED";
    if (exception != NULL && strcmp(reason, "InternalError") != 0)
        json_object_object_add(root, "Reason", json_object_new_string(reason));
    exception = exception == NULL ? call->refusal.code : exception;
    call->reply->status = sim_status_of(exception);
    call->reply->content_type = "application/json";
    sim_reply_header(call->reply, "x-amzn-ErrorType", exception);
    strbuf_puts(call->out, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
    json_object_put(root);
}

/* ---- what the actions that read share ---- */

static bool check_id(struct sim_call *call, const char *id)
{
    if (sim_call_check_id(call, SIM_ID_SNAPSHOT, "snapshotId", id))
        return true;
    return refuse(&call->refusal, "INVALID_SNAPSHOT_ID", "The snapshot ID '%s' is not valid", id);
}

static bool is_shared_with(const struct sim_call *call, const struct sim_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->shared_count; i++) {
        if (strcmp(snapshot->shared_with[i], call->caller.account) == 0)
            return true;
    }
    return strcmp(snapshot->account, call->caller.account) == 0;
}

/* Owned or shared (but not merely public), completed, and under a key the caller may use. */
static const struct sim_snapshot *readable_snapshot(struct sim_call *call, const char *id)
{
    struct refusal *refusal = &call->refusal;
    char action[96];
    (void)snprintf(action, sizeof(action), "ebs:%s", call->action);
    if (!check_id(call, id) || !sim_rights_check_snapshot(call, action, id))
        return NULL;
    const struct sim_snapshot *snapshot = world_snapshot(call->world, &call->caller, id, refusal);
    if (snapshot == NULL)
        return NULL;
    const struct sim_key *key = world_key(call->world, &call->caller, snapshot->key_arn);
    if (!is_shared_with(call, snapshot)) {
        refuse(refusal, "UNAUTHORIZED_ACCOUNT", "The snapshot '%s' is not shared with you", id);
    } else if (snapshot->encrypted &&
               (key == NULL || key->state != KEY_ENABLED ||
                !world_key_allows(call->world, &call->caller, key, "kms:Decrypt", KEY_ACTOR_EBS))) {
        refuse(refusal, "DEPENDENCY_ACCESS_DENIED", "The key of '%s' is not accessible", id);
    } else if (strcmp(world_snapshot_status(call->world, snapshot), "completed") != 0) {
        refuse(refusal, "INVALID_SNAPSHOT_ID", "The snapshot '%s' is not completed", id);
    } else {
        return snapshot;
    }
    return NULL;
}

/* "/snapshots/ID/WHAT/INDEX": copies the parts; the later ones may be "". */
static bool split_path(const char *path, char id[64], char what[32], char index[32])
{
    id[0] = what[0] = index[0] = '\0';
    return sscanf(path, "/snapshots/%63[^/]/%31[^/]/%31[^/]", id, what, index) >= 1;
}

static bool read_number(struct sim_call *call, const char *name, int64_t min, int64_t max,
                        int64_t *value)
{
    if (!sim_call_int(call, name, value) || *value < min || *value > max) {
        return refuse(&call->refusal, "INVALID_PARAMETER_VALUE",
                      "%s must be between %" PRId64 " and %" PRId64, name, min, max);
    }
    return true;
}

static uint64_t make_nonce(struct sim_call *call)
{
    char hex[17];
    world_random_hex(call->world, hex, sizeof(hex));
    return strtoull(hex, NULL, 16);
}

/* ---- listing ---- */

/* One page of a listing while it is written. */
struct listing {
    char subject[SUBJECT_SIZE]; /* of the page token */
    int64_t from;               /* first index of the page */
    int64_t max_results;
    int64_t next; /* where the next page begins, or BLOCK_NONE */
    uint64_t nonce;
};

static bool read_listing(struct sim_call *call, struct listing *listing)
{
    char text[SIM_TOKEN_TEXT_SIZE];
    const char *token = sim_query_get(&call->query, "pageToken");

    listing->max_results = PAGE_MAX;
    listing->nonce = make_nonce(call);
    if (!read_number(call, "maxResults", PAGE_MIN, PAGE_MAX, &listing->max_results) ||
        !read_number(call, "startingBlockIndex", 0, INT64_MAX, &listing->from))
        return false;
    if (token == NULL)
        return true;
    if (!sim_token_read(listing->subject, token, call->now_ms, text))
        return refuse(&call->refusal, "INVALID_PAGE_TOKEN", "The page token is not valid");
    listing->from = strtoll(text, NULL, 10);
    return true;
}

static void write_block_token(struct sim_call *call, const char *name,
                              const struct sim_snapshot *snapshot, int64_t block, uint64_t nonce)
{
    char subject[SUBJECT_SIZE];
    char token[SIM_TOKEN_SIZE];
    snprintf(subject, sizeof(subject), "block/%s/%" PRId64, snapshot->id, block);
    sim_token_make(subject, "b", call->now_ms + BLOCK_TOKEN_LIFE_MS, nonce, token);
    strbuf_puts(call->out, ",\"");
    strbuf_puts(call->out, name);
    strbuf_puts(call->out, "\":\"");
    strbuf_puts(call->out, token);
    strbuf_puts(call->out, "\"");
}

/* The fields after the array of blocks. Lists are the bulk of this service, up to ten thousand
 * entries a page of nothing but numbers and base64, so they are written straight. */
static void write_end(struct sim_call *call, const struct listing *listing, int64_t size_gib)
{
    char text[SIM_TOKEN_TEXT_SIZE];
    char token[SIM_TOKEN_SIZE];
    strbuf_printf(call->out,
                  "],\"ExpiryTime\":%.12E,\"VolumeSize\":%" PRId64 ",\"BlockSize\":%" PRId64,
                  (double)(call->now_ms + BLOCK_TOKEN_LIFE_MS) / 1000.0, size_gib, SIM_BLOCK_BYTES);
    if (listing->next != BLOCK_NONE) {
        snprintf(text, sizeof(text), "%" PRId64, listing->next);
        sim_token_make(listing->subject, text, call->now_ms + PAGE_TOKEN_LIFE_MS, listing->nonce,
                       token);
        strbuf_printf(call->out, ",\"NextToken\":\"%s\"", token);
    }
    strbuf_puts(call->out, "}");
    call->reply->content_type = "application/json";
}

/* Walks one page of `blocks`, calling write(call, block, state) for each entry; `limit` is the
 * first index past the volume. */
static void walk_page(struct sim_call *call, struct listing *listing,
                      const struct block_set *blocks,
                      void (*write)(struct sim_call *call, int64_t block, void *state), void *state)
{
    int64_t scan_end = listing->from + listing->max_results * SCAN_FACTOR;
    int64_t written = 0;
    int64_t block = block_set_next(blocks, listing->from);

    for (; block != BLOCK_NONE && block < scan_end && written < listing->max_results; written++) {
        strbuf_puts(call->out, written == 0 ? "{" : ",{");
        write(call, block, state);
        strbuf_puts(call->out, "}");
        block = block_set_next(blocks, block + 1);
    }
    listing->next = block == BLOCK_NONE ? BLOCK_NONE : block < scan_end ? block : scan_end;
}

/* What the writers of entries need. */
struct entry_state {
    const struct sim_snapshot *first; /* NULL: none */
    const struct sim_snapshot *second;
    struct block_set in_first;
    struct block_set in_second;
    uint64_t nonce;
};

static void entry_state_done(struct entry_state *state)
{
    block_set_done(&state->in_first);
    block_set_done(&state->in_second);
}

static void write_block(struct sim_call *call, int64_t block, void *state)
{
    struct entry_state *entry = state;
    strbuf_printf(call->out, "\"BlockIndex\":%" PRId64, block);
    write_block_token(call, "BlockToken", entry->second, block, entry->nonce);
}

static void write_change(struct sim_call *call, int64_t block, void *state)
{
    struct entry_state *entry = state;
    strbuf_printf(call->out, "\"BlockIndex\":%" PRId64, block);
    if (entry->first != NULL && block_set_has(&entry->in_first, block))
        write_block_token(call, "FirstBlockToken", entry->first, block, entry->nonce);
    if (block_set_has(&entry->in_second, block))
        write_block_token(call, "SecondBlockToken", entry->second, block, entry->nonce + 1);
}

static bool list_snapshot_blocks(struct sim_call *call)
{
    CLEANUP(entry_state_done) struct entry_state state = {0};
    struct listing listing = {0};
    char id[64];
    char what[32];
    char index[32];

    split_path(call->request->path, id, what, index);
    state.second = readable_snapshot(call, id);
    snprintf(listing.subject, sizeof(listing.subject), "blocks/%s/%s", call->caller.account, id);
    if (state.second == NULL || !read_listing(call, &listing))
        return false;
    call->ready = true; /* REST: what is not known is ignored */
    state.nonce = listing.nonce;
    world_snapshot_blocks(call->world, state.second, &state.in_second);
    strbuf_puts(call->out, "{\"Blocks\":[");
    walk_page(call, &listing, &state.in_second, write_block, &state);
    write_end(call, &listing, state.second->volume_size_gib);
    return true;
}

static bool read_pair(struct sim_call *call, struct entry_state *state, struct listing *listing)
{
    char id[64];
    char what[32];
    char index[32];
    const char *first = sim_query_get(&call->query, "firstSnapshotId");

    split_path(call->request->path, id, what, index);
    state->second = readable_snapshot(call, id);
    state->first = first == NULL || state->second == NULL ? NULL : readable_snapshot(call, first);
    if (state->second == NULL || (first != NULL && state->first == NULL))
        return false;
    snprintf(listing->subject, sizeof(listing->subject), "changes/%s/%s/%s", call->caller.account,
             id, first == NULL ? "" : first);
    if (!read_listing(call, listing))
        return false;
    state->nonce = listing->nonce;
    return true;
}

static bool list_changed_blocks(struct sim_call *call)
{
    CLEANUP(entry_state_done) struct entry_state state = {0};
    CLEANUP_BLOCK_SET struct block_set changed = {0};
    struct listing listing = {0};

    if (!read_pair(call, &state, &listing) ||
        !world_changed_blocks(call->world, state.first, state.second, &changed, &call->refusal))
        return false;
    call->ready = true; /* REST: what is not known is ignored */
    world_snapshot_blocks(call->world, state.second, &state.in_second);
    if (state.first != NULL)
        world_snapshot_blocks(call->world, state.first, &state.in_first);
    strbuf_puts(call->out, "{\"ChangedBlocks\":[");
    walk_page(call, &listing, &changed, write_change, &state);
    write_end(call, &listing, state.second->volume_size_gib);
    return true;
}

/* ---- GetSnapshotBlock ---- */

static bool read_block_index(struct sim_call *call, const struct sim_snapshot *snapshot,
                             const char *text, int64_t *block)
{
    char *end = NULL;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || number < 0 ||
        number >= snapshot->volume_size_gib * BLOCKS_PER_GIB)
        return refuse(&call->refusal, "INVALID_BLOCK", "The block index '%s' is not valid", text);
    *block = number;
    return true;
}

static bool check_block_token(struct sim_call *call, const struct sim_snapshot *snapshot,
                              int64_t block)
{
    char subject[SUBJECT_SIZE];
    char text[SIM_TOKEN_TEXT_SIZE];
    const char *token = sim_query_get(&call->query, "blockToken");
    snprintf(subject, sizeof(subject), "block/%s/%" PRId64, snapshot->id, block);
    if (token == NULL || !sim_token_read(subject, token, call->now_ms, text))
        return refuse(&call->refusal, "INVALID_BLOCK_TOKEN", "The block token is not valid");
    return true;
}

static void write_block_bytes(struct sim_call *call, const uint8_t *bytes)
{
    unsigned char digest[SIM_DIGEST_BYTES];
    char checksum[48];
    sim_digest(bytes, (size_t)SIM_BLOCK_BYTES, digest);
    sim_base64(digest, sizeof(digest), checksum);
    sim_reply_header(call->reply, "x-amz-Data-Length", "524288");
    sim_reply_header(call->reply, "x-amz-Checksum", checksum);
    sim_reply_header(call->reply, "x-amz-Checksum-Algorithm", "SHA256");
    call->reply->content_type = "application/octet-stream";
    strbuf_add(call->out, bytes, (size_t)SIM_BLOCK_BYTES);
}

static bool get_snapshot_block(struct sim_call *call)
{
    char id[64];
    char what[32];
    char index[32];
    int64_t block = 0;

    split_path(call->request->path, id, what, index);
    const struct sim_snapshot *snapshot = readable_snapshot(call, id);
    if (snapshot == NULL || !read_block_index(call, snapshot, index, &block) ||
        !check_block_token(call, snapshot, block))
        return false;
    call->ready = true; /* REST: what is not known is ignored */
    uint8_t *bytes = malloc((size_t)SIM_BLOCK_BYTES);
    if (bytes == NULL)
        return refuse(&call->refusal, "InternalError", "out of memory");
    bool done = world_read_block(call->world, snapshot, block, bytes, &call->refusal);
    if (done)
        write_block_bytes(call, bytes);
    free(bytes);
    return done;
}

/* ---- the service ---- */

static const struct sim_action list_blocks_action = {"ListSnapshotBlocks", list_snapshot_blocks,
                                                     false};
static const struct sim_action list_changes_action = {"ListChangedBlocks", list_changed_blocks,
                                                      false};
static const struct sim_action get_block_action = {"GetSnapshotBlock", get_snapshot_block, false};

static const struct sim_action *reading_of(const char *what, const char *index)
{
    if (strcmp(what, "changedblocks") == 0 && index[0] == '\0')
        return &list_changes_action;
    if (strcmp(what, "blocks") == 0)
        return index[0] == '\0' ? &list_blocks_action : &get_block_action;
    return NULL;
}

static const struct sim_action *action_of(const struct sim_request *request)
{
    char id[64];
    char what[32];
    char index[32];
    bool deep = split_path(request->path, id, what, index);
    if (strcmp(request->method, "GET") == 0)
        return deep ? reading_of(what, index) : NULL;
    if (strcmp(request->method, "PUT") == 0)
        return strcmp(what, "blocks") == 0 && index[0] != '\0' ? &sim_put_block_action : NULL;
    if (strcmp(request->method, "POST") != 0)
        return NULL;
    if (strcmp(id, "completion") == 0 && what[0] != '\0')
        return &sim_complete_snapshot_action;
    return strcmp(request->path, "/snapshots") == 0 ? &sim_start_snapshot_action : NULL;
}

static bool run(struct sim_call *call)
{
    const struct sim_request *request = call->request;
    const struct sim_action *action = action_of(request);
    struct error err;

    sim_reply_header(call->reply, "x-amzn-RequestId", call->request_id);
    if (action == NULL) {
        return refuse(&call->refusal, "UnknownOperationException",
                      "%s %s is no operation of EBS direct", request->method, request->path);
    }
    if (sim_query_parse(request->query, strlen(request->query), &call->query, &err) != ERR_NONE)
        return refuse(&call->refusal, "INVALID_PARAMETER_VALUE", "%s", err.message);
    return sim_action_run(call, action, false);
}

static const char *const auth_codes[SIM_AUTH_FAULTS] = {
    [SIM_AUTH_MISSING] = "MissingAuthenticationTokenException",
    [SIM_AUTH_INCOMPLETE] = "IncompleteSignatureException",
    [SIM_AUTH_UNKNOWN_KEY] = "UnrecognizedClientException",
    [SIM_AUTH_SIGNATURE] = "InvalidSignatureException",
    [SIM_AUTH_EXPIRED] = "InvalidSignatureException",
    [SIM_AUTH_TOKEN_EXPIRED] = "ExpiredTokenException",
    [SIM_AUTH_REGION] = "UnrecognizedClientException",
};

const struct sim_service sim_ebs_service = {
    .name = "ebs",
    .auth_codes = auth_codes,
    .run = run,
    .write_error = write_error,
};
