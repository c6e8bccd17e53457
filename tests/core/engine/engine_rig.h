/* engine_rig.h: one run of the engine from a database on volumes in us-east-1 to eu-west-1: the
 * simulated world without a wire, a machine that holds still, a real store in a directory of its own.
 *
 * Processes die at numbered steps (tests/sim/fake_cloud.h) and others go on. The audit looks at the
 * world, not at what the engine believes. */
#ifndef TESTS_CORE_ENGINE_ENGINE_RIG_H
#define TESTS_CORE_ENGINE_ENGINE_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/store.h"
#include "model/error.h"
#include "tests/sim/fake_cloud.h"
#include "tests/support/fake_host.h"

#define RIG_RUN     "r-20260302-5e1d"
#define RIG_ACCOUNT "111122223333"
#define RIG_OTHER   "444455556666"

/* What is moved, and how. */
struct rig_options {
    uint64_t seed;
    size_t volumes; /* 1 to 3 */
    bool fence;
    bool backup;
    bool no_instance; /* the new volumes are not attached */
    /* They go to another account, from under a key that only a grant lets it read: by two copies. */
    bool other_account;
    int64_t skew_ms; /* our clock is so much ahead of the world's */
    int64_t lead_ms; /* from the beginning of the run to its window; 0: an hour */
    bool metered;    /* CloudWatch tells what the database writes; else that it writes nothing */
};

struct rig {
    struct rig_options options;
    struct fake_world world;
    struct fake_host host;
    struct config config;
    int64_t written_ms; /* the database has written up to here */
    char directory[64];
    int64_t batch_ms; /* the newest rig_write_batch() */
    /* of the world, which knows no counters */
    enum error_code (*get_metric)(void *self, const struct cloud_metric_request *request,
                                  struct cloud_metric *metric, struct error *err);
    char told[8192]; /* what an operator reads, a line each, as far as there is room */
};

enum rig_verb { RIG_RUN_ON, RIG_ABORT };

/* Makes the world, with a database that writes and a machine for it to go to. Must not move in
 * memory until rig_done(). Aborts if this computer cannot. */
void rig_init(struct rig *rig, const struct rig_options *options);
void rig_done(struct rig *rig);

/* Does what one ebshift process does: opens and locks the store, begins the run or reads it back,
 * and runs or aborts it. Errors: the engine's. */
MUST_CHECK enum error_code rig_drive(struct rig *rig, enum rig_verb verb, struct error *err);

/* The same by a process that ends as soon as the run is in a state, or over. */
MUST_CHECK enum error_code rig_drive_to(struct rig *rig, enum machine_state state,
                                        struct error *err);

/* As rig_drive() by a process that is killed at its step die_at, and then buried; true if it was. One that
 * ended before has done what *code and *err tell. */
bool rig_drive_and_die(struct rig *rig, enum rig_verb verb, int64_t die_at, enum error_code *code,
                       struct error *err);

/* The database writes RIG_BATCH_BYTES of the first volume at once. */
#define RIG_BATCH_BYTES (INT64_C(4) << 30)
void rig_write_batch(struct rig *rig);

/* Arms faults (tests/sim/fault.h); aborts if they are none. */
void rig_arm(struct rig *rig, const char *script);

/* Reads the run back. False if the store has none (yet). */
bool rig_read(struct rig *rig, struct run *run);

/* Reads the run's objects back; heap of the caller. */
struct object *rig_objects(struct rig *rig, size_t *count);

/* The account that the new volumes are for. */
const char *rig_target_account(const struct rig *rig);

/* How much of the run a look at the world shows now: snapshots with copies of a region, and new
 * volumes. */
size_t rig_live_snapshots(struct rig *rig, const char *region);
size_t rig_live_volumes(struct rig *rig);

#endif
