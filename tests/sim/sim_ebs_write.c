#include "tests/sim/sim_ebs_write.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/instant.h"
#include "tests/sim/sim_digest.h"
#include "tests/sim/sim_json.h"
#include "tests/sim/sim_rights.h"
#include "tests/sim/world_write.h"

#define SIZE_MAX_GIB    65536
#define TIMEOUT_MIN     10
#define TIMEOUT_MAX     4320
#define TIMEOUT_DEFAULT 60
#define TOKEN_MAX       255
#define TAGS_MAX        50
#define TAG_KEY_MAX     127
#define TAG_VALUE_MAX   256
#define DESCRIPTION_MAX 255
#define CHECKSUM_SIZE   48

static bool wrong(struct sim_call *call, const char *what)
{
    return refuse(&call->refusal, "INVALID_PARAMETER_VALUE", "%s is missing or not valid", what);
}

/* ---- StartSnapshot ---- */

static bool read_text(struct sim_call *call, struct json_object *body, const char *name, size_t max,
                      const char **text)
{
    struct json_object *found = NULL;
    if (!json_object_object_get_ex(body, name, &found) || found == NULL)
        return true;
    if (!json_object_is_type(found, json_type_string) ||
        (size_t)json_object_get_string_len(found) > max)
        return wrong(call, name);
    *text = json_object_get_string(found);
    return true;
}

static bool read_whole(struct sim_call *call, struct json_object *body, const char *name,
                       int64_t min, int64_t max, int64_t *value)
{
    struct json_object *found = NULL;
    if (!json_object_object_get_ex(body, name, &found) || found == NULL)
        return *value >= min || wrong(call, name);
    *value = json_object_get_int64(found);
    if (!json_object_is_type(found, json_type_int) || *value < min || *value > max)
        return wrong(call, name);
    return true;
}

static bool read_tag(struct sim_call *call, struct json_object *item, struct sim_tags *tags)
{
    const char *key = NULL;
    const char *value = "";
    if (!read_text(call, item, "Key", TAG_KEY_MAX, &key) ||
        !read_text(call, item, "Value", TAG_VALUE_MAX, &value) || key == NULL || key[0] == '\0' ||
        strncmp(key, "aws:", 4) == 0 || tags_get(tags, key) != NULL || tags->count == TAGS_MAX)
        return refuse(&call->refusal, "INVALID_TAG", "A tag is not valid");
    tags_set(tags, key, value);
    return true;
}

static bool read_tags(struct sim_call *call, struct json_object *body, struct sim_tags *tags)
{
    struct json_object *list = NULL;
    if (!json_object_object_get_ex(body, "Tags", &list) || list == NULL)
        return true;
    if (!json_object_is_type(list, json_type_array))
        return wrong(call, "Tags");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        if (!read_tag(call, json_object_array_get_idx(list, i), tags))
            return false;
    }
    return true;
}

static bool read_start(struct sim_call *call, struct json_object *body, struct sim_tags *tags,
                       struct written_request *request)
{
    struct json_object *encrypted = NULL;
    request->timeout_min = TIMEOUT_DEFAULT;
    if (json_object_object_get_ex(body, "Encrypted", &encrypted) &&
        !json_object_is_type(encrypted, json_type_boolean))
        return wrong(call, "Encrypted");
    request->encrypted = encrypted != NULL && json_object_get_boolean(encrypted);
    if (!read_whole(call, body, "VolumeSize", 1, SIZE_MAX_GIB, &request->size_gib) ||
        !read_whole(call, body, "Timeout", TIMEOUT_MIN, TIMEOUT_MAX, &request->timeout_min) ||
        !read_text(call, body, "ParentSnapshotId", 64, &request->parent_id) ||
        !read_text(call, body, "Description", DESCRIPTION_MAX, &request->description) ||
        !read_text(call, body, "ClientToken", TOKEN_MAX, &request->client_token) ||
        !read_text(call, body, "KmsKeyArn", 2048, &request->key) || !read_tags(call, body, tags))
        return false;
    if (request->key != NULL && strncmp(request->key, "arn:", 4) != 0)
        return wrong(call, "KmsKeyArn");
    if (request->parent_id != NULL &&
        !sim_call_check_id(call, SIM_ID_SNAPSHOT, "ParentSnapshotId", request->parent_id)) {
        return refuse(&call->refusal, "INVALID_SNAPSHOT_ID", "The snapshot ID '%s' is not valid",
                      request->parent_id);
    }
    return true;
}

static void write_tags(struct json_object *root, const struct sim_tags *tags)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < tags->count; i++) {
        struct json_object *item = json_object_new_object();
        sim_json_add_text(item, "Key", tags->items[i].key);
        sim_json_add_text(item, "Value", tags->items[i].value);
        (void)json_object_array_add(list, item);
    }
    (void)json_object_object_add(root, "Tags", list);
}

static void write_started(struct sim_call *call, const struct sim_snapshot *snapshot,
                          const char *parent_id)
{
    struct json_object *root = json_object_new_object();
    sim_json_add_text(root, "SnapshotId", snapshot->id);
    sim_json_add_text(root, "OwnerId", snapshot->account);
    sim_json_add_text(root, "Status", world_snapshot_status(call->world, snapshot));
    (void)json_object_object_add(
        root, "StartTime", json_object_new_double((double)snapshot->started_ms / MS_PER_SECOND));
    (void)json_object_object_add(root, "VolumeSize",
                                 json_object_new_int64(snapshot->volume_size_gib));
    (void)json_object_object_add(root, "BlockSize", json_object_new_int64(SIM_BLOCK_BYTES));
    if (snapshot->description[0] != '\0')
        sim_json_add_text(root, "Description", snapshot->description);
    if (parent_id != NULL)
        sim_json_add_text(root, "ParentSnapshotId", parent_id);
    if (snapshot->encrypted)
        sim_json_add_text(root, "KmsKeyArn", snapshot->key_arn);
    write_tags(root, &snapshot->tags);
    call->reply->status = 201;
    call->reply->content_type = "application/json";
    sim_json_write(call, root);
}

/* What makes two requests the same: everything but the token. */
static void hash_request(const struct written_request *request, char hash[SIM_HEX_SIZE])
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 65536};
    strbuf_printf(&text, "%" PRId64 "/%" PRId64 "/%d/%s/%s/%s", request->size_gib,
                  request->timeout_min, request->encrypted,
                  request->parent_id == NULL ? "" : request->parent_id,
                  request->key == NULL ? "" : request->key,
                  request->description == NULL ? "" : request->description);
    for (size_t i = 0; i < request->tags->count; i++) {
        strbuf_printf(&text, "/%s=%s", request->tags->items[i].key, request->tags->items[i].value);
    }
    sim_digest_hex(strbuf_text(&text), text.length, hash);
}

static bool start_with(struct sim_call *call, struct json_object *body, struct sim_tags *tags)
{
    char hash[SIM_HEX_SIZE];
    struct written_request request = {.tags = tags, .request_hash = hash};
    struct sim_snapshot *snapshot = NULL;
    if (!read_start(call, body, tags, &request))
        return false;
    hash_request(&request, hash);
    call->ready = true; /* REST: what is not known is ignored */
    if (!sim_rights_check(call) ||
        !world_start_snapshot(call->world, &call->caller, &request, &snapshot, &call->refusal))
        return false;
    write_started(call, snapshot, request.parent_id);
    return true;
}

static bool start_snapshot(struct sim_call *call)
{
    struct sim_tags tags = {0};
    struct json_object *body = json_tokener_parse(call->request->body);
    bool done = json_object_is_type(body, json_type_object)
                    ? start_with(call, body, &tags)
                    : refuse(&call->refusal, "INVALID_PARAMETER_VALUE", "The body is no object");
    (void)json_object_put(body);
    tags_done(&tags);
    return done;
}

/* ---- PutSnapshotBlock ---- */

/* A whole number without a sign, in a header or in the path. */
static bool read_digits(const char *text, int64_t *value)
{
    char *end = NULL;
    errno = 0;
    if (text == NULL || !isdigit((unsigned char)*text))
        return false;
    *value = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool need_header(struct sim_call *call, const char *name, const char *value)
{
    const char *found = sim_request_header(call->request, name);
    return (found != NULL && strcmp(found, value) == 0) || wrong(call, name);
}

static bool check_bytes(struct sim_call *call, char checksum[CHECKSUM_SIZE])
{
    const struct sim_request *request = call->request;
    const char *claimed = sim_request_header(request, "x-amz-Checksum");
    const char *progress = sim_request_header(request, "x-amz-Progress");
    unsigned char digest[SIM_DIGEST_BYTES];
    int64_t percent = 0;
    if (!need_header(call, "x-amz-Data-Length", "524288") ||
        !need_header(call, "x-amz-Checksum-Algorithm", "SHA256"))
        return false;
    if (progress != NULL && (!read_digits(progress, &percent) || percent > 100))
        return wrong(call, "x-amz-Progress");
    if (request->body_bytes != (size_t)SIM_BLOCK_BYTES)
        return refuse(&call->refusal, "INVALID_BLOCK", "The block is not of 524288 bytes");
    sim_digest(request->body, request->body_bytes, digest);
    sim_base64(digest, sizeof(digest), checksum);
    if (claimed == NULL || strcmp(claimed, checksum) != 0) {
        return refuse(&call->refusal, "INVALID_PARAMETER_VALUE",
                      "x-amz-Checksum is not that of the block");
    }
    return true;
}

/* The id that follows a prefix of the path, up to the next slash. */
static bool read_id(struct sim_call *call, const char *prefix, char id[64])
{
    const char *text = call->request->path + strlen(prefix);
    (void)snprintf(id, 64, "%.*s", (int)strcspn(text, "/"), text);
    if (sim_call_check_id(call, SIM_ID_SNAPSHOT, "snapshotId", id))
        return true;
    return refuse(&call->refusal, "INVALID_SNAPSHOT_ID", "The snapshot ID is not valid");
}

static bool put_block(struct sim_call *call)
{
    char id[64] = "";
    char checksum[CHECKSUM_SIZE];
    int64_t block = 0;
    if (!read_id(call, "/snapshots/", id))
        return false;
    if (!read_digits(strrchr(call->request->path, '/') + 1, &block))
        return refuse(&call->refusal, "INVALID_BLOCK", "The block index is not valid");
    if (!check_bytes(call, checksum))
        return false;
    call->ready = true; /* REST: what is not known is ignored */
    if (!sim_rights_check(call) ||
        !world_put_block(call->world, &call->caller, id, block,
                         (const uint8_t *)call->request->body, &call->refusal))
        return false;
    call->reply->status = 201;
    sim_reply_header(call->reply, "x-amz-Checksum", checksum);
    sim_reply_header(call->reply, "x-amz-Checksum-Algorithm", "SHA256");
    return true;
}

/* ---- CompleteSnapshot ---- */

/* A checksum needs its algorithm and its method, and they need one. */
static bool read_claim(struct sim_call *call, struct written_claim *claim)
{
    const struct sim_request *request = call->request;
    claim->checksum = sim_request_header(request, "x-amz-Checksum");
    if (!read_digits(sim_request_header(request, "x-amz-ChangedBlocksCount"), &claim->block_count))
        return wrong(call, "x-amz-ChangedBlocksCount");
    if (claim->checksum != NULL) {
        return need_header(call, "x-amz-Checksum-Algorithm", "SHA256") &&
               need_header(call, "x-amz-Checksum-Aggregation-Method", "LINEAR");
    }
    return (sim_request_header(request, "x-amz-Checksum-Algorithm") == NULL &&
            sim_request_header(request, "x-amz-Checksum-Aggregation-Method") == NULL) ||
           wrong(call, "x-amz-Checksum");
}

static bool complete_snapshot(struct sim_call *call)
{
    char id[64] = "";
    struct written_claim claim = {0};
    if (!read_id(call, "/snapshots/completion/", id) || !read_claim(call, &claim))
        return false;
    call->ready = true; /* REST: what is not known is ignored */
    if (!sim_rights_check(call) ||
        !world_complete_snapshot(call->world, &call->caller, id, &claim, &call->refusal))
        return false;
    call->reply->status = 202;
    call->reply->content_type = "application/json";
    strbuf_puts(call->out, "{\"Status\":\"pending\"}");
    return true;
}

const struct sim_action sim_start_snapshot_action = {"StartSnapshot", start_snapshot, true};
const struct sim_action sim_put_block_action = {"PutSnapshotBlock", put_block, true};
const struct sim_action sim_complete_snapshot_action = {"CompleteSnapshot", complete_snapshot,
                                                        true};
