/* step.h: the planner over a pipe, for a scorer outside.
 *
 * One JSON object in ("now", "t_w", "p", "lambda", "running", "history", "writes"; times in ticks),
 * one out: {"start": tick or null, "promise": ticks}. */
#ifndef BENCH_STEP_H
#define BENCH_STEP_H

#include "model/error.h"

/* Answers the question in `text` on standard output.
 * Errors: ERR_PROTOCOL if it is no such object; those of episode.h. */
MUST_CHECK enum error_code step_answer(const char *text, struct error *err);

#endif
