/* render_preflight.h: the findings of preflight as a table, and as JSON. */
#ifndef CLI_RENDER_PREFLIGHT_H
#define CLI_RENDER_PREFLIGHT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/config.h"
#include "core/engine/canary.h"
#include "core/preflight/preflight.h"

/* All findings, and of how many verdicts. Borrows. */
struct preflight_view {
    const struct config *config;
    int64_t at_ms;
    struct finding *findings; /* of checks[], and the canary's after them if it was asked for */
    size_t finding_count;
    const struct canary_times *canary; /* NULL: none was sent */
};

/* How many findings are of a verdict. */
size_t preflight_view_count(const struct preflight_view *view, enum verdict verdict);

/* The names of what failed, "keys, mounts". */
void preflight_view_failed(const struct preflight_view *view, char *names, size_t size);

void render_preflight_text(const struct preflight_view *view, FILE *out);
void render_preflight_json(const struct preflight_view *view, FILE *out);

#endif
