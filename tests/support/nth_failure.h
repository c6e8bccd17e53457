/* nth_failure.h: makes the n-th request for memory, or the n-th call that changes a file, fail.
 *
 * Of the libraries under test the calls to libc are renamed (nth_failure_test() in CMakeLists.txt),
 * so that the test itself and the simulator never fail; those of SQLite are caught by its own hook.
 * One counter for all; it stands still unless armed. */
#ifndef TESTS_SUPPORT_NTH_FAILURE_H
#define TESTS_SUPPORT_NTH_FAILURE_H

#include <stddef.h>
#include <stdint.h>

#include "model/error.h"

/* Counts from here on, and lets call number n (from 1) fail; 0: none. */
void nth_failure_arm(int64_t n);

/* Stops counting; how many calls were seen since. */
int64_t nth_failure_disarm(void);

/* What the renamed calls become, for libraries that take such functions. */
void *nth_malloc(size_t size);
void *nth_realloc(void *old, size_t size);
char *nth_strdup(const char *text);

/* Counts SQLite's requests for memory too. To be called before SQLite is used. */
void nth_failure_watch_sqlite(void);

/* What is tried; on ERR_NONE it has checked that its result is whole. */
typedef enum error_code nth_try(void *self, struct error *err);

/* Tries with each n-th call failing, every `stride`-th n from `first` on, until nothing fails any
 * more; a try that fails without an error text fails the test. Returns how often one failed. */
int nth_failure_everywhere(const char *what, nth_try *attempt, void *self, int64_t first,
                           int64_t stride);

#endif
