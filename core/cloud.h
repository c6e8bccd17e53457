/* cloud.h: the waist between the engine and a cloud's block storage.
 *
 * `struct cloud` is one account in one region, in domain terms: volume, snapshot, instant. Nothing
 * here retries; the engine does (core/engine/call.h), asking model/retry.h. Every call may fail
 * with
 *   ERR_UNREACHABLE  nothing was sent                       - may be sent again
 *   ERR_TRANSIENT    the service failed, definitely refused - may be sent again
 *   ERR_THROTTLED, ERR_LIMIT                                - may be sent again, later
 *   ERR_AMBIGUOUS    sent, no usable answer: look the tag up before sending again
 *   ERR_ACCESS, ERR_CLOUD, ERR_INVALID, ERR_NOT_FOUND, ERR_STATE, ERR_PROTOCOL, ERR_NO_MEMORY
 * Just after a create, ERR_NOT_FOUND may only mean "not visible yet" (up to two minutes).
 *
 * Instants are Unix milliseconds UTC, 0 where unknown; sizes are bytes; strings are NUL-terminated
 * and empty where unknown. Arrays are heap memory of the caller, freed by the matching _done. */
#ifndef CORE_CLOUD_H
#define CORE_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"

#define CLOUD_BLOCK_BYTES UINT64_C(524288)
#define CLOUD_TAGS_MAX    50
#define CLOUD_SET_MAX     40
#define CLOUD_ID_SIZE     32
#define CLOUD_ZONE_SIZE   32
#define CLOUD_KEY_SIZE    160
#define CLOUD_GRANT_SIZE  130

struct cloud_tag {
    char key[128];
    char value[257];
};

/* Tags of one object; a plain value, owned by whoever holds it. */
struct cloud_tags {
    struct cloud_tag *items; /* heap */
    size_t count;
};

/* Adds or replaces a tag. Errors: ERR_NO_MEMORY; ERR_INVALID if too long or more than 50. */
MUST_CHECK enum error_code cloud_tags_set(struct cloud_tags *tags, const char *key,
                                          const char *value, struct error *err);
/* The value of a tag, NULL if absent; borrows. */
const char *cloud_tags_get(const struct cloud_tags *tags, const char *key);
void cloud_tags_done(struct cloud_tags *tags);
#define CLEANUP_CLOUD_TAGS CLEANUP(cloud_tags_done)

enum cloud_snapshot_state {
    CLOUD_SNAPSHOT_PENDING,
    CLOUD_SNAPSHOT_COMPLETED,
    CLOUD_SNAPSHOT_ERROR,
    CLOUD_SNAPSHOT_OTHER, /* in the recycle bin or being recovered */
};

struct cloud_snapshot {
    char id[CLOUD_ID_SIZE];
    char volume_id[CLOUD_ID_SIZE]; /* meaningless on copies */
    char owner_id[16];
    enum cloud_snapshot_state state;
    char state_message[200]; /* why it failed */
    int64_t started_ms;      /* the instant captured */
    int64_t completed_ms;
    int progress_percent; /* -1 while unknown; not linear in time */
    uint64_t volume_bytes;
    uint64_t full_bytes; /* all written blocks, not the increment; 0 unknown */
    bool encrypted;
    char key_id[CLOUD_KEY_SIZE];
    char data_key_id[CLOUD_KEY_SIZE];
    bool archived;
    char description[256];
    struct cloud_tags tags;
};

struct cloud_snapshots {
    struct cloud_snapshot *items; /* heap */
    size_t count;
};
void cloud_snapshots_done(struct cloud_snapshots *snapshots);
#define CLEANUP_CLOUD_SNAPSHOTS CLEANUP(cloud_snapshots_done)

enum cloud_volume_state {
    CLOUD_VOLUME_CREATING,
    CLOUD_VOLUME_AVAILABLE,
    CLOUD_VOLUME_IN_USE,
    CLOUD_VOLUME_DELETING,
    CLOUD_VOLUME_DELETED,
    CLOUD_VOLUME_ERROR,
};

enum cloud_attachment_state {
    CLOUD_DETACHED,
    CLOUD_ATTACHING,
    CLOUD_ATTACHED,
    CLOUD_DETACHING,
    CLOUD_BUSY,
};

struct cloud_volume {
    char id[CLOUD_ID_SIZE];
    char zone[CLOUD_ZONE_SIZE];
    enum cloud_volume_state state;
    char type[16];
    uint64_t size_bytes;
    int iops;            /* 0 where the type has none */
    int throughput_mibs; /* MiB/s, 0 where the type has none */
    bool encrypted;
    char key_id[CLOUD_KEY_SIZE];
    char snapshot_id[CLOUD_ID_SIZE];
    int64_t created_ms;
    char instance_id[CLOUD_ID_SIZE]; /* first attachment; empty when detached */
    char device[32];
    enum cloud_attachment_state attachment;
    bool delete_on_termination;
    struct cloud_tags tags;
};

struct cloud_volumes {
    struct cloud_volume *items; /* heap */
    size_t count;
};
void cloud_volumes_done(struct cloud_volumes *volumes);
#define CLEANUP_CLOUD_VOLUMES CLEANUP(cloud_volumes_done)

struct cloud_instance {
    char id[CLOUD_ID_SIZE];
    char zone[CLOUD_ZONE_SIZE];
    char state[20]; /* running, stopped, ... */
    char root_volume_id[CLOUD_ID_SIZE];
    struct {
        char device[32];
        char volume_id[CLOUD_ID_SIZE];
    } devices[CLOUD_SET_MAX + 2];
    size_t device_count;
};

#define CLOUD_LINKS_MAX 8

/* One step of the way to a name: what gave the credentials, and from where. */
struct cloud_link {
    char provider[28];
    char detail[228];
};

/* Who we are, and how we came by it. */
struct cloud_identity {
    char account_id[16];
    char arn[256];
    int64_t expires_ms; /* of the credentials; 0: never, or not told if they are temporary */
    bool temporary;     /* they end, and nothing here can renew them */
    int64_t skew_ms;    /* the service's clock minus ours, to the second; 0 if it told no date */
    /* The credentials in use first, then what each was bought with. */
    struct cloud_link links[CLOUD_LINKS_MAX];
    size_t link_count;
};

enum cloud_key_state {
    CLOUD_KEY_ENABLED,
    CLOUD_KEY_DISABLED,
    CLOUD_KEY_DELETED, /* waiting for its deletion */
    CLOUD_KEY_OTHER,   /* not usable either */
};

/* A key of the account's key service. */
struct cloud_key {
    char arn[CLOUD_KEY_SIZE];
    char account_id[16];
    enum cloud_key_state state;
    bool aws_managed; /* the region's default: what lies under it can never be shared */
};

/* Lets somebody else have snapshots under a key read. */
struct cloud_grant_request {
    const char *key_id;
    const char *principal; /* ARN of the role or user, may be of another account */
    const char *name;      /* the same request with the same name makes no second grant */
};

/* What an account is granted in a region. */
enum cloud_quota {
    CLOUD_QUOTA_SNAPSHOTS, /* their number */
    CLOUD_QUOTA_STORAGE,   /* bytes of all volumes of a type */
    CLOUD_QUOTA_IOPS,      /* of all volumes of a type */
};

/* Which snapshots to list; unused members stay empty. Conditions are ANDed. Always limited to
 * snapshots this account owns unless ids are given. */
struct cloud_snapshot_filter {
    const char *const *ids;
    size_t id_count;
    const char *volume_id;
    const char *tag_key;
    const char *tag_value; /* with tag_key */
    bool pending;          /* only what is in flight */
};

struct cloud_volume_filter {
    const char *const *ids;
    size_t id_count;
    const char *instance_id;
    const char *tag_key;
    const char *tag_value;
};

/* Hooks around the one request that fixes a point in time. The cloud calls begin() when the request
 * is built and signed and its connection is open, then does nothing but send and receive, then calls
 * end(), and only then parses. If begin() fails nothing is sent and its error is returned; end() is
 * called exactly once after every begin() that succeeded. */
struct cut {
    enum error_code (*begin)(void *self, struct error *err);
    void (*end)(void *self);
    void *self;
};

/* A snapshot of one volume, or of several attached volumes of one instance at one instant. */
struct cloud_set_request {
    const char *instance_id; /* needed when volume_count > 1 */
    const char *const *volume_ids;
    size_t volume_count;
    const char *description;
    const struct cloud_tags *tags; /* set in the same call */
    const struct cut *cut;         /* NULL: no hooks */
};

struct cloud_set_result {
    struct cloud_snapshots snapshots; /* in the order of volume_ids */
    int64_t request_us;               /* from the first byte sent to the last received, monotonic */
    bool reused_connection;           /* no connection had to be opened for it */
};

struct cloud_copy_request {
    const char *source_region;
    const char *source_snapshot_id;
    const char *description;
    bool encrypted;     /* the source is encrypted, or the copy shall be */
    const char *key_id; /* key in this region, NULL only when not encrypted */
    int duration_min;   /* of a time-based copy, model/timed_copy.h; 0: a standard one */
    const struct cloud_tags *tags;
};

struct cloud_volume_request {
    const char *zone;
    const char *snapshot_id; /* NULL: empty volume */
    const char *type;
    uint64_t size_bytes; /* whole GiB */
    int iops;            /* 0: the type's default */
    int throughput_mibs; /* 0: the type's default */
    bool encrypted;
    const char *key_id; /* NULL: as the snapshot's */
    const char *client_token;
    const struct cloud_tags *tags;
};

/* One metric of one volume, summed per period. */
struct cloud_metric_point {
    int64_t start_ms;
    double sum;
};

struct cloud_metric_request {
    const char *volume_id;
    const char *name; /* "VolumeWriteBytes", "VolumeWriteOps", ... */
    int64_t start_ms;
    int64_t end_ms;
    int period_s; /* a multiple of 60 */
};

struct cloud_metric {
    struct cloud_metric_point *points; /* heap; ascending by start */
    size_t count;
};
void cloud_metric_done(struct cloud_metric *metric);
#define CLEANUP_CLOUD_METRIC CLEANUP(cloud_metric_done)

/* Called once per page with the indexes of blocks that differ (or exist), ascending overall.
 * A failure stops the listing and is returned by it. */
struct cloud_block_sink {
    enum error_code (*take)(void *self, const uint64_t *indexes, size_t count, struct error *err);
    void *self;
};

/* One account in one region. Every call is bounded by the implementation's own request timeout. */
struct cloud {
    enum error_code (*get_identity)(void *self, struct cloud_identity *identity, struct error *err);
    /* Names of the usable zones of the region, at most `room`. */
    enum error_code (*get_zones)(void *self, char (*zones)[CLOUD_ZONE_SIZE], size_t room,
                                 size_t *count, struct error *err);
    /* Errors: ERR_NOT_FOUND. */
    enum error_code (*get_instance)(void *self, const char *instance_id,
                                    struct cloud_instance *instance, struct error *err);
    /* By ids: ERR_NOT_FOUND if one is missing. By filter: possibly none. Complete (all pages). */
    enum error_code (*list_volumes)(void *self, const struct cloud_volume_filter *filter,
                                    struct cloud_volumes *volumes, struct error *err);
    enum error_code (*list_snapshots)(void *self, const struct cloud_snapshot_filter *filter,
                                      struct cloud_snapshots *snapshots, struct error *err);
    /* No client token exists: after ERR_AMBIGUOUS look the tag up before sending again. */
    enum error_code (*start_snapshot_set)(void *self, const struct cloud_set_request *request,
                                          struct cloud_set_result *result, struct error *err);
    /* Called on the cloud of the destination. No client token, see above. */
    enum error_code (*copy_snapshot)(void *self, const struct cloud_copy_request *request,
                                     char copy_id[CLOUD_ID_SIZE], struct error *err);
    /* Lets another account make volumes and copies of a snapshot, or no longer; again is no error.
     * Errors: ERR_CLOUD if it lies under a key that cannot be shared. */
    enum error_code (*share_snapshot)(void *self, const char *snapshot_id, const char *account_id,
                                      bool share, struct error *err);
    /* Errors: also ERR_NOT_FOUND, if it is gone or not visible yet. */
    enum error_code (*delete_snapshot)(void *self, const char *snapshot_id, struct error *err);
    /* Idempotent by client_token. */
    enum error_code (*create_volume)(void *self, const struct cloud_volume_request *request,
                                     char volume_id[CLOUD_ID_SIZE], struct error *err);
    /* Success if already attached just so. */
    enum error_code (*attach_volume)(void *self, const char *volume_id, const char *instance_id,
                                     const char *device, struct error *err);
    /* Success if it is already detached. */
    enum error_code (*detach_volume)(void *self, const char *volume_id, struct error *err);
    /* Errors: also ERR_NOT_FOUND, if it is gone or not visible yet. */
    enum error_code (*delete_volume)(void *self, const char *volume_id, struct error *err);
    enum error_code (*tag)(void *self, const char *resource_id, const struct cloud_tags *tags,
                           struct error *err);
    /* Indexes of the 512 KiB blocks that differ between two completed snapshots of one lineage;
     * with first_id NULL, those that exist in second_id. */
    enum error_code (*list_changed_blocks)(void *self, const char *first_id, const char *second_id,
                                           const struct cloud_block_sink *sink, struct error *err);
    /* Reads one block of a completed snapshot; checks its checksum. */
    enum error_code (*get_block)(void *self, const char *snapshot_id, uint64_t index,
                                 uint8_t block[CLOUD_BLOCK_BYTES], struct error *err);
    enum error_code (*get_metric)(void *self, const struct cloud_metric_request *request,
                                  struct cloud_metric *metric, struct error *err);
    /* By id, alias or ARN. Errors: ERR_NOT_FOUND; ERR_ACCESS without the right to describe it. */
    enum error_code (*get_key)(void *self, const char *key_id, struct cloud_key *key,
                               struct error *err);
    /* Asks, without an effect, whether something may be put under the key. Whether it may be read
     * (Decrypt, ReEncrypt*) cannot be asked: that would need its ciphertext. Errors: ERR_ACCESS if
     * not; ERR_STATE if the key is not enabled. */
    enum error_code (*try_key)(void *self, const char *key_arn, struct error *err);
    /* Idempotent by name; usable some seconds later. */
    enum error_code (*grant_key)(void *self, const struct cloud_grant_request *request,
                                 char grant_id[CLOUD_GRANT_SIZE], struct error *err);
    /* Errors: also ERR_NOT_FOUND, if it is gone. */
    enum error_code (*revoke_grant)(void *self, const char *key_id, const char *grant_id,
                                    struct error *err);
    /* `volume_type` may be NULL where the quota is of all. Errors: ERR_NOT_FOUND if there is no such
     * quota; ERR_ACCESS. */
    enum error_code (*get_quota)(void *self, enum cloud_quota quota, const char *volume_type,
                                 uint64_t *value, struct error *err);
    /* While on, calls that change something only ask whether they may, as this principal, with these
     * arguments: ERR_ASKED is yes, ERR_ACCESS no, and any other code tells nothing about rights (to
     * revoke a grant, ERR_NOT_FOUND is yes too: rights are judged first). Calls that read, read. */
    void (*ask_only)(void *self, bool on);
    void *self;
    char region[32];
};

#endif
