/* fake_world.h: a cloud in memory, a clock that never waits and a database that holds still.
 *
 * For unit tests of the engine: small, exact and scriptable, without physics (that is tests/sim).
 * The state is plain data without pointers, so that it can live in memory shared with a child
 * process, which the world kills at a chosen step: before or after any outside call, and at every
 * look at the clock, of which there is one beside each write of the journal. */
#ifndef TESTS_SUPPORT_FAKE_WORLD_H
#define TESTS_SUPPORT_FAKE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/cloud.h"
#include "core/log.h"
#include "core/quiesce.h"

enum { WORLD_SNAPSHOTS = 64, WORLD_VOLUMES = 16, WORLD_TAGS = 8, WORLD_KILLED = 77 };

/* What happens to one call that changes something. */
enum world_fault {
    FAULT_NONE,
    FAULT_LOST_ANSWER,  /* the effect happens, ERR_AMBIGUOUS is returned */
    FAULT_LOST_REQUEST, /* nothing happens, ERR_AMBIGUOUS is returned */
    FAULT_THROTTLED,    /* nothing happens, ERR_THROTTLED */
    FAULT_LIMIT,        /* nothing happens, ERR_LIMIT */
    FAULT_REFUSED,      /* nothing happens, ERR_ACCESS: nothing mends it */
    FAULT_FAILS_LATER,  /* success is returned, then the object fails */
};

struct world_snapshot {
    char id[CLOUD_ID_SIZE];
    char region[32];
    char volume_id[CLOUD_ID_SIZE];
    char from_id[CLOUD_ID_SIZE]; /* of copies */
    struct cloud_tag tags[WORLD_TAGS];
    size_t tag_count;
    int64_t started_ms;
    int64_t visible_ms;
    int64_t completes_ms;
    bool fails;
    bool deleted;
    bool fenced; /* what held when it was taken */
    bool frozen;
};

struct world_volume {
    char id[CLOUD_ID_SIZE];
    char region[32];
    char snapshot_id[CLOUD_ID_SIZE];
    char client_token[64];
    char device[32];
    char instance_id[CLOUD_ID_SIZE];
    struct cloud_tag tags[WORLD_TAGS];
    size_t tag_count;
    int64_t visible_ms;
    int64_t ready_ms;
    bool source;
    bool deleted;
};

struct fake_world {
    int64_t now_ms;
    /* set by the test */
    int64_t snapshot_ms;  /* until a snapshot completes */
    int64_t copy_ms;      /* until a copy completes */
    int64_t invisible_ms; /* how long a fresh object is not listed; of a set, half as long for the
                             first member */
    int64_t die_at;       /* step at which the process ends; 0: never */
    int64_t fault_at;     /* number of the changing call that gets `fault`; 0: none */
    enum world_fault fault;
    enum error_code settle_fails; /* what settle() returns once, then forgotten */
    enum error_code backup_end_fails;
    /* what happened */
    int64_t steps;
    int64_t changes;
    struct world_snapshot snapshots[WORLD_SNAPSHOTS];
    size_t snapshot_count;
    struct world_volume volumes[WORLD_VOLUMES];
    size_t volume_count;
    bool fenced;
    bool prepared;
    bool frozen;
    bool backup;
    int fence_records; /* times the state before the fence was asked for */
    int set_calls;
    int copy_calls;
};

/* One region of a world, the `self` of its cloud. */
struct fake_region {
    struct fake_world *world;
    char name[32];
};

/* Starts an empty world at an instant, with prompt defaults. */
void fake_world_init(struct fake_world *world, int64_t now_ms);

/* Adds a volume that the run shall move. */
void fake_world_add_volume(struct fake_world *world, const char *region, const char *id);

/* The waists of the world; borrow it (and the region). The log forgets everything. */
struct cloud fake_world_cloud(struct fake_region *region);
struct clock fake_world_clock(struct fake_world *world);
struct quiesce fake_world_quiesce(struct fake_world *world);
struct log fake_world_log(void);

/* What a death of the process does: the watchdog thaws, the backup session ends. */
void fake_world_bury(struct fake_world *world);

/* Live snapshots (with copies) of a region; live volumes that a run has made. */
size_t fake_world_live_snapshots(const struct fake_world *world, const char *region);
size_t fake_world_live_volumes(const struct fake_world *world);

/* The live snapshot or copy with an id, NULL if there is none. */
const struct world_snapshot *fake_world_snapshot(const struct fake_world *world, const char *id);

#endif
