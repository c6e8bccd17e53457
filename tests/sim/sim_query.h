/* sim_query.h: the parameters of a Query-protocol call ("A=1&Filter.1.Name=x").
 *
 * A parameter that is looked up counts as understood; what no one looked up is unknown to the
 * action and is refused by name, as the services do. */
#ifndef TESTS_SIM_SIM_QUERY_H
#define TESTS_SIM_SIM_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "model/error.h"

/* One parameter, decoded. */
struct sim_param {
    char *name;
    char *value;
    bool known; /* some code asked for it */
};

/* All parameters in order. Owns everything; hand back with sim_query_done(). */
struct sim_query {
    struct sim_param *items;
    size_t count;
};

/* Frees what *query owns. Harmless on an empty one. */
void sim_query_done(struct sim_query *query);
#define CLEANUP_SIM_QUERY CLEANUP(sim_query_done)

/* Parses a form body. Errors: ERR_INVALID (malformed, or a name twice), ERR_NO_MEMORY. */
MUST_CHECK enum error_code sim_query_parse(const char *text, size_t length, struct sim_query *query,
                                           struct error *err);

/* The value of the parameter whose name is formatted, or NULL if absent. Borrows. */
const char *sim_query_get(struct sim_query *query, const char *format, ...) PRINTF_LIKE(2, 3);

/* Tells whether any parameter's name starts with the formatted text and a dot. */
bool sim_query_has(const struct sim_query *query, const char *format, ...) PRINTF_LIKE(2, 3);

/* Counts every parameter whose name starts with `prefix` as known. */
void sim_query_accept(struct sim_query *query, const char *prefix);

/* The name of the first parameter nobody asked for, or NULL. Borrows. */
const char *sim_query_unknown(const struct sim_query *query);

/* Tells whether text matches a filter value: '*' any run, '?' any one character, '\' takes the
 * next character as it is. */
bool sim_query_match(const char *pattern, const char *text);

#endif
