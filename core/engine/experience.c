#include "core/engine/experience.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/fit.h"

/* Promises of so many runs are remembered; the world changes. */
#define REMEMBERED_RUNS 50

static enum error_code add_volume(const struct experience_request *request, const char *volume_id,
                                  struct experience *experience, struct error *err)
{
    CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    TRY(store_get_volume_rows(request->store, volume_id, request->target_region, &rows, err));
    struct volume_history history = volume_rows_history(&rows, volume_id);
    TRY(volume_model_fit(&history, request->now_ms, &model, err));
    size_t index = experience->member_count++;
    experience->members[index] =
        (struct fleet_member){.snapshot = model.snapshot, .copy = model.copy, .dirty = model.dirty};
    (void)snprintf(experience->volume_ids[index], sizeof(experience->volume_ids[index]), "%s",
                   volume_id);
    return ERR_NONE;
}

static enum error_code load_volumes(const struct experience_request *request,
                                    struct experience *experience, struct error *err)
{
    struct stored_volume *volumes = NULL;
    size_t count = 0;
    TRY(store_get_volumes(request->store, FLEET_LEAST_SAMPLES, FLEET_MAX, &volumes, &count, err));
    enum error_code code = ERR_NONE;
    for (size_t i = 0; i < count && code == ERR_NONE; i++)
        code = add_volume(request, volumes[i].id, experience, err);
    free(volumes);
    return code;
}

/* The rounds of one run share its luck: together they count as one. */
static double round_weight(const struct promise *promises, size_t count, const char *run_id)
{
    size_t rounds = 0;
    for (size_t i = 0; i < count; i++)
        rounds += !promises[i].series && strcmp(promises[i].run_id, run_id) == 0;
    return rounds > 0 ? 1 / (double)rounds : 1;
}

static struct calibration_outcome outcome_of(const struct promise *promises, size_t count,
                                             size_t index)
{
    const struct promise *promise = &promises[index];
    return (struct calibration_outcome){
        .told_s = {.p05 = promise->told_s[0], .p50 = promise->told_s[1], .p95 = promise->told_s[2]},
        .actual_s = promise->actual_s,
        .series = promise->series,
        .own = promise->own,
        .weight = promise->series ? 1 : round_weight(promises, count, promise->run_id),
    };
}

static enum error_code learn_promises(const struct promise *promises, size_t count,
                                      struct experience *experience, struct error *err)
{
    struct calibration_outcome *outcomes = calloc(count + 1, sizeof(*outcomes));
    double *own_steps_s = calloc(count + 1, sizeof(*own_steps_s));
    if (outcomes == NULL || own_steps_s == NULL) {
        free(outcomes);
        free(own_steps_s);
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu promises", count);
    }
    for (size_t i = 0; i < count; i++) {
        outcomes[i] = outcome_of(promises, count, i);
        own_steps_s[i] = promises[i].own_steps_s;
    }
    experience->calibration = calibration_learn(outcomes, count);
    experience->overhead = overhead_learn(own_steps_s, count);
    free(outcomes);
    free(own_steps_s);
    return ERR_NONE;
}

static enum error_code load_promises(const struct experience_request *request,
                                     struct experience *experience, struct error *err)
{
    char ids[CLOUD_SET_MAX * CLOUD_ID_SIZE] = "";
    struct promise *promises = NULL;
    size_t count = 0;
    size_t length = 0;
    for (size_t i = 0; i < request->config->volume_count; i++) {
        length += (size_t)snprintf(ids + length, sizeof(ids) - length, "%s ",
                                   request->config->volumes[i]);
    }
    TRY(store_get_promises(request->store, ids, REMEMBERED_RUNS, &promises, &count, err));
    enum error_code code = learn_promises(promises, count, experience, err);
    free(promises);
    return code;
}

enum error_code experience_load(const struct experience_request *request,
                                struct experience *experience, struct error *err)
{
    experience->member_count = 0;
    TRY(load_volumes(request, experience, err));
    return load_promises(request, experience, err);
}

struct volume_prior experience_prior(const struct experience *experience, const char *volume_id)
{
    struct fleet_member others[FLEET_MAX];
    size_t count = 0;
    for (size_t i = 0; i < experience->member_count; i++) {
        if (strcmp(experience->volume_ids[i], volume_id) != 0)
            others[count++] = experience->members[i];
    }
    return volume_prior_of_fleet(others, count);
}
