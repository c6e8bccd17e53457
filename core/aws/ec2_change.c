#include "core/aws/ec2_change.h"

#include <string.h>

#include "core/aws/ec2_list.h"
#include "core/aws/ec2_query.h"
#include "core/aws/sigv4.h"
#include "core/aws/xml.h"

#define GIB               (UINT64_C(1) << 30)
#define PRESIGN_VALID_S   3600
#define MAX_ADDRESS_BYTES 131072

/* Sends a form whose answer says nothing of interest. */
static enum error_code send_plain(struct client *client, struct form *form, struct error *err)
{
    CLEANUP_XML struct xml xml = {0};
    return form_send(client, form, false, &xml, err);
}

static enum error_code send_for_id(struct client *client, struct form *form, bool creates,
                                   const char *id_name, char id[CLOUD_ID_SIZE], struct error *err)
{
    CLEANUP_XML struct xml xml = {0};
    TRY(form_send(client, form, creates, &xml, err));
    char read[CLOUD_ID_SIZE] = "";
    enum error_code code = xml_copy(&xml, 0, id_name, read, sizeof(read), err);
    if (code != ERR_NONE || read[0] == '\0') {
        return error_set(err, creates ? ERR_AMBIGUOUS : ERR_PROTOCOL, "answer to %s has no '%s'",
                         form->action, id_name);
    }
    memcpy(id, read, sizeof(read));
    return ERR_NONE;
}

/* The region that has the source checks this address as if it were called directly: GET, only Host
 * signed, the hash of an empty payload, the source region in the scope (EC2 API reference,
 * CopySnapshot). It is not checked now: a bad one makes the copy end in error later. */
static enum error_code add_presigned_url(struct client *client, const char *source_region,
                                         struct form *form, struct error *err)
{
    struct endpoint endpoint;
    TRY(endpoint_resolve(&client->endpoints, ENDPOINT_EC2, source_region, &endpoint, err));
    CLEANUP_CREDENTIALS struct credentials keys = {0};
    TRY(credentials_get(client->source, false, &keys, err));

    CLEANUP_STRBUF struct strbuf path = {.max_bytes = MAX_ADDRESS_BYTES};
    strbuf_printf(&path, "%s/", endpoint.prefix);
    TRY(strbuf_check(&path, err));
    const struct http_header host = {.name = "Host", .value = endpoint.host};
    const struct sigv4_request request = {.method = "GET",
                                          .path = strbuf_text(&path),
                                          .query = strbuf_text(&form->text),
                                          .headers = &host,
                                          .header_count = 1,
                                          .payload_sha256 = SIGV4_EMPTY_SHA256};
    const struct sigv4_scope scope = {.access_key_id = keys.access_key_id,
                                      .secret_access_key = keys.secret_access_key,
                                      .session_token = keys.session_token,
                                      .region = source_region,
                                      .service = endpoint_signing_name(ENDPOINT_EC2),
                                      .at_ms = clock_now_ms(client->clock) + client->skew_ms};
    CLEANUP_STRBUF struct strbuf url = {.max_bytes = MAX_ADDRESS_BYTES};
    strbuf_printf(&url, "%s%s?", endpoint.base, strbuf_text(&path));
    TRY(sigv4_presign(&scope, &request, PRESIGN_VALID_S, &url, err));
    form_add(form, "PresignedUrl", strbuf_text(&url));
    return ERR_NONE;
}

enum error_code ec2_copy_snapshot(struct client *client, const struct cloud_copy_request *request,
                                  char copy_id[CLOUD_ID_SIZE], struct error *err)
{
    /* Without a key EC2 takes the region's default one, which cannot be shared and would break the
     * lineage of later copies. */
    if (request->encrypted && request->key_id == NULL) {
        return error_set(err, ERR_INVALID, "an encrypted copy of '%s' needs a key",
                         request->source_snapshot_id);
    }
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_EC2, "CopySnapshot");
    form_add(&form, "SourceRegion", request->source_region);
    form_add(&form, "SourceSnapshotId", request->source_snapshot_id);
    form_add_given(&form, "Description", request->description);
    if (request->encrypted) {
        form_add(&form, "Encrypted", "true");
        form_add(&form, "KmsKeyId", request->key_id);
    }
    if (request->duration_min > 0)
        form_add_int(&form, "CompletionDurationMinutes", request->duration_min);
    form_add_tag_specification(&form, "snapshot", request->tags);
    form_add(&form, "DestinationRegion", client->region);
    TRY(form_check(&form, err));
    TRY(add_presigned_url(client, request->source_region, &form, err));
    return send_for_id(client, &form, true, "snapshotId", copy_id, err);
}

enum error_code ec2_share_snapshot(struct client *client, const char *snapshot_id,
                                   const char *account_id, bool share, struct error *err)
{
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_EC2, "ModifySnapshotAttribute");
    form_add(&form, "SnapshotId", snapshot_id);
    form_add(&form, "Attribute", "createVolumePermission");
    form_add(&form,
             share ? "CreateVolumePermission.Add.1.UserId"
                   : "CreateVolumePermission.Remove.1.UserId",
             account_id);
    return send_plain(client, &form, err);
}

static enum error_code delete_one(struct client *client, const char *action, const char *id_name,
                                  const char *id, struct error *err)
{
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_EC2, action);
    form_add(&form, id_name, id);
    return send_plain(client, &form, err);
}

enum error_code ec2_delete_snapshot(struct client *client, const char *snapshot_id,
                                    struct error *err)
{
    return delete_one(client, "DeleteSnapshot", "SnapshotId", snapshot_id, err);
}

enum error_code ec2_delete_volume(struct client *client, const char *volume_id, struct error *err)
{
    return delete_one(client, "DeleteVolume", "VolumeId", volume_id, err);
}

enum error_code ec2_create_volume(struct client *client, const struct cloud_volume_request *request,
                                  char volume_id[CLOUD_ID_SIZE], struct error *err)
{
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_EC2, "CreateVolume");
    form_add(&form, "AvailabilityZone", request->zone);
    form_add_given(&form, "SnapshotId", request->snapshot_id);
    form_add_given(&form, "VolumeType", request->type);
    if (request->size_bytes > 0)
        form_add_int(&form, "Size", (int64_t)(request->size_bytes / GIB));
    if (request->iops > 0)
        form_add_int(&form, "Iops", request->iops);
    if (request->throughput_mibs > 0)
        form_add_int(&form, "Throughput", request->throughput_mibs);
    if (request->encrypted)
        form_add(&form, "Encrypted", "true");
    if (request->encrypted)
        form_add_given(&form, "KmsKeyId", request->key_id);
    form_add_tag_specification(&form, "volume", request->tags);
    form_add_given(&form, "ClientToken", request->client_token);
    bool creates = request->client_token == NULL || request->client_token[0] == '\0';
    return send_for_id(client, &form, creates, "volumeId", volume_id, err);
}

/* After a refusal: is the volume attached just so already? Keeps *err if not. */
static bool is_attached_so(struct client *client, const char *volume_id, const char *instance_id,
                           const char *device)
{
    struct cloud_volume volume = {0};
    struct error ignored = {0};
    if (ec2_get_volume(client, volume_id, &volume, &ignored) != ERR_NONE)
        return false;
    bool is_so = strcmp(volume.instance_id, instance_id) == 0 &&
                 strcmp(volume.device, device) == 0 &&
                 (volume.attachment == CLOUD_ATTACHED || volume.attachment == CLOUD_ATTACHING);
    cloud_tags_done(&volume.tags);
    return is_so;
}

enum error_code ec2_attach_volume(struct client *client, const char *volume_id,
                                  const char *instance_id, const char *device, struct error *err)
{
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_EC2, "AttachVolume");
    form_add(&form, "VolumeId", volume_id);
    form_add(&form, "InstanceId", instance_id);
    form_add(&form, "Device", device);
    enum error_code code = send_plain(client, &form, err);
    bool may_be_so = code == ERR_STATE || code == ERR_INVALID;
    if (may_be_so && is_attached_so(client, volume_id, instance_id, device)) {
        *err = (struct error){0};
        return ERR_NONE;
    }
    return code;
}

static bool is_detached(struct client *client, const char *volume_id)
{
    struct cloud_volume volume = {0};
    struct error ignored = {0};
    if (ec2_get_volume(client, volume_id, &volume, &ignored) != ERR_NONE)
        return false;
    cloud_tags_done(&volume.tags);
    return volume.state == CLOUD_VOLUME_AVAILABLE;
}

enum error_code ec2_detach_volume(struct client *client, const char *volume_id, struct error *err)
{
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_EC2, "DetachVolume");
    form_add(&form, "VolumeId", volume_id);
    enum error_code code = send_plain(client, &form, err);
    bool may_be_so = code == ERR_STATE || client_was_refused(client, "InvalidAttachment.NotFound");
    if (may_be_so && is_detached(client, volume_id)) {
        *err = (struct error){0};
        return ERR_NONE;
    }
    return code;
}

enum error_code ec2_tag(struct client *client, const char *resource_id,
                        const struct cloud_tags *tags, struct error *err)
{
    if (tags->count == 0)
        return ERR_NONE;
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_EC2, "CreateTags");
    form_add_item(&form, "ResourceId", 1, resource_id);
    form_add_tags(&form, tags);
    return send_plain(client, &form, err);
}
