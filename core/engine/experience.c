#include "core/engine/experience.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/fit.h"

static enum error_code add_volume(struct store *store, const char *target_region, int64_t now_ms,
                                  const char *volume_id, struct experience *experience,
                                  struct error *err)
{
    CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    TRY(store_get_volume_rows(store, volume_id, target_region, &rows, err));
    struct volume_history history = volume_rows_history(&rows, volume_id);
    TRY(volume_model_fit(&history, now_ms, &model, err));
    size_t index = experience->member_count++;
    experience->members[index] =
        (struct fleet_member){.snapshot = model.snapshot, .copy = model.copy, .dirty = model.dirty};
    (void)snprintf(experience->volume_ids[index], sizeof(experience->volume_ids[index]), "%s",
                   volume_id);
    return ERR_NONE;
}

enum error_code experience_load(struct store *store, const char *target_region, int64_t now_ms,
                                struct experience *experience, struct error *err)
{
    struct stored_volume *volumes = NULL;
    size_t count = 0;
    experience->member_count = 0;
    TRY(store_get_volumes(store, FLEET_LEAST_SAMPLES, FLEET_MAX, &volumes, &count, err));
    enum error_code code = ERR_NONE;
    for (size_t i = 0; i < count && code == ERR_NONE; i++)
        code = add_volume(store, target_region, now_ms, volumes[i].id, experience, err);
    free(volumes);
    return code;
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
