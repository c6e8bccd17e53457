/* series_report.h: what fifty worlds come to, as a table or as JSON. */
#ifndef BENCH_SERIES_REPORT_H
#define BENCH_SERIES_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/policy.h"

/* The policies in the order of the table: the oracle first, ours second. */
#define POLICIES 6
extern const struct policy policies[POLICIES];

#define WORLDS_MAX 500

/* One world and what every policy made of it. */
struct world_result {
    uint64_t seed;
    bool copies;
    struct nature nature;
    bool failed; /* some policy broke down: nothing of this world counts */
    struct outcome outcomes[POLICIES];
};

/* How many of results[0..count) failed. */
size_t series_count_failed(const struct world_result *results, size_t count);

/* Prints results[0..count), at most WORLDS_MAX, for people, or for programs. */
void series_print_table(const struct world_result *results, size_t count);
void series_print_json(const struct world_result *results, size_t count);

#endif
