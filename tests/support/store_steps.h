/* store_steps.h: every write of the journal as two places to die, one before and one after it.
 *
 * Programs that link this library have the store's writing functions wrapped by the linker; without
 * a world they are as ever. */
#ifndef TESTS_SUPPORT_STORE_STEPS_H
#define TESTS_SUPPORT_STORE_STEPS_H

#include "tests/sim/fake_cloud.h"

/* Counts writes as steps of a world from now on; NULL: of none. Borrows. */
void store_steps_of(struct fake_world *world);

#endif
