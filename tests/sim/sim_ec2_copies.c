#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_auth.h"
#include "tests/sim/sim_ec2.h"
#include "tests/sim/sim_rights.h"
#include "tests/sim/sim_xml_out.h"

#define URL_MAX_BYTES 65536

/* ---- CopySnapshot ---- */

static bool is_signature_part(const char *name)
{
    return strncmp(name, "X-Amz-", 6) == 0;
}

/* Tells whether every parameter of `from` (but the signature's) is in `in` with the same value. */
static bool includes(const struct sim_query *from, struct sim_query *in)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct sim_param *param = &from->items[i];
        if (is_signature_part(param->name) || strcmp(param->name, "PresignedUrl") == 0)
            continue;
        const char *other = sim_query_get(in, "%s", param->name);
        if (other == NULL || strcmp(other, param->value) != 0)
            return false;
    }
    return true;
}

/* The URL must ask for the same copy. DestinationRegion may be missing in the outer call. */
static bool same_parameters(struct sim_call *call, const char *query)
{
    CLEANUP_SIM_QUERY struct sim_query inner = {0};

    if (sim_query_parse(query, strlen(query), &inner, NULL) != ERR_NONE)
        return false;
    const char *destination = sim_query_get(&inner, "DestinationRegion");
    if (destination == NULL || strcmp(destination, call->caller.region) != 0 ||
        !includes(&call->query, &inner))
        return false;
    return sim_query_get(&call->query, "DestinationRegion") == NULL ||
           includes(&inner, &call->query);
}

/* The SDK for JavaScript signs the host without its port, which AWS never has. The text is in `parts`,
 * which may be cut. */
static bool drop_port(struct sim_request *request, struct strbuf *parts)
{
    char *port = strchr(parts->text, ':');
    bool has_port = port != NULL && request->headers[0].value == parts->text;
    if (has_port)
        *port = '\0';
    return has_port;
}

static bool is_signed_url(struct sim_call *call, struct sim_request *request, struct strbuf *parts,
                          struct sim_claim *claim, const struct sim_credential **who)
{
    return sim_auth_check(call->world, call->real_ms, request, claim, who) == SIM_AUTH_OK ||
           (drop_port(request, parts) &&
            sim_auth_check(call->world, call->real_ms, request, claim, who) == SIM_AUTH_OK);
}

/* The source's region asks whether whoever signed may copy from there. */
static bool may_read(struct sim_call *call, const struct sim_credential *who,
                     const char *source_region)
{
    struct caller caller = {0};
    (void)snprintf(caller.account, sizeof(caller.account), "%s", who->account);
    (void)snprintf(caller.arn, sizeof(caller.arn), "%s", who->arn);
    (void)snprintf(caller.region, sizeof(caller.region), "%s", source_region);
    return sim_rights_may_read_copy(call, &caller, sim_query_get(&call->query, "SourceSnapshotId"));
}

static enum presigned_verdict judge_url(struct sim_call *call, const char *url,
                                        const char *source_region)
{
    CLEANUP_STRBUF struct strbuf parts = {.max_bytes = URL_MAX_BYTES};
    struct sim_request request;
    struct sim_claim claim;
    const struct sim_credential *who = NULL;

    if (url == NULL)
        return PRESIGNED_ABSENT;
    if (sim_request_from_url(url, &parts, &request, NULL) != ERR_NONE ||
        !is_signed_url(call, &request, &parts, &claim, &who))
        return PRESIGNED_INVALID;
    bool fits = claim.presigned && strcmp(claim.service, "ec2") == 0 &&
                strcmp(claim.region, source_region) == 0 &&
                strcmp(who->account, call->caller.account) == 0 &&
                may_read(call, who, source_region);
    return fits && same_parameters(call, request.query) ? PRESIGNED_VALID : PRESIGNED_INVALID;
}

static bool read_copy(struct sim_call *call, struct copy_request *copy)
{
    const char *destination = sim_query_get(&call->query, "DestinationRegion");
    bool has_minutes = sim_query_get(&call->query, "CompletionDurationMinutes") != NULL;

    copy->description = sim_query_get(&call->query, "Description");
    copy->key = sim_query_get(&call->query, "KmsKeyId");
    if (!sim_call_need(call, "SourceRegion", &copy->source_region) ||
        !sim_call_need_id(call, SIM_ID_SNAPSHOT, "SourceSnapshotId", &copy->source_id) ||
        !sim_call_bool(call, "Encrypted", &copy->encrypted) ||
        !sim_call_int(call, "CompletionDurationMinutes", &copy->completion_duration_min))
        return false;
    if (!world_region_exists(copy->source_region)) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value (%s) for parameter sourceRegion is invalid.", copy->source_region);
    }
    if (destination != NULL && strcmp(destination, call->caller.region) != 0) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value (%s) for parameter destinationRegion is invalid. Expected: '%s'",
                      destination, call->caller.region);
    }
    if (has_minutes && copy->completion_duration_min == 0) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value (0) for parameter completionDurationMinutes is invalid.");
    }
    return true;
}

bool sim_ec2_copy_snapshot(struct sim_call *call)
{
    CLEANUP(tags_done) struct sim_tags tags = {0};
    struct copy_request copy = {.tags = &tags};
    struct sim_snapshot *snapshot;
    const char *url = sim_query_get(&call->query, "PresignedUrl");

    if (!read_copy(call, &copy) || !sim_call_tag_specifications(call, "snapshot", &tags) ||
        !sim_call_ready(call))
        return false;
    copy.presigned = judge_url(call, url, copy.source_region);
    if (!world_copy_snapshot(call->world, &call->caller, &copy, &snapshot, &call->refusal))
        return false;
    sim_xml_text(call->out, "snapshotId", snapshot->id);
    sim_call_write_tags(call, &snapshot->tags);
    return true;
}

/* ---- createVolumePermission ---- */

/* The attribute by its name; productCodes exist in the API and are always empty here. */
static bool need_attribute(struct sim_call *call, bool *is_permission)
{
    const char *attribute;
    if (!sim_call_need(call, "Attribute", &attribute))
        return false;
    *is_permission = strcmp(attribute, "createVolumePermission") == 0;
    if (!*is_permission && strcmp(attribute, "productCodes") != 0) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value (%s) for parameter attribute is invalid.", attribute);
    }
    return true;
}

/* The snapshot, which must be the caller's own: attributes are the owner's business. */
static bool need_own(struct sim_call *call, const char *id, struct sim_snapshot **snapshot)
{
    struct sim_snapshot *found = world_snapshot(call->world, &call->caller, id, &call->refusal);
    if (found == NULL)
        return false;
    if (strcmp(found->account, call->caller.account) != 0) {
        refuse(&call->refusal, "UnauthorizedOperation",
               "You are not authorized to perform this operation.");
        return false;
    }
    *snapshot = found;
    return true;
}

static bool check_account(struct sim_call *call, const char *account)
{
    if (strlen(account) != 12 || strspn(account, "0123456789") != 12) {
        return refuse(&call->refusal, "InvalidUserID.Malformed", "Invalid user id: \"%s\"",
                      account);
    }
    return true;
}

/* The account ("all" for the group) of entry n of a list of changes, or NULL after the last; with
 * the legacy form the members of a list are the ids themselves. Refuses by *ok = false. */
static const char *change_at(struct sim_call *call, const char *list, size_t n, bool *ok)
{
    const char *user = sim_query_get(&call->query, "%s.%zu.UserId", list, n);
    const char *group = sim_query_get(&call->query, "%s.%zu.Group", list, n);
    const char *legacy = sim_query_get(&call->query, "%s.%zu", list, n);

    if (user == NULL && group == NULL && legacy == NULL)
        return NULL;
    bool is_group = group != NULL || strcmp(list, "UserGroup") == 0;
    const char *text = user != NULL ? user : group != NULL ? group : legacy;
    if (is_group && strcmp(text, "all") != 0) {
        *ok = refuse(&call->refusal, "InvalidParameterValue",
                     "Value (%s) for parameter group is invalid. Expected: 'all'", text);
    } else if (!is_group) {
        *ok = check_account(call, text);
    }
    return text;
}

static bool check_changes(struct sim_call *call, const char *list, size_t *count)
{
    bool ok = true;
    size_t n = 1;
    while (change_at(call, list, n, &ok) != NULL && ok)
        n++;
    *count += n - 1;
    return ok;
}

static bool apply_changes(struct sim_call *call, const char *id, const char *list, bool share)
{
    const char *account;
    bool ok = true;
    for (size_t n = 1; (account = change_at(call, list, n, &ok)) != NULL; n++) {
        if (!world_share_snapshot(call->world, &call->caller, id, account, share, &call->refusal))
            return false;
    }
    return true;
}

#define ADD_LIST    "CreateVolumePermission.Add"
#define REMOVE_LIST "CreateVolumePermission.Remove"

/* Reads the new form and the legacy one; *share tells whether to give or to take. */
static bool read_changes(struct sim_call *call, bool *share)
{
    const char *operation = sim_query_get(&call->query, "OperationType");
    size_t added = 0;
    size_t removed = 0;
    size_t legacy = 0;

    if (!check_changes(call, ADD_LIST, &added) || !check_changes(call, REMOVE_LIST, &removed) ||
        !check_changes(call, "UserId", &legacy) || !check_changes(call, "UserGroup", &legacy))
        return false;
    if ((added > 0) + (removed > 0) + (legacy > 0) > 1) {
        return refuse(&call->refusal, "InvalidParameterCombination",
                      "Permissions cannot be added and removed in one call");
    }
    if (added + removed + legacy == 0) {
        return refuse(&call->refusal, "MissingParameter",
                      "The request must contain a permission to add or to remove");
    }
    if (legacy > 0 && (operation == NULL ||
                       (strcmp(operation, "add") != 0 && strcmp(operation, "remove") != 0))) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value (%s) for parameter operationType is invalid.",
                      operation == NULL ? "" : operation);
    }
    *share = legacy > 0 ? strcmp(operation, "add") == 0 : added > 0;
    return true;
}

bool sim_ec2_modify_snapshot_attribute(struct sim_call *call)
{
    const char *id;
    const char *attribute = sim_query_get(&call->query, "Attribute");
    struct sim_snapshot *snapshot;
    bool share = false;

    if (!sim_call_need_id(call, SIM_ID_SNAPSHOT, "SnapshotId", &id) ||
        !need_own(call, id, &snapshot) || !read_changes(call, &share))
        return false;
    if (attribute != NULL && strcmp(attribute, "createVolumePermission") != 0) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value (%s) for parameter attribute is invalid.", attribute);
    }
    if (!sim_call_ready(call) || !apply_changes(call, id, ADD_LIST, share) ||
        !apply_changes(call, id, REMOVE_LIST, share) || !apply_changes(call, id, "UserId", share) ||
        !apply_changes(call, id, "UserGroup", share))
        return false;
    sim_ec2_write_true(call);
    return true;
}

static void write_permission(struct sim_call *call, const char *element, const char *text)
{
    sim_xml_open(call->out, "item");
    sim_xml_text(call->out, element, text);
    sim_xml_close(call->out, "item");
}

bool sim_ec2_describe_snapshot_attribute(struct sim_call *call)
{
    const char *id;
    struct sim_snapshot *snapshot;
    bool is_permission;

    if (!sim_call_need_id(call, SIM_ID_SNAPSHOT, "SnapshotId", &id) ||
        !need_attribute(call, &is_permission) || !need_own(call, id, &snapshot) ||
        !sim_call_ready(call))
        return false;
    sim_xml_text(call->out, "snapshotId", id);
    if (!is_permission) {
        strbuf_puts(call->out, "<productCodes/>");
        return true;
    }
    sim_xml_open(call->out, "createVolumePermission");
    for (size_t i = 0; i < snapshot->shared_count; i++)
        write_permission(call, "userId", snapshot->shared_with[i]);
    if (snapshot->shared_with_all)
        write_permission(call, "group", "all");
    sim_xml_close(call->out, "createVolumePermission");
    return true;
}

bool sim_ec2_reset_snapshot_attribute(struct sim_call *call)
{
    const char *id;
    struct sim_snapshot *snapshot;
    bool is_permission;

    if (!sim_call_need_id(call, SIM_ID_SNAPSHOT, "SnapshotId", &id) ||
        !need_attribute(call, &is_permission) || !need_own(call, id, &snapshot) ||
        !sim_call_ready(call))
        return false;
    /* Each removal shortens the list. */
    while (snapshot->shared_count > 0) {
        char account[SIM_ACCOUNT_SIZE];
        snprintf(account, sizeof(account), "%s", snapshot->shared_with[0]);
        if (!world_share_snapshot(call->world, &call->caller, id, account, false, &call->refusal))
            return false;
    }
    if (snapshot->shared_with_all &&
        !world_share_snapshot(call->world, &call->caller, id, "all", false, &call->refusal))
        return false;
    sim_ec2_write_true(call);
    return true;
}
