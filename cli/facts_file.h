/* facts_file.h: the facts of a machine in a JSON file, to be carried to another one. */
#ifndef CLI_FACTS_FILE_H
#define CLI_FACTS_FILE_H

#include "core/preflight/preflight.h"
#include "model/error.h"

/* Writes the facts of this machine. Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code facts_file_write(const char *path, struct error *err);

/* Reads what that wrote; what is missing stays "". Errors: ERR_CONFIG if it is no such file. */
MUST_CHECK enum error_code facts_file_read(const char *path, struct machine_facts *facts,
                                           struct error *err);

#endif
