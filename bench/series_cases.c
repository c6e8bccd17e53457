#include "bench/series_cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/table.h"
#include "core/aws/json.h"

#define MAX_VOLUMES 16

/* The recorded volumes, each read once. */
struct volumes {
    struct trace traces[MAX_VOLUMES];
    char names[MAX_VOLUMES][16];
    size_t count;
};

static void volumes_done(struct volumes *volumes)
{
    for (size_t i = 0; i < volumes->count; i++)
        trace_done(&volumes->traces[i]);
}

static enum error_code find_volume(struct volumes *volumes, const char *directory, const char *name,
                                   const struct trace **trace, struct error *err)
{
    size_t i = 0;
    while (i < volumes->count && strcmp(volumes->names[i], name) != 0)
        i++;
    if (i == MAX_VOLUMES)
        return error_set(err, ERR_INVALID, "more than %d volumes", MAX_VOLUMES);
    if (i == volumes->count) {
        TRY(trace_read(&volumes->traces[i], directory, name, err));
        (void)snprintf(volumes->names[i], sizeof(volumes->names[i]), "%s", name);
        volumes->count++;
    }
    *trace = &volumes->traces[i];
    return ERR_NONE;
}

static void add_result(struct series_result *sum, const struct series_result *one)
{
    sum->downtime += one->downtime;
    sum->rounds += one->rounds;
    sum->cost += one->cost;
    sum->kept += one->kept;
}

enum error_code series_results_add(struct series_results *results, const struct night *night,
                                   struct error *err)
{
    for (size_t i = 0; i < POLICY_COUNT; i++) {
        struct series_result one = {0};
        TRY(play_night(night, (enum series_policy)i, &one, err));
        add_result(&results->policies[i], &one);
    }
    results->episode_count++;
    return ERR_NONE;
}

void series_results_join(struct series_results *results, const struct series_results *other)
{
    for (size_t i = 0; i < POLICY_COUNT; i++)
        add_result(&results->policies[i], &other->policies[i]);
    results->episode_count += other->episode_count;
}

void series_results_mean(struct series_results *results)
{
    double count = fmax((double)results->episode_count, 1);
    for (size_t i = 0; i < POLICY_COUNT; i++) {
        struct series_result *result = &results->policies[i];
        result->downtime /= count;
        result->rounds /= count;
        result->cost /= count;
        result->kept /= count;
    }
}

/* Whom the nights are handed to. */
struct visitor {
    enum error_code (*visit)(void *self, const struct night *night, struct error *err);
    void *self;
};

static enum error_code visit_all(const struct jval *rows, const char *directory,
                                 const struct visitor *visitor, struct error *err)
{
    CLEANUP(volumes_done) struct volumes volumes = {0};
    for (size_t i = 0; i < jval_count(rows); i++) {
        CLEANUP_NIGHT struct night night = {0};
        const struct jval *row = jval_at(rows, i);
        const struct trace *trace = NULL;
        TRY(find_volume(&volumes, directory, jval_text(row, "vol"), &trace, err));
        TRY(night_read(&night, row, trace, err));
        TRY(visitor->visit(visitor->self, &night, err));
    }
    return ERR_NONE;
}

enum error_code series_cases_each(const char *directory,
                                  enum error_code (*visit)(void *self, const struct night *night,
                                                           struct error *err),
                                  void *self, struct error *err)
{
    CLEANUP_JVAL struct jval *root = NULL;
    const struct visitor visitor = {.visit = visit, .self = self};
    char path[4096];
    char *text = NULL;
    (void)snprintf(path, sizeof(path), "%s/episodes.json.gz", directory);
    TRY(table_read_text(path, &text, err));
    enum error_code code = jval_parse(text, strlen(text), &root, err);
    free(text);
    return code == ERR_NONE ? visit_all(root, directory, &visitor, err) : code;
}

static enum error_code add_night(void *self, const struct night *night, struct error *err)
{
    return series_results_add(self, night, err);
}

enum error_code series_cases_play(const char *directory, struct series_results *results,
                                  struct error *err)
{
    TRY(series_cases_each(directory, add_night, results, err));
    series_results_mean(results);
    return ERR_NONE;
}
