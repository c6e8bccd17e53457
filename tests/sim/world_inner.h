/* world_inner.h: how the world keeps its truth. Only world*.c may include this.
 *
 * The bytes of all snapshots form a tree of cuts: a cut is the content of a volume at one instant,
 * with the blocks that differ from its parent cut. Snapshots and copies are names for cuts, so what
 * differs between any two of them is a path through the tree. Cuts are never forgotten, only their
 * bytes are: a deleted snapshot still separates its neighbours. */
#ifndef TESTS_SIM_WORLD_INNER_H
#define TESTS_SIM_WORLD_INNER_H

#include <pthread.h>

#include "model/instant.h"
#include "tests/sim/dice.h"
#include "tests/sim/fault.h"
#include "tests/sim/ghost.h"
#include "tests/sim/pool.h"
#include "tests/sim/world.h"
#include "tests/sim/world_key.h"

#define GIB (INT64_C(1) << 30)

struct cut {
    int64_t id; /* 1 and up */
    int64_t parent_id;
    struct cut *parent; /* NULL: the blank volume */
    int64_t size_bytes;
    bool has_bytes; /* a file in the pool */
    struct block_set changed;
};

struct snapshot_inner {
    struct cut *cut;
    int64_t cut_id;  /* as stored */
    int64_t lineage; /* volumes and snapshots between which increments are possible */
    int64_t moved_bytes;
    bool gone;   /* deleted; kept only because pointers are borrowed */
    bool doomed; /* deleted while pending: goes at its end */
    bool managed_key;
    bool will_fail;
    bool unsettled; /* its bytes are fixed, but not yet compared and timed */
    int64_t set_id; /* members of one call share it */

    char from_region[SIM_REGION_SIZE]; /* of a copy */
    int64_t timed_bytes_per_s;         /* what a time-based copy holds of its quota */

    bool open; /* being written block by block (world_write.h) */
    int64_t write_limit_ms;
    char client_token[SIM_TEXT_SIZE]; /* empty: none */
    char request_hash[65];
};

/* Counts of one minute of a real device. */
struct minute_counts {
    int64_t minute;
    double counts[METRIC_COUNT];
};

struct volume_inner {
    struct cut *base; /* the newest cut of this volume, or what it was made from */
    int64_t base_id;
    int64_t lineage;
    int64_t offset_bytes; /* in its zone's file */
    int loop_number;      /* -1: not attached to this machine */
    int64_t init_bytes;   /* full size of the snapshot it was made from */
    int64_t snapshots_made;
    int64_t last_snapshot_ms;
    int64_t transfer_free_ms; /* when the transfer of the last pending snapshot ends */
    int64_t last_end_ms;      /* when the last pending snapshot ends */
    bool gone;
    int64_t settled_ms;       /* when an attaching or detaching volume has done so */
    struct block_set written; /* ever, up to the base; empty: not worked out yet */
    struct block_set touched; /* writes reported by world_touch() since the base */

    struct ghost *ghost; /* NULL: no workload but the guest's own */
    int64_t ghost_blocks;
    int64_t ghost_origin_ms;
    int64_t ghost_until_ms; /* its changes are in the cuts up to here */

    struct pool_counters counters;
    int64_t counters_ms; /* when they were read; 0: not yet */
    struct minute_counts *minutes;
    size_t minute_count;
};

/* The newest copy of a lineage in one place decides whether the next is incremental. */
struct copy_track {
    int64_t lineage;
    char account[SIM_ACCOUNT_SIZE];
    char region[SIM_REGION_SIZE];
    char newest_id[SIM_ID_SIZE];
    int64_t busy_until_ms; /* when the running copy of the lineage ends */
};

struct bucket {
    char name[160];
    double tokens;
    int64_t filled_ms;
};

struct world {
    pthread_mutex_t lock;
    struct world_time time;
    int64_t now_ms; /* of the running request */
    char *dir;      /* NULL: memory only */
    int lock_fd;
    struct pool *pool; /* NULL: no bytes */
    bool dirty;

    uint64_t seed;
    bool seeded;
    struct nature nature;
    int64_t origin_ms;
    int64_t births; /* ids given so far */
    int64_t cuts_made;
    int64_t lineages_made;
    struct dice door_dice;

    struct cut **cuts;
    size_t cut_count;
    struct sim_volume **volumes;
    size_t volume_count;
    struct sim_snapshot **snapshots;
    size_t snapshot_count;
    struct sim_instance *instances;
    size_t instance_count;
    struct sim_key *keys;
    size_t key_count;
    struct iam_document *documents;
    size_t document_count;
    struct grant_of_quota *quotas;
    size_t quota_count;
    struct sim_credential **credentials;
    size_t credential_count;
    struct copy_track *tracks;
    size_t track_count;
    struct bucket *buckets;
    size_t bucket_count;
    struct fault_script faults;
    uint32_t struck; /* the effects that strike the running call */
};

extern const char account_a[];
extern const char account_b[];

/* Makes room for one more in a growing array of pointers or structs; aborts without memory. */
void *world_grow(void *items, size_t count, size_t item_size);

/* Dice of the next thing that is born; the same calls give the same dice. */
struct dice world_birth(struct world *world);

/* Dice of a transfer that begins on a path then; what nature.pace.luck_ms says of them. */
struct dice world_luck(struct world *world, uint64_t path_key, int64_t begin_ms);

/* What decides the speed of a volume's snapshots (world_snapshot.c), and of copies of a lineage to
 * the caller's account and region (world_copy.c). */
uint64_t world_snapshot_path(const struct world *world, const struct sim_volume *volume);
uint64_t world_copy_path(const struct world *world, const struct caller *caller, int64_t lineage);

/* A fresh id "prefix" and 17 hex digits. */
void world_new_id(struct world *world, const char *prefix, char id[SIM_ID_SIZE]);

/* Copies a text into a field, cutting what does not fit. */
void world_text(char *field, size_t size, const char *text);

/* Deterministic accounts, keys and credentials of a seed (world_access.c). */
void world_make_access(struct world *world);

/* Deterministic keys of an account, and what happened to them, as stored (world_key.c). */
struct json_object;
void world_make_keys(struct world *world, const char *account);
void world_free_keys(struct world *world);
struct json_object *world_keys_out(const struct world *world);
void world_keys_in(struct world *world, struct json_object *list);

/* The role behind "arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION", "" if it is none. */
void world_role_of(const char *arn, char role[SIM_ARN_SIZE]);

/* The documents of users and roles (world_iam.c). */
void world_free_documents(struct world *world);
struct json_object *world_documents_out(const struct world *world);
void world_documents_in(struct world *world, struct json_object *list);

/* Instances with their boot volumes, one per zone (world_place.c). */
void world_make_places(struct world *world);
struct sim_instance *world_find_instance(struct world *world, const struct caller *caller,
                                         const char *id);

/* Arms what `cloudsim fault` left in the state directory (world_fault.c). */
void world_read_faults(struct world *world);

/* True if an armed fault lets this effect strike the running call. */
bool world_is_struck(const struct world *world, enum fault_effect effect);

/* What somebody else does to the caller's account (world_somebody.c): to the volume of its newest
 * snapshot, or to its first one. Nothing where there is nothing to do it to. */
void world_somebody_acts(struct world *world, const struct caller *caller);

/* Volumes (world_volume.c). */
struct sim_volume *world_add_volume(struct world *world);
struct pool_range world_volume_range(const struct sim_volume *volume);
MUST_CHECK enum error_code world_volume_device_on(struct world *world, struct sim_volume *volume,
                                                  struct error *err);
void world_volume_device_off(struct world *world, struct sim_volume *volume);
void world_advance_volumes(struct world *world);
void world_free_volume(struct sim_volume *volume);

/* Cuts (world_cut.c). Taking the cuts of volumes fixes their bytes at this instant and makes them the
 * volumes' base; finishing them, later, finds what changed up to instant_ms and stores it. */
struct cut *world_add_cut(struct world *world, struct cut *parent, int64_t size_bytes);
bool world_take_cuts(struct world *world, struct sim_volume *const *volumes, struct cut **cuts,
                     size_t count, struct refusal *refusal);
MUST_CHECK enum error_code world_finish_cuts(struct world *world, struct sim_volume *const *volumes,
                                             struct cut *const *cuts, size_t count,
                                             int64_t instant_ms, struct error *err);
void world_cut_written(const struct cut *cut, struct block_set *blocks);
void world_cut_between(const struct cut *left, const struct cut *right, struct block_set *blocks);
void world_drop_unused_bytes(struct world *world, struct cut *cut);
void world_store_cut(struct world *world, const struct cut *cut);
void world_free_cut(struct cut *cut);

/* Snapshots (world_snapshot.c). */
struct sim_snapshot *world_add_snapshot(struct world *world);
struct sim_snapshot *world_find_snapshot(struct world *world, const char *id);
void world_record_set(struct world *world, struct sim_volume *const *volumes,
                      struct cut *const *cuts, struct sim_snapshot **snapshots, size_t count);
void world_time_set(struct world *world, struct sim_volume *const *volumes,
                    struct sim_snapshot *const *snapshots, size_t count);
void world_settle_snapshots(struct world *world);
void world_advance_snapshots(struct world *world);
void world_free_snapshot(struct sim_snapshot *snapshot);
void world_forget_snapshot(struct world *world, struct sim_snapshot *snapshot);
struct sim_snapshot *world_snap_unasked(struct world *world, struct sim_volume *volume);
void world_encrypt_snapshot(struct world *world, struct sim_snapshot *snapshot,
                            const char *key_arn);

/* Time-based copies (world_timed.c): whether the quota between the regions has anything left, and the
 * bytes per second that one gets of it, as much as its time needs where that is left.
 * Refusals: ResourceLimitExceeded. */
bool world_check_timed(const struct world *world, const struct caller *caller,
                       const struct copy_request *request, struct refusal *refusal);
int64_t world_timed_rate(const struct world *world, const struct caller *caller,
                         const struct copy_request *request, int64_t bytes);

/* Device counters into minutes (world_metric.c). */
void world_count_devices(struct world *world);

/* The history that the nature asks for (world_seed.c). */
void world_make_history(struct world *world);

/* The stored form (world_state.c). Load answers ERR_NOT_FOUND for a new state. */
MUST_CHECK enum error_code world_load(struct world *world, struct error *err);

#endif
