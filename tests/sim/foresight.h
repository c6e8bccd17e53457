/* foresight.h: what a world is going to do, for an oracle that other policies are compared with.
 *
 * Nothing here is readable through any API of the cloud. Only for worlds whose luck belongs to time
 * (nature.pace.luck_ms), since elsewhere it depends on the calls that are made until then. */
#ifndef TESTS_SIM_FORESIGHT_H
#define TESTS_SIM_FORESIGHT_H

#include <stdint.h>

#include "tests/sim/physics.h"
#include "tests/sim/world.h"

/* Bytes of the blocks that change between two instants after the newest snapshot, in the mean; the
 * truth scatters around it by a per cent or less. */
double foresee_changes(const struct sim_volume *volume, int64_t from_ms, int64_t to_ms);

/* Bytes that a full copy moves. */
double foresee_full(const struct sim_volume *volume);

/* The instant of the newest snapshot. */
int64_t foresee_base_ms(const struct sim_volume *volume);

/* The law of a snapshot, or of a copy to the place of *there, that begins then. */
struct transfer_law foresee_snapshot(struct world *world, const struct sim_volume *volume,
                                     int64_t begin_ms);
struct transfer_law foresee_copy(struct world *world, const struct sim_volume *volume,
                                 const struct caller *there, int64_t begin_ms);

#endif
