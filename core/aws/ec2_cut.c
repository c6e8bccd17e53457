#include "core/aws/ec2_cut.h"

#include <stdlib.h>
#include <string.h>

#include "core/aws/ec2_list.h"
#include "core/aws/ec2_parse.h"
#include "core/aws/ec2_query.h"
#include "core/aws/xml.h"

/* Below the freeze's own limit, so that a lost answer is noticed before the watchdog thaws. */
#define CUT_TIMEOUT_MS     8000
#define PLAIN_TIMEOUT_MS   20000
#define ANSWER_BYTES       (1u << 20)
#define MAX_EXCLUDED_COUNT 40

static bool is_in_set(const struct cloud_set_request *request, const char *volume_id)
{
    for (size_t i = 0; i < request->volume_count; i++) {
        if (strcmp(request->volume_ids[i], volume_id) == 0)
            return true;
    }
    return false;
}

static enum error_code check_attached(const struct cloud_set_request *request,
                                      const struct cloud_instance *instance, struct error *err)
{
    for (size_t i = 0; i < request->volume_count; i++) {
        bool found = false;
        for (size_t d = 0; d < instance->device_count; d++)
            found |= strcmp(instance->devices[d].volume_id, request->volume_ids[i]) == 0;
        if (!found) {
            return error_set(err, ERR_INVALID, "volume '%s' is not attached to instance '%s'",
                             request->volume_ids[i], instance->id);
        }
    }
    return ERR_NONE;
}

/* EC2 takes what to leave out, not what to take; and the root volume has a switch of its own. */
static enum error_code exclude_others(const struct cloud_set_request *request,
                                      const struct cloud_instance *instance, struct form *form,
                                      struct error *err)
{
    size_t excluded = 0;
    for (size_t d = 0; d < instance->device_count; d++) {
        const char *volume_id = instance->devices[d].volume_id;
        if (is_in_set(request, volume_id))
            continue;
        if (strcmp(volume_id, instance->root_volume_id) == 0) {
            form_add(form, "InstanceSpecification.ExcludeBootVolume", "true");
        } else {
            form_add_item(form, "InstanceSpecification.ExcludeDataVolumeId", ++excluded, volume_id);
        }
    }
    if (excluded > MAX_EXCLUDED_COUNT) {
        return error_set(err, ERR_INVALID, "instance '%s' has more than %d volumes to leave out",
                         instance->id, MAX_EXCLUDED_COUNT);
    }
    return ERR_NONE;
}

static enum error_code ask_for_set(struct client *client, const struct cloud_set_request *request,
                                   struct form *form, struct error *err)
{
    struct cloud_instance instance = {0};
    if (request->instance_id == NULL || request->instance_id[0] == '\0') {
        return error_set(err, ERR_INVALID, "a set of %zu volumes needs their instance",
                         request->volume_count);
    }
    TRY(ec2_get_instance(client, request->instance_id, &instance, err));
    TRY(check_attached(request, &instance, err));
    form_init(form, ENDPOINT_EC2, "CreateSnapshots");
    form_add(form, "InstanceSpecification.InstanceId", request->instance_id);
    return exclude_others(request, &instance, form, err);
}

static enum error_code ask_for_one(struct client *client, const struct cloud_set_request *request,
                                   struct form *form, struct error *err)
{
    if (request->cut != NULL) {
        struct cloud_volume volume = {0};
        TRY(ec2_get_volume(client, request->volume_ids[0], &volume, err));
        cloud_tags_done(&volume.tags);
    }
    form_init(form, ENDPOINT_EC2, "CreateSnapshot");
    form_add(form, "VolumeId", request->volume_ids[0]);
    return ERR_NONE;
}

/* Builds the form. What it asks EC2 for on the way also opens the connection, checks the clock and
 * renews the credentials before anything is frozen. */
static enum error_code build_form(struct client *client, const struct cloud_set_request *request,
                                  struct form *form, struct error *err)
{
    if (request->volume_count == 0 || request->volume_count > CLOUD_SET_MAX) {
        return error_set(err, ERR_INVALID, "a set has 1 to %d volumes, not %zu", CLOUD_SET_MAX,
                         request->volume_count);
    }
    if (request->volume_count == 1) {
        TRY(ask_for_one(client, request, form, err));
    } else {
        TRY(ask_for_set(client, request, form, err));
    }
    form_add_given(form, "Description", request->description);
    form_add_tag_specification(form, "snapshot", request->tags);
    return form_end(client, form, err);
}

/* Between begin() and end() stands one call, and it only sends and receives. */
static enum error_code send_between(struct http *http, const struct cut *cut, enum error_code *sent,
                                    struct error *err)
{
    if (cut == NULL) {
        *sent = http_finish(http, err);
        return ERR_NONE;
    }
    enum error_code begun = cut->begin(cut->self, err);
    if (begun != ERR_NONE) {
        http_abandon(http);
        return begun;
    }
    *sent = http_finish(http, err);
    cut->end(cut->self);
    return ERR_NONE;
}

static struct cloud_snapshot *find_volume(struct cloud_snapshots *snapshots, const char *volume_id)
{
    for (size_t i = 0; i < snapshots->count; i++) {
        if (strcmp(snapshots->items[i].volume_id, volume_id) == 0)
            return &snapshots->items[i];
    }
    return NULL;
}

static enum error_code make_room(struct cloud_snapshots *snapshots, size_t count, struct error *err)
{
    snapshots->items = calloc(count, sizeof(*snapshots->items));
    if (snapshots->items == NULL)
        return error_set(err, ERR_AMBIGUOUS, "snapshots were started, but memory is short");
    return ERR_NONE;
}

/* Moves what was found into the order of the request. */
static enum error_code put_in_order(const struct cloud_set_request *request,
                                    struct cloud_snapshots *found, struct cloud_snapshots *ordered,
                                    struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots sorted = {0};
    TRY(make_room(&sorted, request->volume_count, err));
    for (size_t i = 0; i < request->volume_count; i++) {
        struct cloud_snapshot *match = find_volume(found, request->volume_ids[i]);
        if (match == NULL) {
            return error_set(err, ERR_AMBIGUOUS, "no snapshot of volume '%s' in the answer",
                             request->volume_ids[i]);
        }
        sorted.items[sorted.count++] = *match;
        match->tags = (struct cloud_tags){0};
    }
    *ordered = sorted;
    sorted = (struct cloud_snapshots){0};
    return ERR_NONE;
}

static enum error_code parse_one(const struct xml *xml, struct cloud_snapshots *found,
                                 struct error *err)
{
    TRY(make_room(found, 1, err));
    TRY(ec2_parse_snapshot(xml, 0, found->items, err));
    found->count = 1;
    return ERR_NONE;
}

/* Whatever is wrong with the answer, the snapshots exist by now. */
static enum error_code read_answer(const struct cloud_set_request *request, const struct form *form,
                                   const struct http_response *response,
                                   struct cloud_snapshots *snapshots, struct error *err)
{
    CLEANUP_XML struct xml xml = {0};
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots found = {0};
    TRY(form_read_answer(form, true, response, &xml, err));
    int set = xml_child(&xml, 0, "snapshotSet");
    enum error_code code = set == XML_NONE ? parse_one(&xml, &found, err)
                                           : ec2_parse_snapshots(&xml, set, &found, err);
    if (code != ERR_NONE)
        return err->code = ERR_AMBIGUOUS;
    return put_in_order(request, &found, snapshots, err);
}

enum error_code ec2_start_snapshot_set(struct client *client,
                                       const struct cloud_set_request *request,
                                       struct cloud_set_result *result, struct error *err)
{
    CLEANUP_FORM struct form form = {0};
    TRY(build_form(client, request, &form, err));
    const struct client_call call = {.service = ENDPOINT_EC2,
                                     .action = form.action,
                                     .form = &form.text,
                                     .creates = true,
                                     .timeout_ms =
                                         request->cut != NULL ? CUT_TIMEOUT_MS : PLAIN_TIMEOUT_MS};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = ANSWER_BYTES};
    strbuf_reserve(&response.body, ANSWER_BYTES);
    TRY(strbuf_check(&response.body, err));
    CLEANUP_CLIENT_SIGNED struct client_signed signed_call = {0};
    TRY(client_sign(client, &call, &signed_call, err));
    TRY(http_prepare(client->http, &signed_call.request, &response, err));

    enum error_code sent = ERR_NONE;
    TRY(send_between(client->http, request->cut, &sent, err));
    TRY(client_judge(client, &call, sent, &response, err));
    TRY(read_answer(request, &form, &response, &result->snapshots, err));
    result->request_us = response.elapsed_us;
    result->reused_connection = response.reused_connection;
    return ERR_NONE;
}
