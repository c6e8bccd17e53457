#include "bench/window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "bench/nights.h"
#include "bench/play.h"
#include "bench/series_cases.h"

#define NIGHTS_MAX 2000

static const char *const rule_names[WINDOW_RULE_COUNT] = {
    [WINDOW_FIRST] = "first possible",
    [WINDOW_PLANNER] = "the planner's",
    [WINDOW_BLOCKS] = "blocks known",
    [WINDOW_ORACLE] = "the best one",
};

/* What came of each night, by rule. */
struct tally {
    size_t count;
    double downtimes[WINDOW_RULE_COUNT][NIGHTS_MAX];
    struct series_result sums[WINDOW_RULE_COUNT];
};

static enum error_code add_night(void *self, const struct night *night, struct error *err)
{
    struct tally *tally = self;
    struct series_result results[WINDOW_RULE_COUNT] = {0};
    if (tally->count == NIGHTS_MAX)
        return error_set(err, ERR_INVALID, "more than %d nights", NIGHTS_MAX);
    TRY(play_window(night, results, err));
    for (size_t rule = 0; rule < WINDOW_RULE_COUNT; rule++) {
        tally->downtimes[rule][tally->count] = results[rule].downtime;
        tally->sums[rule].downtime += results[rule].downtime;
        tally->sums[rule].cost += results[rule].cost;
        tally->sums[rule].rounds += results[rule].rounds;
        tally->sums[rule].kept += results[rule].kept;
    }
    tally->count++;
    return ERR_NONE;
}

static void print_tally(struct tally *tally, const char *name)
{
    printf("%s: %zu nights, ticks\n  %-14s %8s %8s %8s %8s %8s %6s\n", name, tally->count, "cut",
           "mean", "median", "p90", "cost", "rounds", "kept");
    for (size_t rule = 0; rule < WINDOW_RULE_COUNT && tally->count > 0; rule++) {
        const struct series_result *sum = &tally->sums[rule];
        double *downtimes = tally->downtimes[rule];
        double count = (double)tally->count;
        gsl_sort(downtimes, 1, tally->count);
        printf("  %-14s %8.2f %8.2f %8.2f %8.2f %8.2f %6.3f\n", rule_names[rule],
               sum->downtime / count, gsl_stats_median_from_sorted_data(downtimes, 1, tally->count),
               gsl_stats_quantile_from_sorted_data(downtimes, 1, tally->count, 0.9),
               sum->cost / count, sum->rounds / count, sum->kept / count);
    }
    (void)fflush(stdout);
    *tally = (struct tally){0};
}

static enum error_code print_all(struct tally *tally, const char *directory, unsigned long first,
                                 size_t count, struct error *err)
{
    char name[64];
    enum error_code code = series_cases_each(directory, add_night, tally, err);
    if (code != ERR_NOT_FOUND)
        TRY(code);
    print_tally(tally, "recorded episodes");
    for (size_t i = 0; i < count; i++)
        TRY(nights_each(directory, first + i, add_night, tally, err));
    (void)snprintf(name, sizeof(name), "made nights, seeds %lu to %lu", first, first + count - 1);
    print_tally(tally, name);
    return ERR_NONE;
}

enum error_code window_print(const char *directory, unsigned long first, size_t count,
                             struct error *err)
{
    struct tally *tally = calloc(1, sizeof(*tally));
    if (tally == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %d nights", NIGHTS_MAX);
    enum error_code code = print_all(tally, directory, first, count, err);
    free(tally);
    return code;
}
