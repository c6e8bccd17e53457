/* world.h: the truth of the simulated cloud: accounts, keys, volumes, snapshots, copies, time.
 *
 * Two doors stand on it: the HTTP wire of cloudsim, and fake_cloud for engine tests. A verb either
 * happens, or is refused with the code AWS gives; a door adds only what belongs to the wire
 * (signatures, paging, parameter spelling, XML). Verbs evaluate everything that came due since the
 * last call. Not thread-safe: a door holds world_lock() from lookup to the last use of a borrowed
 * pointer. The rules and numbers of the physics are described in docs/simulator.md. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "tests/sim/block_set.h"
#include "tests/sim/nature.h"
#include "tests/sim/tags.h"

#define SIM_ID_SIZE      24 /* "snap-" and 17 hex digits */
#define SIM_ACCOUNT_SIZE 13 /* 12 digits */
#define SIM_REGION_SIZE  24
#define SIM_ARN_SIZE     160
#define SIM_TEXT_SIZE    256 /* descriptions, device names, tokens */

/* Opaque; world_open() makes one. */
struct world;

/* Why AWS would refuse: its code and a sentence. The HTTP status follows from the code. */
struct refusal {
    char code[64]; /* "InvalidVolume.NotFound" */
    char message[SIM_TEXT_SIZE];
};

/* Fills *refusal and returns false, which makes `return refuse(...)` one statement. */
bool refuse(struct refusal *refusal, const char *code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Who asks, and of which region. Verbs act in this account and region. */
struct caller {
    char account[SIM_ACCOUNT_SIZE];
    char region[SIM_REGION_SIZE];
    char arn[SIM_ARN_SIZE]; /* user or assumed role; empty: the account itself */
};

/* Where the time comes from: simulated milliseconds UTC, never going back. */
struct world_time {
    int64_t (*now_ms)(void *self);
    void *self;
};

struct world_options {
    const char *state_dir;       /* NULL: memory only, no bytes, nothing persists */
    uint64_t seed;               /* of a new world; a stored one keeps its own */
    bool seeded;                 /* a new world begins with a history */
    const struct nature *nature; /* NULL: the usual one; another is for a world in memory only */
    struct world_time time;
};

/* Opens the world stored in state_dir or makes a new one; mounts its storage and attaches again what
 * was attached. Owns: *world is handed back with world_close().
 * Errors: ERR_SYSTEM (storage, locked by another server), ERR_INVALID (state not understood). */
MUST_CHECK enum error_code world_open(struct world **world, const struct world_options *options,
                                      struct error *err);

/* Stores everything, detaches every loop device, unmounts the storage. Accepts NULL. */
void world_close(struct world *world);

/* One lock around everything; the housekeeping thread of cloudsim takes it too. */
void world_lock(struct world *world);
void world_unlock(struct world *world);

/* Simulated now, milliseconds UTC. */
int64_t world_now_ms(struct world *world);

/* Lets everything happen that came due: detaches that waited for an unmount, write counters of loop
 * devices, purges, faults armed from outside. Each verb and lookup may rely on a call to it at the
 * start of the request; cloudsim also calls it a few times per real second. */
void world_advance(struct world *world);

/* Stores the state if anything changed since the last call. Doors call it after a mutating verb and
 * before they answer. */
void world_save(struct world *world);

/* Stores the state although no verb changed it: time and write counters have moved. */
void world_checkpoint(struct world *world);

/* The simulated time at which a stored world stopped.
 * Errors: ERR_NOT_FOUND if nothing is stored there; ERR_INVALID. */
MUST_CHECK enum error_code world_stored_now_ms(const char *state_dir, int64_t *now_ms,
                                               struct error *err);

/* A random lower-case hex id, for request ids and tokens: fills length - 1 digits and a NUL.
 * Draws from a stream of its own, so that the physics does not depend on the number of requests. */
void world_random_hex(struct world *world, char *text, size_t size);

/* A permanent key of an account, or temporary credentials of an assumed role. */
struct sim_credential {
    char access_key[32]; /* AKIA... or ASIA..., 20 characters A-Z0-9 */
    char secret[64];
    char session_token[129]; /* empty for a permanent key */
    char account[SIM_ACCOUNT_SIZE];
    char arn[SIM_ARN_SIZE]; /* of the user or assumed role */
    char user_id[80];
    int64_t expires_ms; /* simulated time; INT64_MAX for a permanent key */
};

/* The credential with this key id, or NULL. Borrowed. Expired ones are found too. */
const struct sim_credential *world_credential(struct world *world, const char *access_key);

struct assume_role {
    char role_arn[SIM_ARN_SIZE];
    char session_name[65];
    char external_id[SIM_TEXT_SIZE]; /* empty: none sent */
    int64_t duration_s;
};

/* Makes temporary credentials. *credential is borrowed. Refusals: AccessDenied. */
bool world_assume_role(struct world *world, const struct sim_credential *by,
                       const struct assume_role *request, const struct sim_credential **credential,
                       struct refusal *refusal);

/* A token of the one identity provider that account A trusts, and the role that it opens. */
#define SIM_WEB_TOKEN_SIZE 96
void world_web_token(const struct world *world, char token[SIM_WEB_TOKEN_SIZE]);
extern const char world_web_role[];

/* Makes temporary credentials for whoever has such a token. *credential is borrowed. Refusals:
 * InvalidIdentityToken, AccessDenied. */
bool world_assume_role_with_token(struct world *world, const char *token,
                                  const struct assume_role *request,
                                  const struct sim_credential **credential,
                                  struct refusal *refusal);

/* What the environment of a client needs, for `cloudsim env`. All borrowed. */
struct world_names {
    const struct sim_credential *key_a;
    const struct sim_credential *key_b;
    const char *role_b;          /* in account B; account A may assume it */
    const char *role_b_external; /* the same, with this external id only */
    const char *external_id;
    const char *target_instance_b; /* account B, eu-west-1a */
    const char *instance_b;        /* account B, us-east-1a */
    const char *instance;          /* account A, us-east-1a */
    const char *target_instance;   /* account A, eu-west-1a */
    char volumes[8 * SIM_ID_SIZE]; /* seeded volumes, space separated; may be empty */
};
void world_names(struct world *world, struct world_names *names);

/* Takes one request token of the caller's bucket for this action. `unfiltered` means a Describe with
 * neither ids, filters, owner nor MaxResults. Refusals: RequestLimitExceeded. */
bool world_take_token(struct world *world, const struct caller *caller, const char *action,
                      bool unfiltered, struct refusal *refusal);

/* Arms faults, written as tests/sim/fault.h says. Errors: ERR_INVALID. */
MUST_CHECK enum error_code world_arm_fault(struct world *world, const char *script,
                                           struct error *err);

/* How many calls were struck by a fault so far. */
int64_t world_struck_calls(const struct world *world);

/* What becomes of the answer to a call. */
enum call_fate {
    CALL_ANSWERED,
    CALL_UNSENT, /* nothing happens, and nobody is told so */
    CALL_LOST,   /* the effect happens, nobody is told */
    CALL_LATE,   /* the effect happens, the answer comes when nobody waits any more */
};

/* To be called once by a door before the verb of an action: armed faults strike, and somebody else
 * does what they say. False if a fault refuses the call. */
bool world_begin_call(struct world *world, const struct caller *caller, const char *action,
                      enum call_fate *fate, struct refusal *refusal);

struct sim_zone {
    const char *region;
    const char *name; /* "us-east-1a" */
    const char *id;   /* "use1-az1" */
};

/* The zone at `index` of all regions in a fixed order, or NULL after the last. */
const struct sim_zone *world_zone_at(size_t index);

bool world_region_exists(const char *region);

struct sim_instance {
    char id[SIM_ID_SIZE];
    char account[SIM_ACCOUNT_SIZE];
    char region[SIM_REGION_SIZE];
    char zone[SIM_REGION_SIZE];
    char type[24];
    char root_device[32]; /* "/dev/xvda"; the boot volume is a volume attached there */
    int64_t launched_ms;
    struct sim_tags tags;
};

/* The caller's next instance from *cursor (start with 0), or NULL. Borrowed. */
struct sim_instance *world_next_instance(struct world *world, const struct caller *caller,
                                         size_t *cursor);

enum sim_attachment_state {
    ATTACHMENT_NONE, /* not attached */
    ATTACHMENT_ATTACHING,
    ATTACHMENT_ATTACHED,
    ATTACHMENT_DETACHING,
    ATTACHMENT_BUSY, /* detach asked for, but the device is mounted */
};

struct sim_volume {
    char id[SIM_ID_SIZE];
    char account[SIM_ACCOUNT_SIZE];
    char region[SIM_REGION_SIZE];
    char zone[SIM_REGION_SIZE];
    int64_t size_gib;
    char type[12]; /* gp2 gp3 io1 io2 st1 sc1 standard */
    int64_t iops;
    int64_t throughput_mib_per_s; /* 0 where the type has none */
    bool encrypted;
    char key_arn[SIM_ARN_SIZE];       /* empty unless encrypted */
    char snapshot_id[SIM_ID_SIZE];    /* made from; empty for a blank volume */
    char client_token[SIM_TEXT_SIZE]; /* empty: none */
    char request_hash[65];            /* of a CreateVolume with a token; the door's business */
    int64_t init_rate_mib_per_s;      /* VolumeInitializationRate; 0: default lazy loading */
    bool multi_attach;
    int64_t created_ms;
    int64_t available_ms; /* `creating` until then */
    int64_t vanishes_ms;  /* a bad key: gone from then on; INT64_MAX otherwise */
    int64_t visible_ms;   /* eventual consistency: not found before */
    struct sim_tags tags;

    enum sim_attachment_state attachment;
    char instance_id[SIM_ID_SIZE]; /* valid while attachment is not NONE, like the rest */
    char device[SIM_TEXT_SIZE];
    int64_t attach_ms;
    bool delete_on_termination;
    struct volume_inner *inner; /* the world's own */
};

/* "creating", "available" or "in-use". */
const char *world_volume_status(struct world *world, const struct sim_volume *volume);

/* The wire word of an attachment state: "attaching", "attached", "detaching", "busy", "detached". */
const char *sim_attachment_text(enum sim_attachment_state state);

/* How much of a volume made from a snapshot is loaded, 0 to 100. */
int world_volume_init_percent(struct world *world, const struct sim_volume *volume);

/* The caller's visible volume, or a refusal InvalidVolume.NotFound. Borrowed. */
struct sim_volume *world_volume(struct world *world, const struct caller *caller, const char *id,
                                struct refusal *refusal);

/* The caller's next visible volume from *cursor (start with 0), or NULL. Borrowed. */
struct sim_volume *world_next_volume(struct world *world, const struct caller *caller,
                                     size_t *cursor);

struct volume_request {
    const char *zone; /* name; the door turns a zone id into one */
    int64_t size_gib; /* 0: that of the snapshot */
    const char *type; /* NULL: gp2 */
    int64_t iops;     /* 0: default of the type */
    int64_t throughput_mib_per_s;
    const char *snapshot_id; /* NULL: blank */
    bool encrypted;
    const char *key; /* KmsKeyId as sent; NULL: default key */
    int64_t init_rate_mib_per_s;
    bool multi_attach;
    const char *client_token; /* NULL: none */
    const char *request_hash; /* with a token: any text equal for equal requests */
    const struct sim_tags *tags;
};

/* CreateVolume. A known client token returns the volume it made. *volume is borrowed.
 * Refusals: InvalidZone.NotFound, MissingParameter, InvalidParameterValue, UnknownVolumeType,
 * InvalidSnapshot.NotFound, IncorrectState, IdempotentParameterMismatch, InternalError. */
bool world_create_volume(struct world *world, const struct caller *caller,
                         const struct volume_request *request, struct sim_volume **volume,
                         struct refusal *refusal);

struct attach_request {
    const char *volume_id;
    const char *instance_id; /* may be NULL to detach */
    const char *device;      /* may be NULL to detach */
    bool force;              /* only to detach */
};

/* AttachVolume: makes the loop device and its by-id link. Refusals: InvalidVolume.NotFound,
 * InvalidInstanceID.NotFound, InvalidVolume.ZoneMismatch, VolumeInUse, IncorrectState,
 * InvalidParameterValue (device name in use), UnsupportedOperation (no root, no reflink). */
bool world_attach_volume(struct world *world, const struct caller *caller,
                         const struct attach_request *request, struct sim_volume **volume,
                         struct refusal *refusal);

/* DetachVolume. A mounted device stays `busy` until it is unmounted, or with force is cut off at
 * once. Refusals: InvalidVolume.NotFound, IncorrectState, InvalidAttachment.NotFound. */
bool world_detach_volume(struct world *world, const struct caller *caller,
                         const struct attach_request *request, struct sim_volume **volume,
                         struct refusal *refusal);

/* DeleteVolume. Refusals: InvalidVolume.NotFound, VolumeInUse, IncorrectState. */
bool world_delete_volume(struct world *world, const struct caller *caller, const char *volume_id,
                         struct refusal *refusal);

struct sim_snapshot {
    char id[SIM_ID_SIZE];
    char volume_id[SIM_ID_SIZE]; /* "vol-ffffffff" on a copy */
    char account[SIM_ACCOUNT_SIZE];
    char region[SIM_REGION_SIZE];
    char description[SIM_TEXT_SIZE];
    int64_t started_ms;
    int64_t ends_ms; /* completion or error; do not show it before */
    bool fails;
    char status_message[SIM_TEXT_SIZE]; /* shown once failed */
    int64_t volume_size_gib;
    int64_t full_size_bytes; /* all blocks ever written */
    bool encrypted;
    char key_arn[SIM_ARN_SIZE];
    char data_key_id[40]; /* dataEncryptionKeyId; empty unless encrypted */
    bool is_copy;
    int64_t completion_duration_min; /* time-based copy; 0 otherwise */
    int64_t visible_ms;              /* eventual consistency: not found before */
    bool shared_with_all;
    char (*shared_with)[SIM_ACCOUNT_SIZE]; /* owned by the world */
    size_t shared_count;
    struct sim_tags tags;
    struct snapshot_inner *inner; /* the world's own */
};

/* "pending", "completed" or "error". */
const char *world_snapshot_status(struct world *world, const struct sim_snapshot *snapshot);

/* When it completed, or 0 while it has not. */
int64_t world_snapshot_completion_ms(struct world *world, const struct sim_snapshot *snapshot);

/* Progress as DescribeSnapshots shows it: "" at first, then "NN%". Returns `text`. */
const char *world_snapshot_progress(struct world *world, const struct sim_snapshot *snapshot,
                                    char text[8]);

/* The snapshot of that id in the caller's region, if the caller owns it, or if it is shared with
 * the caller. Refusals: InvalidSnapshot.NotFound. Borrowed. */
struct sim_snapshot *world_snapshot(struct world *world, const struct caller *caller,
                                    const char *id, struct refusal *refusal);

/* The next snapshot of the caller's region from *cursor (start with 0) that the caller may see:
 * own ones and those shared with it, oldest first. NULL after the last. Borrowed. */
struct sim_snapshot *world_next_snapshot(struct world *world, const struct caller *caller,
                                         size_t *cursor);

struct snapshot_request {
    const char *volume_id;
    const char *description; /* may be NULL */
    const struct sim_tags *tags;
};

/* CreateSnapshot. *snapshot is borrowed. Refusals: InvalidVolume.NotFound, IncorrectState,
 * SnapshotCreationPerVolumeRateExceeded, ConcurrentSnapshotLimitExceeded, InternalError. */
bool world_create_snapshot(struct world *world, const struct caller *caller,
                           const struct snapshot_request *request, struct sim_snapshot **snapshot,
                           struct refusal *refusal);

#define SIM_SET_MAX 128

struct set_request {
    const char *instance_id;
    bool exclude_boot;
    const char *const *exclude_ids; /* ExcludeDataVolumeId */
    size_t exclude_count;
    const char *description;
    bool copy_volume_tags; /* CopyTagsFromSource=volume */
    const struct sim_tags *tags;
};

/* CreateSnapshots: one instant over all members. Fills snapshots[0..*count), borrowed. Refusals as
 * CreateSnapshot, and InvalidInstanceID.NotFound, InvalidParameterValue. */
bool world_create_snapshot_set(struct world *world, const struct caller *caller,
                               const struct set_request *request,
                               struct sim_snapshot *snapshots[SIM_SET_MAX], size_t *count,
                               struct refusal *refusal);

/* What the door found out about the PresignedUrl parameter. */
enum presigned_verdict {
    PRESIGNED_ABSENT,
    PRESIGNED_VALID,
    PRESIGNED_INVALID, /* accepted; the copy goes to `error` later */
};

struct copy_request {
    const char *source_region;
    const char *source_id;
    const char *description; /* NULL: the default text */
    bool encrypted;
    const char *key; /* KmsKeyId as sent; NULL: none */
    int64_t completion_duration_min;
    enum presigned_verdict presigned;
    const struct sim_tags *tags;
};

/* CopySnapshot into the caller's region. *snapshot is borrowed. Refusals: InvalidSnapshot.NotFound,
 * IncorrectState (source not completed), ResourceLimitExceeded, MissingParameter (PresignedUrl),
 * InvalidParameterValue, InvalidParameterCombination (key without encrypted). */
bool world_copy_snapshot(struct world *world, const struct caller *caller,
                         const struct copy_request *request, struct sim_snapshot **snapshot,
                         struct refusal *refusal);

/* DeleteSnapshot. A pending one goes on, counting against the limits, and vanishes when it ends.
 * Refusals: InvalidSnapshot.NotFound. */
bool world_delete_snapshot(struct world *world, const struct caller *caller, const char *id,
                           struct refusal *refusal);

/* Gives or takes createVolumePermission; account "all" means everyone. Refusals:
 * InvalidSnapshot.NotFound, InvalidParameterValue or OperationNotPermitted (encrypted and public,
 * or under the managed key). */
bool world_share_snapshot(struct world *world, const struct caller *caller, const char *id,
                          const char *account, bool share, struct refusal *refusal);

/* Fills *blocks (empty before) with every block the snapshot holds. Owns: the caller. */
void world_snapshot_blocks(struct world *world, const struct sim_snapshot *snapshot,
                           struct block_set *blocks);

/* Fills *blocks (empty before) with the blocks that may differ between two snapshots of one
 * lineage; `first` may be NULL: all of second. Owns: the caller.
 * Refusals: "UNRELATED_SNAPSHOTS" (the Reason of a ValidationException). */
bool world_changed_blocks(struct world *world, const struct sim_snapshot *first,
                          const struct sim_snapshot *second, struct block_set *blocks,
                          struct refusal *refusal);

/* Reads one block of a completed snapshot into buffer; bytes never written are zero.
 * Refusals: InternalError. */
bool world_read_block(struct world *world, const struct sim_snapshot *snapshot, int64_t block,
                      uint8_t buffer[SIM_BLOCK_BYTES], struct refusal *refusal);

enum sim_metric {
    METRIC_READ_BYTES,
    METRIC_WRITE_BYTES,
    METRIC_READ_OPS,
    METRIC_WRITE_OPS,
    METRIC_COUNT
};

/* The sum of a volume's metric over [start, start + period) of whole minutes, simulated time. Only
 * finished minutes count. False where CloudWatch has no datapoint: the volume was not attached, or
 * the period is finer than what is still kept of that age. */
bool world_metric_sum(struct world *world, const struct sim_volume *volume, enum sim_metric metric,
                      int64_t start_ms, int64_t period_s, double *sum);

/* Marks a byte range as written, as a guest's write would. */
void world_touch(struct world *world, struct sim_volume *volume, int64_t offset_bytes,
                 int64_t length_bytes);

/* Makes a snapshot's delta visible to a test: bytes that this snapshot or copy had to move. */
int64_t world_snapshot_moved_bytes(const struct sim_snapshot *snapshot);

#endif
