#include "core/engine/rights_ask.h"

#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/engine.h"
#include "model/instant.h"

/* Of ebshift's things that may vanish while they are asked about. */
#define SAMPLES_MAX 3
#define GIB         UINT64_C(1073741824)
/* Well formed, and nobody's. */
#define NO_SNAPSHOT "snap-00000000000000000"
#define NO_GRANT    "0000000000000000000000000000000000000000000000000000000000000000"

/* The thing of ebshift's that a question is about. A right that hangs on its tags is refused as soon
 * as it is gone. */
struct sample {
    bool is_volume;
    char id[CLOUD_ID_SIZE]; /* "": none */
};

/* One question under way: the verbs of its cloud only ask. */
struct question {
    const struct right_asker *asker;
    const struct right *right;
    const struct cloud *cloud;
    const struct config *config;
    struct sample *sample;
};

/* ---- things to ask about ---- */

static enum error_code no_sample(const char *what, struct error *err)
{
    return error_set(err, ERR_STATE, "no %s of ebshift's is there to ask about", what);
}

/* The id of a snapshot or copy of ebshift's here, or of any one of a volume. Errors: ERR_STATE. */
static enum error_code find_snapshot(const struct question *q, const char *volume_id,
                                     char id[CLOUD_ID_SIZE], struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots found = {0};
    const struct cloud_snapshot_filter filter = {.volume_id = volume_id,
                                                 .tag_key = volume_id == NULL ? TAG_RUN : NULL};
    TRY(q->cloud->list_snapshots(q->cloud->self, &filter, &found, err));
    if (found.count == 0)
        return no_sample("snapshot", err);
    memcpy(id, found.items[found.count - 1].id, CLOUD_ID_SIZE);
    *q->sample = (struct sample){.is_volume = false};
    memcpy(q->sample->id, id, CLOUD_ID_SIZE);
    return ERR_NONE;
}

static bool is_going(const struct cloud_volume *volume)
{
    return volume->state == CLOUD_VOLUME_DELETING || volume->state == CLOUD_VOLUME_DELETED;
}

static enum error_code find_volume(const struct question *q, char id[CLOUD_ID_SIZE],
                                   struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes found = {0};
    const struct cloud_volume_filter filter = {.tag_key = TAG_RUN};
    TRY(q->cloud->list_volumes(q->cloud->self, &filter, &found, err));
    for (size_t i = 0; i < found.count; i++) {
        if (is_going(&found.items[i]))
            continue;
        memcpy(id, found.items[i].id, CLOUD_ID_SIZE);
        *q->sample = (struct sample){.is_volume = true};
        memcpy(q->sample->id, id, CLOUD_ID_SIZE);
        return ERR_NONE;
    }
    return no_sample("volume", err);
}

static enum error_code make_tags(struct cloud_tags *tags, struct error *err)
{
    return cloud_tags_set(tags, TAG_RUN, "asked", err);
}

static bool is_encrypted(const struct question *q)
{
    const struct cloud_volumes *volumes = q->asker->request->volumes;
    return volumes != NULL && volumes->count > 0 && volumes->items[0].encrypted;
}

/* ---- one function per action ---- */

static enum error_code ask_volumes(const struct question *q, struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes found = {0};
    const struct cloud_volume_filter filter = {.tag_key = TAG_RUN};
    return q->cloud->list_volumes(q->cloud->self, &filter, &found, err);
}

static enum error_code ask_snapshots(const struct question *q, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots found = {0};
    const struct cloud_snapshot_filter filter = {.tag_key = TAG_RUN};
    return q->cloud->list_snapshots(q->cloud->self, &filter, &found, err);
}

static enum error_code ask_instances(const struct question *q, struct error *err)
{
    struct cloud_instance instance;
    const char *id = q->right->side == RIGHT_SOURCE && q->config->source_instance[0] != '\0'
                         ? q->config->source_instance
                         : q->config->target_instance;
    enum error_code code = q->cloud->get_instance(q->cloud->self, id, &instance, err);
    return code == ERR_NOT_FOUND ? ERR_NONE : code;
}

static enum error_code ask_zones(const struct question *q, struct error *err)
{
    char zones[32][CLOUD_ZONE_SIZE];
    size_t count = 0;
    return q->cloud->get_zones(q->cloud->self, zones, 32, &count, err);
}

static enum error_code ask_metric(const struct question *q, struct error *err)
{
    CLEANUP_CLOUD_METRIC struct cloud_metric metric = {0};
    int64_t now_ms = clock_now_ms(q->asker->clock) / MS_PER_HOUR * MS_PER_HOUR;
    const struct cloud_metric_request request = {
        .volume_id = q->config->volumes[0],
        .name = "VolumeWriteBytes",
        .start_ms = now_ms - MS_PER_HOUR,
        .end_ms = now_ms,
        .period_s = 3600,
    };
    return q->cloud->get_metric(q->cloud->self, &request, &metric, err);
}

static enum error_code ask_quota(const struct question *q, struct error *err)
{
    uint64_t value = 0;
    return q->cloud->get_quota(q->cloud->self, CLOUD_QUOTA_SNAPSHOTS, NULL, &value, err);
}

/* The first page is answer enough. */
static enum error_code stop(void *self, const uint64_t *indexes, size_t count, struct error *err)
{
    (void)self;
    (void)indexes;
    (void)count;
    return error_set(err, ERR_ASKED, "enough");
}

static enum error_code list_blocks(const struct question *q, bool compare, struct error *err)
{
    const struct cloud_block_sink sink = {.take = stop};
    char id[CLOUD_ID_SIZE];
    if (find_snapshot(q, q->config->volumes[0], id, err) != ERR_NONE)
        return error_set(err, ERR_STATE, "volume '%s' has no snapshot yet to ask about",
                         q->config->volumes[0]);
    return q->cloud->list_changed_blocks(q->cloud->self, compare ? id : NULL, id, &sink, err);
}

static enum error_code ask_blocks(const struct question *q, struct error *err)
{
    return list_blocks(q, false, err);
}

/* A snapshot against itself: whatever the service thinks of that, it judges rights first. */
static enum error_code ask_changes(const struct question *q, struct error *err)
{
    enum error_code code = list_blocks(q, true, err);
    return code == ERR_INVALID ? ERR_ASKED : code;
}

static enum error_code ask_set(const struct question *q, struct error *err)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    struct cloud_set_result result = {0};
    const char *ids[CLOUD_SET_MAX];
    for (size_t i = 0; i < q->config->volume_count; i++)
        ids[i] = q->config->volumes[i];
    TRY(make_tags(&tags, err));
    const struct cloud_set_request request = {
        .instance_id = q->config->source_instance,
        .volume_ids = ids,
        .volume_count = q->config->volume_count,
        .description = "asked",
        .tags = &tags,
    };
    return q->cloud->start_snapshot_set(q->cloud->self, &request, &result, err);
}

/* The copy of the hop that ends here; where only the source is read, one inside the region. */
static enum error_code ask_copy(const struct question *q, struct error *err)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    const struct path *path = q->asker->request->path;
    struct cloud_copy_request request = {
        .source_region = q->cloud->region,
        .source_snapshot_id = NO_SNAPSHOT,
        .description = "asked",
        .tags = &tags,
    };
    char copy_id[CLOUD_ID_SIZE];
    char id[CLOUD_ID_SIZE];
    for (size_t i = 0; i < path->count; i++) {
        const struct hop *hop = &path->hops[i];
        if (hop->to != q->cloud)
            continue;
        request.source_region = hop->from->region;
        request.encrypted = hop->key_id[0] != '\0' && path_encrypts(path, i, is_encrypted(q));
        request.key_id = request.encrypted ? hop->key_id : NULL;
        const struct question there = {q->asker, q->right, hop->from, q->config, q->sample};
        if (i == 0 && find_snapshot(&there, q->config->volumes[0], id, err) == ERR_NONE)
            request.source_snapshot_id = id;
    }
    TRY(make_tags(&tags, err));
    return q->cloud->copy_snapshot(q->cloud->self, &request, copy_id, err);
}

static enum error_code ask_create_volume(const struct question *q, struct error *err)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    const struct cloud_volumes *volumes = q->asker->request->volumes;
    uint64_t size_bytes =
        volumes == NULL || volumes->count == 0 ? GIB : volumes->items[0].size_bytes;
    bool from = q->right->group == RIGHT_VOLUME_FROM;
    char snapshot_id[CLOUD_ID_SIZE];
    char volume_id[CLOUD_ID_SIZE];
    if (q->config->target_zone[0] == '\0')
        return error_set(err, ERR_STATE, "no zone is named: set target.zone");
    if (from)
        TRY(find_snapshot(q, NULL, snapshot_id, err));
    TRY(make_tags(&tags, err));
    const struct cloud_volume_request request = {
        .zone = q->config->target_zone,
        .snapshot_id = from ? snapshot_id : NULL,
        .type = "gp3",
        .size_bytes = size_bytes,
        .encrypted = is_encrypted(q),
        .client_token = "ebshift-asked",
        .tags = &tags,
    };
    return q->cloud->create_volume(q->cloud->self, &request, volume_id, err);
}

static enum error_code ask_attach(const struct question *q, struct error *err)
{
    char id[CLOUD_ID_SIZE];
    TRY(find_volume(q, id, err));
    return q->cloud->attach_volume(q->cloud->self, id, q->config->target_instance, "/dev/sdz", err);
}

static enum error_code ask_detach(const struct question *q, struct error *err)
{
    char id[CLOUD_ID_SIZE];
    TRY(find_volume(q, id, err));
    return q->cloud->detach_volume(q->cloud->self, id, err);
}

static enum error_code ask_delete_volume(const struct question *q, struct error *err)
{
    char id[CLOUD_ID_SIZE];
    TRY(find_volume(q, id, err));
    return q->cloud->delete_volume(q->cloud->self, id, err);
}

static enum error_code ask_delete_snapshot(const struct question *q, struct error *err)
{
    char id[CLOUD_ID_SIZE];
    TRY(find_snapshot(q, NULL, id, err));
    return q->cloud->delete_snapshot(q->cloud->self, id, err);
}

static enum error_code ask_share(const struct question *q, struct error *err)
{
    char id[CLOUD_ID_SIZE];
    TRY(find_snapshot(q, NULL, id, err));
    return q->cloud->share_snapshot(q->cloud->self, id, q->config->target_account,
                                    q->right->group == RIGHT_SHARE, err);
}

/* What is made is tagged in the call that makes it. */
static enum error_code ask_tag_new(const struct question *q, struct error *err)
{
    if (q->cloud == q->asker->request->source)
        return ask_set(q, err);
    return q->asker->request->path->count > 0 ? ask_copy(q, err) : ask_create_volume(q, err);
}

static enum error_code ask_tag(const struct question *q, struct error *err)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    char id[CLOUD_ID_SIZE];
    bool own = q->right->group == RIGHT_TAG_OWN;
    if (q->right->group == RIGHT_TAG_NEW)
        return ask_tag_new(q, err);
    if (own)
        TRY(find_snapshot(q, NULL, id, err));
    TRY(cloud_tags_set(&tags, own ? TAG_LABEL : TAG_LEASE, "asked", err));
    return q->cloud->tag(q->cloud->self, own ? id : q->config->volumes[0], &tags, err);
}

static enum error_code ask_key(const struct question *q, struct error *err)
{
    struct cloud_key key;
    if (q->right->key[0] == '\0')
        return error_set(err, ERR_STATE, "no key is known to ask about");
    return q->cloud->get_key(q->cloud->self, q->right->key, &key, err);
}

/* EBS needs no right of its caller to use the key that AWS manages. */
static enum error_code ask_write_key(const struct question *q, struct error *err)
{
    struct cloud_key key;
    TRY(ask_key(q, err));
    TRY(q->cloud->get_key(q->cloud->self, q->right->key, &key, err));
    return key.aws_managed ? ERR_NONE : q->cloud->try_key(q->cloud->self, key.arn, err);
}

static enum error_code ask_grant(const struct question *q, struct error *err)
{
    const struct cloud_grant_request request = {
        .key_id = q->right->key,
        .principal = q->asker->request->path->principal,
        .name = "ebshift-asked",
    };
    char unused[CLOUD_GRANT_SIZE];
    if (q->right->key[0] == '\0')
        return error_set(err, ERR_STATE, "no key is known to ask about");
    if (q->right->group != RIGHT_LEND)
        return error_set(err, ERR_STATE, "EBS does this itself: only a copy shows it");
    return q->cloud->grant_key(q->cloud->self, &request, unused, err);
}

static enum error_code ask_revoke(const struct question *q, struct error *err)
{
    if (q->right->key[0] == '\0')
        return error_set(err, ERR_STATE, "no key is known to ask about");
    enum error_code code = q->cloud->revoke_grant(q->cloud->self, q->right->key, NO_GRANT, err);
    return code == ERR_NOT_FOUND ? ERR_ASKED : code;
}

static enum error_code ask_role(const struct question *q, struct error *err)
{
    struct cloud_identity who;
    const struct cloud *target = q->asker->request->target;
    return target->get_identity(target->self, &who, err);
}

static enum error_code ask_ebs(const struct question *q, struct error *err)
{
    (void)q;
    return error_set(err, ERR_STATE, "EBS does this itself: only a copy shows it");
}

static enum error_code ask_command(const struct question *q, struct error *err)
{
    (void)q;
    return error_set(err, ERR_STATE, "only talking to the instance shows it");
}

static const struct {
    const char *action;
    enum error_code (*ask)(const struct question *q, struct error *err);
} asks[] = {
    {"ec2:DescribeVolumes", ask_volumes},
    {"ec2:DescribeSnapshots", ask_snapshots},
    {"ec2:DescribeInstances", ask_instances},
    {"ec2:DescribeAvailabilityZones", ask_zones},
    {"cloudwatch:GetMetricData", ask_metric},
    {"servicequotas:GetServiceQuota", ask_quota},
    {"servicequotas:GetAWSDefaultServiceQuota", ask_quota},
    {"ebs:ListSnapshotBlocks", ask_blocks},
    {"ebs:ListChangedBlocks", ask_changes},
    {"ec2:CreateSnapshot", ask_set},
    {"ec2:CreateSnapshots", ask_set},
    {"ec2:CopySnapshot", ask_copy},
    {"ec2:CreateVolume", ask_create_volume},
    {"ec2:AttachVolume", ask_attach},
    {"ec2:DetachVolume", ask_detach},
    {"ec2:DeleteVolume", ask_delete_volume},
    {"ec2:DeleteSnapshot", ask_delete_snapshot},
    {"ec2:ModifySnapshotAttribute", ask_share},
    {"ec2:CreateTags", ask_tag},
    {"kms:DescribeKey", ask_key},
    {"kms:GenerateDataKeyWithoutPlaintext", ask_write_key},
    {"kms:CreateGrant", ask_grant},
    {"kms:RevokeGrant", ask_revoke},
    {"kms:Decrypt", ask_ebs},
    {"kms:ReEncryptFrom", ask_ebs},
    {"kms:ReEncryptTo", ask_ebs},
    {"ssm:SendCommand", ask_command},
    {"ssm:GetCommandInvocation", ask_command},
    {"sts:AssumeRole", ask_role},
};

static enum error_code put(const struct question *q, struct error *err)
{
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        if (strcmp(asks[i].action, q->right->action) == 0)
            return asks[i].ask(q, err);
    }
    return error_set(err, ERR_STATE, "nobody knows how to ask about it");
}

/* Whether the sample was lost between finding it and asking: somebody's canary is removed, a run
 * tidies up. */
static bool is_gone(const struct question *q)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes volumes = {0};
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots snapshots = {0};
    const char *id = q->sample->id;
    struct error unused;
    if (id[0] == '\0')
        return false;
    if (!q->sample->is_volume) {
        const struct cloud_snapshot_filter filter = {.ids = &id, .id_count = 1};
        return q->cloud->list_snapshots(q->cloud->self, &filter, &snapshots, &unused) ==
               ERR_NOT_FOUND;
    }
    const struct cloud_volume_filter filter = {.ids = &id, .id_count = 1};
    enum error_code code = q->cloud->list_volumes(q->cloud->self, &filter, &volumes, &unused);
    return code == ERR_NOT_FOUND ||
           (code == ERR_NONE && (volumes.count == 0 || is_going(&volumes.items[0])));
}

/* Puts the question until it is answered by who it is for. */
static enum error_code ask_patiently(const struct question *q, struct error *why)
{
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(q->asker->clock, q->asker->log, "ask about a right", q->asker->patience_ms);
    do {
        q->sample->id[0] = '\0';
        code = put(q, why);
    } while (code != ERR_ASKED && attempt_again(&attempt, &code, why));
    return code;
}

enum right_verdict right_ask(const struct right_asker *asker, const struct right *right,
                             struct error *why)
{
    struct sample sample = {0};
    const struct question q = {asker, right, right->cloud, asker->request->config, &sample};
    if (q.cloud == NULL) {
        (void)error_set(why, ERR_STATE, "nobody is there to ask: only a copy shows it");
        return RIGHT_UNKNOWN;
    }
    q.cloud->ask_only(q.cloud->self, true);
    enum error_code code = ask_patiently(&q, why);
    for (int again = 0; again < SAMPLES_MAX && code == ERR_ACCESS && is_gone(&q); again++)
        code = ask_patiently(&q, why);
    q.cloud->ask_only(q.cloud->self, false);
    if (code == ERR_ACCESS)
        return RIGHT_DENIED;
    return code == ERR_NONE || code == ERR_ASKED ? RIGHT_ALLOWED : RIGHT_UNKNOWN;
}
