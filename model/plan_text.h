/* plan_text.h: a plan's reason and remedy in words.
 *
 * Fills plan.reason and plan.remedy from the numbers of a finished plan, for model/plan.c. */
#ifndef MODEL_PLAN_TEXT_H
#define MODEL_PLAN_TEXT_H

#include "model/plan.h"

/* Says why *plan fits the window of *input (validated, defaults filled in) or why not, and what
 * would help. All numbers of *plan are final by now. */
void plan_explain(const struct plan_input *input, struct plan *plan);

#endif
