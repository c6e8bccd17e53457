/* render_run.h: a run, finished or not, with predicted beside actual. */
#ifndef CLI_RENDER_RUN_H
#define CLI_RENDER_RUN_H

#include <stdio.h>

#include "core/store.h"
#include "model/error.h"

/* Everything to show of a run. Zero-initialise; hand back with run_view_done(). */
struct run_view {
    struct run run;
    struct round *rounds; /* heap */
    size_t round_count;
    struct object *objects; /* heap */
    size_t object_count;
    struct journal_step *steps; /* heap */
    size_t step_count;
};
void run_view_done(struct run_view *view);
#define CLEANUP_RUN_VIEW CLEANUP(run_view_done)

/* Reads a run with all that belongs to it; run_id as in store_get_run(). */
MUST_CHECK enum error_code run_view_load(struct store *store, const char *run_id,
                                         struct run_view *view, struct error *err);

/* Prints it as it stands at now_ms. `message_type` is "summary" at the end of a verb, "status" when
 * looked at. */
void render_run_text(const struct run_view *view, int64_t now_ms, FILE *out);
void render_run_json(const struct run_view *view, int64_t now_ms, const char *message_type,
                     FILE *out);

#endif
