#include "bench/nights.h"

#include <stdio.h>

#include "bench/series_cases.h"

/* Nights of one batch on each volume with each load. */
#define NIGHTS_PER_CELL 5

static const char *const volume_names[] = {"a", "b", "c", "d", "e"};
#define VOLUME_COUNT (sizeof(volume_names) / sizeof(volume_names[0]))
static const double loads[] = {0.3, 0.8, 1.5};
#define LOAD_COUNT (sizeof(loads) / sizeof(loads[0]))

struct volumes {
    struct trace traces[VOLUME_COUNT];
    bool there[VOLUME_COUNT];
};

static void volumes_done(struct volumes *volumes)
{
    for (size_t i = 0; i < VOLUME_COUNT; i++)
        trace_done(&volumes->traces[i]);
}

static enum error_code volumes_read(struct volumes *volumes, const char *directory,
                                    struct error *err)
{
    bool any = false;
    for (size_t i = 0; i < VOLUME_COUNT; i++) {
        enum error_code code = trace_read(&volumes->traces[i], directory, volume_names[i], err);
        if (code != ERR_NONE && code != ERR_NOT_FOUND)
            return code;
        volumes->there[i] = code == ERR_NONE;
        any = any || volumes->there[i];
    }
    if (!any)
        return error_set(err, ERR_NOT_FOUND, "there is no trace in '%s'", directory);
    return ERR_NONE;
}

/* Sums along each of the ways that the table is read. */
struct sums {
    struct series_results batch;
    struct series_results by_load[LOAD_COUNT];
    struct series_results by_volume[VOLUME_COUNT];
    struct series_results all;
};

static void print_row(const char *name, const struct series_results *sum)
{
    struct series_results mean = *sum;
    if (mean.episode_count == 0)
        return;
    series_results_mean(&mean);
    const struct series_result *planner = &mean.policies[POLICY_PLANNER];
    const struct series_result *steady = &mean.policies[POLICY_BACK_TO_BACK];
    const struct series_result *qemu = &mean.policies[POLICY_QEMU];
    printf("%-10s %6zu %8.2f %8.2f %8.2f %7.3f %7.3f %7.1f %7.1f %6.3f\n", name, mean.episode_count,
           planner->cost, steady->cost, qemu->cost, planner->cost / steady->cost,
           planner->cost / qemu->cost, planner->rounds, steady->rounds, planner->kept);
    (void)fflush(stdout);
}

static enum error_code play_cell(struct sums *sums, const struct trace *trace, size_t volume,
                                 size_t load, unsigned long seed, struct error *err)
{
    struct series_results *const ways[] = {&sums->batch, &sums->by_load[load],
                                           &sums->by_volume[volume], &sums->all};
    for (size_t i = 0; i < NIGHTS_PER_CELL; i++) {
        CLEANUP_NIGHT struct night night = {0};
        struct series_results one = {0};
        unsigned long own = ((seed * VOLUME_COUNT + volume) * LOAD_COUNT + load) * NIGHTS_PER_CELL;
        TRY(night_make(&night, trace, loads[load], own + i, err));
        TRY(series_results_add(&one, &night, err));
        for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++)
            series_results_join(ways[way], &one);
    }
    return ERR_NONE;
}

static enum error_code play_batch(struct sums *sums, const struct volumes *volumes,
                                  unsigned long seed, struct error *err)
{
    char name[32];
    sums->batch = (struct series_results){0};
    for (size_t volume = 0; volume < VOLUME_COUNT; volume++) {
        for (size_t load = 0; load < LOAD_COUNT && volumes->there[volume]; load++)
            TRY(play_cell(sums, &volumes->traces[volume], volume, load, seed, err));
    }
    (void)snprintf(name, sizeof(name), "seed %lu", seed);
    print_row(name, &sums->batch);
    return ERR_NONE;
}

enum error_code nights_print(const char *directory, unsigned long first, size_t count,
                             struct error *err)
{
    CLEANUP(volumes_done) struct volumes volumes = {0};
    struct sums sums = {0};
    char name[32];
    TRY(volumes_read(&volumes, directory, err));
    printf("%-10s %6s %8s %8s %8s %7s %7s %7s %7s %6s\n", "", "nights", "J ours", "b2b", "qemu",
           "/b2b", "/qemu", "rounds", "of b2b", "kept");
    for (size_t i = 0; i < count; i++)
        TRY(play_batch(&sums, &volumes, first + i, err));
    for (size_t i = 0; i < LOAD_COUNT; i++) {
        (void)snprintf(name, sizeof(name), "load %.1f", loads[i]);
        print_row(name, &sums.by_load[i]);
    }
    for (size_t i = 0; i < VOLUME_COUNT; i++) {
        (void)snprintf(name, sizeof(name), "volume %s", volume_names[i]);
        print_row(name, &sums.by_volume[i]);
    }
    print_row("all", &sums.all);
    return ERR_NONE;
}
