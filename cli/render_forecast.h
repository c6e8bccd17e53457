/* render_forecast.h: what the model believes of a volume, as text and as JSON. */
#ifndef CLI_RENDER_FORECAST_H
#define CLI_RENDER_FORECAST_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/json_out.h"
#include "core/engine/outlook.h"
#include "model/forecast.h"
#include "model/residual.h"

/* As long as the gaps for which the growth of the changes is shown. */
#define SHOWN_GAP_S 3600.0

/* One volume of the set. Borrows all. */
struct volume_belief {
    const struct plan_member *member;
    const struct residual *residuals;
    size_t residual_count;
    bool copies;          /* each snapshot is followed by a copy */
    bool incremental;     /* false: there is no base, and the next snapshot is full */
    int64_t at_ms;        /* the snapshot that is asked about, Unix milliseconds UTC */
    struct forecast next; /* that snapshot, after the newest one; a full one if not incremental */
};

/* Writes the belief in words and numbers. */
void render_belief_text(const struct volume_belief *belief, FILE *out);

/* Adds it with all parameters and their covariance to an array of volumes. */
void render_belief_json(const struct volume_belief *belief, struct json_out *volumes);

/* The series of the whole set, and the chance to be done in the time; for_ms 0 leaves that out. */
void render_outcome_text(const struct outlook *outlook, int64_t at_ms, int64_t for_ms, FILE *out);
void render_outcome_json(const struct outlook *outlook, int64_t at_ms, int64_t for_ms,
                         struct json_out *document);

#endif
