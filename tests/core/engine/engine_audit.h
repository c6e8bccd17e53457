/* engine_audit.h: looks at the world after a run and says what should not be there.
 *
 * It asks the world, and the journal only for what it claims. Time passes first, a day of it, so that
 * nothing is hidden, pending or about to go any more. */
#ifndef TESTS_CORE_ENGINE_ENGINE_AUDIT_H
#define TESTS_CORE_ENGINE_ENGINE_AUDIT_H

#include "model/error.h"
#include "tests/core/engine/engine_rig.h"

/* What the run could not help. */
struct audit_excuse {
    size_t deleted; /* so much was deleted by somebody else; volumes are none of it */
    bool leftovers; /* what failed or was overtaken may be left: deleting it was not allowed */
};

/* The run is done: what the journal calls ready is what lives, no twin and no orphan; volumes from the
 * final copies, attached; the final set taken while nobody could write, and called what it is;
 * writers shut out, nothing frozen, no backup on. NULL allows nothing else.
 * Errors: ERR_STATE, saying what is wrong. */
MUST_CHECK enum error_code audit_done(struct rig *rig, const struct audit_excuse *excuse,
                                      struct error *err);

/* The run is aborted: nothing of it lives, writers are let in, nothing is frozen, no backup is on.
 * Errors: ERR_STATE. */
MUST_CHECK enum error_code audit_gone(struct rig *rig, struct error *err);

#endif
