/* counter_local.h: counter.h over this machine's sysfs. */
#ifndef CORE_HOST_COUNTER_LOCAL_H
#define CORE_HOST_COUNTER_LOCAL_H

#include "core/counter.h"
#include "core/host/mounts.h"

/* The counters of this machine; borrows *roots. */
struct counter counter_local(const struct mount_roots *roots);

#endif
