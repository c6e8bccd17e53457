/* render_plan.h: a plan as a page for people, or as one JSON document. */
#ifndef CLI_RENDER_PLAN_H
#define CLI_RENDER_PLAN_H

#include <stdio.h>

#include "core/engine/outlook.h"

/* Prints the plan of an outlook. */
void render_plan_text(const struct outlook_request *request, const struct outlook *outlook,
                      FILE *out);
void render_plan_json(const struct outlook_request *request, const struct outlook *outlook,
                      FILE *out);

#endif
