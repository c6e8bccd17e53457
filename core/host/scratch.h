/* scratch.h: a filesystem of its own, made only to be frozen and thawed once.
 *
 * Lives on a loop device in a mount namespace of a child process: nobody else sees it, and whatever
 * happens to us the kernel takes mount and device away with the child. */
#ifndef CORE_HOST_SCRATCH_H
#define CORE_HOST_SCRATCH_H

#include "core/host/holder.h"
#include "model/error.h"

/* Makes a filesystem ("ext4", "xfs") in a sparse file of `directory`, freezes and thaws it as a cut
 * would, with the watchdog; nothing of it can be left behind. *held tells how long that took.
 * Errors: ERR_NOT_FOUND where it cannot be tried: not root, no loop devices, no mkfs for it;
 * ERR_QUIESCE or ERR_NOT_THAWED if freezing or thawing fails; ERR_SYSTEM. */
MUST_CHECK enum error_code scratch_freeze(const char *directory, const char *filesystem,
                                          struct held *held, struct error *err);

#endif
