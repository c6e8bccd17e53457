/* finding.h: what one check of preflight found: a verdict, a sentence, and what to do about it.
 *
 * A check may look at many things (volumes, sides, regions) and says one thing: the worst, and all
 * that is as bad. Plain data. */
#ifndef CORE_PREFLIGHT_FINDING_H
#define CORE_PREFLIGHT_FINDING_H

#include "model/error.h"

/* Mildest first, but for what was not looked at. */
enum verdict {
    VERDICT_SKIPPED,
    VERDICT_OK,
    VERDICT_WARN,
    VERDICT_FAIL,
};

/* "skipped", "ok", "warn", "fail": as tables and JSON show them. */
const char *verdict_name(enum verdict verdict);

struct finding {
    enum verdict verdict;
    char text[1000];  /* one line; several things are separated by "; " */
    char remedy[400]; /* "" where there is nothing to do */
};

/* Adds what was seen of one thing. What is worse than all before replaces it, with its remedy; what is
 * as bad is put after it; what is milder is forgotten. The first one is never milder. */
void finding_add(struct finding *finding, enum verdict verdict, const char *remedy,
                 const char *format, ...) PRINTF_LIKE(4, 5);

/* Adds a failure as its message tells it. */
void finding_fail(struct finding *finding, const struct error *err, const char *remedy);

/* The same for how a call went: success adds nothing. Errors: ERR_INTERRUPTED alone, handed on. */
MUST_CHECK enum error_code finding_take(struct finding *finding, enum error_code code,
                                        const char *remedy, const struct error *err);

#endif
