/* engine_rig.h: one run of the engine in a fake world, with a real store in a directory of its own.
 *
 * The world lives in shared memory, so a run may go on in a child that the world kills, and be
 * looked at and resumed from here. */
#ifndef TESTS_CORE_ENGINE_ENGINE_RIG_H
#define TESTS_CORE_ENGINE_ENGINE_RIG_H

#include <stdbool.h>

#include "core/config.h"
#include "core/store.h"
#include "model/error.h"
#include "tests/support/fake_world.h"

/* 2026-03-02 00:00:07.123 UTC. */
#define RIG_START_MS INT64_C(1772409607123)
#define RIG_RUN      "r-20260302-5e1d"

struct rig {
    struct fake_world *world; /* shared memory */
    struct config config;
    bool fence;
    bool backup;
    bool may_lose_round; /* a round that failed at the service keeps nothing */
    char directory[64];
};

enum rig_verb { RIG_RUN_ON, RIG_ABORT };

/* Makes a world with two volumes on one instance, to be moved from us-east-1 to eu-west-1. */
void rig_init(struct rig *rig);
void rig_done(struct rig *rig);

/* Does what one ebshift process does: opens and locks the store, begins the run or reads it back,
 * and runs or aborts it. Errors: the engine's. */
MUST_CHECK enum error_code rig_drive(struct rig *rig, enum rig_verb verb, struct error *err);

/* The same in a child that may be killed by the world; true if it was, and then the world is
 * buried. Any other failure of the child fails the test. */
bool rig_drive_and_die(struct rig *rig, enum rig_verb verb, int64_t die_at);

/* Reads the run back. */
void rig_read(struct rig *rig, struct run *run);

/* Fails the test unless the run is done: per round one live snapshot and one live copy per volume,
 * in the end one live volume per volume, everything recorded, nothing besides, the final set fenced
 * and frozen. */
void rig_expect_done(struct rig *rig, const char *why);

/* Fails the test unless the run is aborted and left nothing, and the writers are let in. */
void rig_expect_gone(struct rig *rig, const char *why);

#endif
