/* control.h: what the control file of a stopped server tells. */
#ifndef CORE_PG_CONTROL_H
#define CORE_PG_CONTROL_H

#include <stdbool.h>

/* Whether the server of a data directory was shut down in good order and is not running: no
 * postmaster.pid, and the state in global/pg_control says so. False also if it cannot be read. */
bool pg_control_is_shut_down(const char *data_directory);

#endif
