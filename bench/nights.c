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

/* Hands the nights of a batch on, with the place of their volume and load. */
struct tour {
    enum error_code (*visit)(void *self, const struct night *night, struct error *err);
    void *self;
    size_t volume;
    size_t load;
};

static enum error_code tour_cell(const struct tour *tour, const struct trace *trace,
                                 unsigned long seed, struct error *err)
{
    unsigned long cell = (seed * VOLUME_COUNT + tour->volume) * LOAD_COUNT + tour->load;
    for (size_t i = 0; i < NIGHTS_PER_CELL; i++) {
        CLEANUP_NIGHT struct night night = {0};
        TRY(night_make(&night, trace, loads[tour->load], cell * NIGHTS_PER_CELL + i, err));
        TRY(tour->visit(tour->self, &night, err));
    }
    return ERR_NONE;
}

static enum error_code tour_batch(struct tour *tour, const struct volumes *volumes,
                                  unsigned long seed, struct error *err)
{
    for (tour->volume = 0; tour->volume < VOLUME_COUNT; tour->volume++) {
        for (tour->load = 0; tour->load < LOAD_COUNT && volumes->there[tour->volume]; tour->load++)
            TRY(tour_cell(tour, &volumes->traces[tour->volume], seed, err));
    }
    return ERR_NONE;
}

enum error_code nights_each(const char *directory, unsigned long seed,
                            enum error_code (*visit)(void *self, const struct night *night,
                                                     struct error *err),
                            void *self, struct error *err)
{
    CLEANUP(volumes_done) struct volumes volumes = {0};
    struct tour tour = {.visit = visit, .self = self};
    TRY(volumes_read(&volumes, directory, err));
    return tour_batch(&tour, &volumes, seed, err);
}

/* The sums, and the tour that fills them. */
struct count {
    struct sums sums;
    struct tour tour;
};

static enum error_code add_night(void *self, const struct night *night, struct error *err)
{
    struct count *count = self;
    struct sums *sums = &count->sums;
    struct series_results *const ways[] = {&sums->batch, &sums->by_load[count->tour.load],
                                           &sums->by_volume[count->tour.volume], &sums->all};
    struct series_results one = {0};
    TRY(series_results_add(&one, night, err));
    for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++)
        series_results_join(ways[way], &one);
    return ERR_NONE;
}

static enum error_code play_batch(struct count *count, const struct volumes *volumes,
                                  unsigned long seed, struct error *err)
{
    char name[32];
    count->sums.batch = (struct series_results){0};
    TRY(tour_batch(&count->tour, volumes, seed, err));
    (void)snprintf(name, sizeof(name), "seed %lu", seed);
    print_row(name, &count->sums.batch);
    return ERR_NONE;
}

enum error_code nights_print(const char *directory, unsigned long first, size_t count,
                             struct error *err)
{
    CLEANUP(volumes_done) struct volumes volumes = {0};
    struct count played = {0};
    const struct sums *sums = &played.sums;
    char name[32];
    played.tour = (struct tour){.visit = add_night, .self = &played};
    TRY(volumes_read(&volumes, directory, err));
    printf("%-10s %6s %8s %8s %8s %7s %7s %7s %7s %6s\n", "", "nights", "J ours", "b2b", "qemu",
           "/b2b", "/qemu", "rounds", "of b2b", "kept");
    for (size_t i = 0; i < count; i++)
        TRY(play_batch(&played, &volumes, first + i, err));
    for (size_t i = 0; i < LOAD_COUNT; i++) {
        (void)snprintf(name, sizeof(name), "load %.1f", loads[i]);
        print_row(name, &sums->by_load[i]);
    }
    for (size_t i = 0; i < VOLUME_COUNT; i++) {
        (void)snprintf(name, sizeof(name), "volume %s", volume_names[i]);
        print_row(name, &sums->by_volume[i]);
    }
    print_row("all", &sums->all);
    return ERR_NONE;
}
