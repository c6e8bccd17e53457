#include "core/aws/cloud_aws.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/aws/client.h"
#include "core/aws/cloudwatch.h"
#include "core/aws/credentials.h"
#include "core/aws/ebs_direct.h"
#include "core/aws/ec2_change.h"
#include "core/aws/ec2_cut.h"
#include "core/aws/ec2_list.h"
#include "core/aws/kms.h"
#include "core/aws/metadata.h"
#include "core/aws/profile.h"
#include "core/aws/service_quotas.h"
#include "core/aws/sts.h"

struct cloud_aws {
    struct credentials_source source;
    struct client client;
    char profile_url[PROFILE_URL_SIZE];
    char service_urls[ENDPOINT_SERVICES][PROFILE_URL_SIZE];
};

static struct client *client_of(void *self)
{
    return &((struct cloud_aws *)self)->client;
}

static enum error_code get_identity(void *self, struct cloud_identity *identity, struct error *err)
{
    return sts_get_identity(client_of(self), identity, err);
}

static enum error_code get_zones(void *self, char (*zones)[CLOUD_ZONE_SIZE], size_t room,
                                 size_t *count, struct error *err)
{
    return ec2_get_zones(client_of(self), zones, room, count, err);
}

static enum error_code get_instance(void *self, const char *instance_id,
                                    struct cloud_instance *instance, struct error *err)
{
    return ec2_get_instance(client_of(self), instance_id, instance, err);
}

static enum error_code list_volumes(void *self, const struct cloud_volume_filter *filter,
                                    struct cloud_volumes *volumes, struct error *err)
{
    return ec2_list_volumes(client_of(self), filter, volumes, err);
}

static enum error_code list_snapshots(void *self, const struct cloud_snapshot_filter *filter,
                                      struct cloud_snapshots *snapshots, struct error *err)
{
    return ec2_list_snapshots(client_of(self), filter, snapshots, err);
}

static enum error_code start_snapshot_set(void *self, const struct cloud_set_request *request,
                                          struct cloud_set_result *result, struct error *err)
{
    return ec2_start_snapshot_set(client_of(self), request, result, err);
}

static enum error_code copy_snapshot(void *self, const struct cloud_copy_request *request,
                                     char copy_id[CLOUD_ID_SIZE], struct error *err)
{
    return ec2_copy_snapshot(client_of(self), request, copy_id, err);
}

static enum error_code share_snapshot(void *self, const char *snapshot_id, const char *account_id,
                                      bool share, struct error *err)
{
    return ec2_share_snapshot(client_of(self), snapshot_id, account_id, share, err);
}

static enum error_code delete_snapshot(void *self, const char *snapshot_id, struct error *err)
{
    return ec2_delete_snapshot(client_of(self), snapshot_id, err);
}

static enum error_code create_volume(void *self, const struct cloud_volume_request *request,
                                     char volume_id[CLOUD_ID_SIZE], struct error *err)
{
    return ec2_create_volume(client_of(self), request, volume_id, err);
}

static enum error_code attach_volume(void *self, const char *volume_id, const char *instance_id,
                                     const char *device, struct error *err)
{
    return ec2_attach_volume(client_of(self), volume_id, instance_id, device, err);
}

static enum error_code detach_volume(void *self, const char *volume_id, struct error *err)
{
    return ec2_detach_volume(client_of(self), volume_id, err);
}

static enum error_code delete_volume(void *self, const char *volume_id, struct error *err)
{
    return ec2_delete_volume(client_of(self), volume_id, err);
}

static enum error_code tag(void *self, const char *resource_id, const struct cloud_tags *tags,
                           struct error *err)
{
    return ec2_tag(client_of(self), resource_id, tags, err);
}

static enum error_code list_changed_blocks(void *self, const char *first_id, const char *second_id,
                                           const struct cloud_block_sink *sink, struct error *err)
{
    return ebs_list_changed_blocks(client_of(self), first_id, second_id, sink, err);
}

static enum error_code get_block(void *self, const char *snapshot_id, uint64_t index,
                                 uint8_t block[CLOUD_BLOCK_BYTES], struct error *err)
{
    return ebs_get_block(client_of(self), snapshot_id, index, block, err);
}

static enum error_code get_metric(void *self, const struct cloud_metric_request *request,
                                  struct cloud_metric *metric, struct error *err)
{
    return cloudwatch_get_metric(client_of(self), request, metric, err);
}

static enum error_code get_key(void *self, const char *key_id, struct cloud_key *key,
                               struct error *err)
{
    return kms_get_key(client_of(self), key_id, key, err);
}

static enum error_code try_key(void *self, const char *key_arn, struct error *err)
{
    return kms_try_key(client_of(self), key_arn, err);
}

static enum error_code grant_key(void *self, const struct cloud_grant_request *request,
                                 char grant_id[CLOUD_GRANT_SIZE], struct error *err)
{
    return kms_grant_key(client_of(self), request, grant_id, err);
}

static enum error_code revoke_grant(void *self, const char *key_id, const char *grant_id,
                                    struct error *err)
{
    return kms_revoke_grant(client_of(self), key_id, grant_id, err);
}

static enum error_code get_quota(void *self, enum cloud_quota quota, const char *volume_type,
                                 uint64_t *value, struct error *err)
{
    return service_quotas_get(client_of(self), quota, volume_type, value, err);
}

static void ask_only(void *self, bool on)
{
    client_of(self)->asks_only = on;
}

struct cloud cloud_aws_cloud(struct cloud_aws *aws)
{
    struct cloud cloud = {.get_identity = get_identity,
                          .get_zones = get_zones,
                          .get_instance = get_instance,
                          .list_volumes = list_volumes,
                          .list_snapshots = list_snapshots,
                          .start_snapshot_set = start_snapshot_set,
                          .copy_snapshot = copy_snapshot,
                          .share_snapshot = share_snapshot,
                          .delete_snapshot = delete_snapshot,
                          .create_volume = create_volume,
                          .attach_volume = attach_volume,
                          .detach_volume = detach_volume,
                          .delete_volume = delete_volume,
                          .tag = tag,
                          .list_changed_blocks = list_changed_blocks,
                          .get_block = get_block,
                          .get_metric = get_metric,
                          .get_key = get_key,
                          .try_key = try_key,
                          .grant_key = grant_key,
                          .revoke_grant = revoke_grant,
                          .get_quota = get_quota,
                          .ask_only = ask_only,
                          .self = aws};
    _Static_assert(sizeof(cloud.region) == sizeof(aws->client.region), "one size of region names");
    memcpy(cloud.region, aws->client.region, sizeof(cloud.region));
    return cloud;
}

/* A profile that nobody named may be absent: the environment may say all. */
static enum error_code read_profile(const struct cloud_aws_options *options,
                                    struct profile *profile, struct error *err)
{
    const char *name = profile_name(options->env, options->profile);
    enum error_code code = profile_read(options->env, name, profile, err);
    bool is_named = options->profile != NULL || options->env->profile != NULL;
    if (code == ERR_NOT_FOUND && is_named)
        return err->code = ERR_CONFIG;
    return code == ERR_NOT_FOUND ? ERR_NONE : code;
}

static enum error_code read_service_urls(const struct cloud_aws_options *options,
                                         const struct profile *profile, struct cloud_aws *aws,
                                         struct error *err)
{
    for (int i = 0; profile->services[0] != '\0' && i < ENDPOINT_SERVICES; i++) {
        enum error_code code = profile_service_url(options->env, profile->services,
                                                   endpoint_config_name((enum endpoint_service)i),
                                                   aws->service_urls[i], err);
        if (code == ERR_NOT_FOUND)
            return err->code = ERR_CONFIG;
        TRY(code);
    }
    return ERR_NONE;
}

static enum error_code find_region(const struct cloud_aws_options *options,
                                   const struct profile *profile, char region[ENDPOINT_REGION_SIZE],
                                   struct error *err)
{
    enum error_code code =
        endpoint_region(options->env, options->region, profile->region, region, err);
    if (code == ERR_NOT_FOUND && options->fallback_region != NULL)
        return endpoint_region(options->env, options->fallback_region, NULL, region, err);
    if (code != ERR_NOT_FOUND)
        return code;
    if (metadata_instance_region(options->http, options->env, region, err) == ERR_NONE)
        return ERR_NONE;
    return error_set(err, ERR_CONFIG, "no region given: set AWS_REGION or name one");
}

static void fill(struct cloud_aws *aws, const struct cloud_aws_options *options,
                 const struct profile *profile)
{
    struct endpoint_rules endpoints = {
        .env = options->env,
        .url = options->endpoint_url,
        .profile_url = aws->profile_url,
        .ignore_profile = strcasecmp(profile->ignore_endpoint_urls, "true") == 0,
    };
    for (size_t i = 0; i < ENDPOINT_SERVICES; i++)
        endpoints.profile_service_urls[i] = aws->service_urls[i];
    aws->client.http = options->http;
    aws->client.clock = options->clock;
    aws->client.source = &aws->source;
    aws->client.endpoints = endpoints;
    aws->source.http = options->http;
    aws->source.clock = options->clock;
    aws->source.env = options->env;
    aws->source.endpoints = endpoints;
    aws->source.profile = options->profile;
    aws->source.role_arn = options->role_arn;
    aws->source.external_id = options->external_id;
    memcpy(aws->source.region, aws->client.region, sizeof(aws->source.region));
}

void cloud_aws_free(struct cloud_aws *aws)
{
    if (aws == NULL)
        return;
    credentials_source_done(&aws->source);
    free(aws);
}

enum error_code cloud_aws_new(const struct cloud_aws_options *options, struct cloud_aws **aws,
                              struct error *err)
{
    CLEANUP_PROFILE struct profile profile = {0};
    char region[ENDPOINT_REGION_SIZE] = "";
    TRY(read_profile(options, &profile, err));
    TRY(find_region(options, &profile, region, err));
    struct cloud_aws *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot set up a cloud");
    memcpy(made->profile_url, profile.endpoint_url, sizeof(made->profile_url));
    memcpy(made->client.region, region, sizeof(made->client.region));
    enum error_code code = read_service_urls(options, &profile, made, err);
    if (code != ERR_NONE) {
        cloud_aws_free(made);
        return code;
    }
    fill(made, options, &profile);
    *aws = made;
    return ERR_NONE;
}

struct wire cloud_aws_wire(struct cloud_aws *aws, struct ssm *ssm, const char *instance_id,
                           const char *command)
{
    ssm->client = &aws->client;
    ssm->instance_id = instance_id;
    ssm->command = command;
    return ssm_wire(ssm);
}
