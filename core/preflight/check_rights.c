#include <stdbool.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/rights.h"
#include "core/engine/rights_ask.h"
#include "core/preflight/checks.h"

/* What was answered to all questions. */
struct answers {
    size_t allowed;
    size_t lent;
    size_t unknown;
};

static const char *side_name(const struct right *right)
{
    return right->side == RIGHT_SOURCE ? "source" : "target";
}

/* What the target lacks on a key of the source's account it gets by a grant while the run lasts; that
 * the source may make one is asked about by itself. */
static bool is_lent(const struct right_asker *asker, const struct right *right)
{
    return right->group == RIGHT_KEY && right->side == RIGHT_TARGET &&
           asker->request->config->target_account[0] != '\0' &&
           strcmp(right->account, asker->request->source_account) == 0;
}

/* Errors: ERR_INTERRUPTED. */
static enum error_code ask(const struct right_asker *asker, const struct right *right,
                           struct answers *answers, struct finding *finding, struct error *err)
{
    struct error why = {0};
    enum right_verdict verdict = right_ask(asker, right, &why);
    if (verdict != RIGHT_ALLOWED && why.code == ERR_INTERRUPTED) {
        *err = why;
        return why.code;
    }
    bool lent = verdict == RIGHT_DENIED && is_lent(asker, right);
    answers->allowed += verdict == RIGHT_ALLOWED;
    answers->lent += lent;
    answers->unknown += verdict == RIGHT_UNKNOWN;
    if (verdict == RIGHT_DENIED && !lent) {
        finding_add(
            finding, right->group == RIGHT_LOOK_AHEAD ? VERDICT_WARN : VERDICT_FAIL,
            "'ebshift policy' prints what each side needs: add it to the principal's policy",
            "the %s lacks %s in %s", side_name(right), right->action, right->region);
    }
    return ERR_NONE;
}

/* Which volumes there are may not be known: the very right to list them may be missing. */
enum error_code check_rights(struct preflight *preflight, struct finding *finding,
                             struct error *err)
{
    CLEANUP_RIGHTS struct rights rights = {0};
    struct answers answers = {0};
    const struct rights_request request = {
        .config = preflight->config,
        .path = preflight->path,
        .source = preflight->source,
        .target = preflight->target,
        .source_account = preflight->source_account,
        .volumes = (preflight->has & GROUND_VOLUMES) != 0 ? &preflight->volumes : NULL,
    };
    const struct right_asker asker = {
        .request = &request,
        .clock = preflight->clock,
        .log = preflight->log,
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
    TRY(rights_list(&request, &rights, err));
    for (size_t i = 0; i < rights.count; i++)
        TRY(ask(&asker, &rights.items[i], &answers, finding, err));
    finding_add(finding, VERDICT_OK, "", "%zu rights are there", answers.allowed);
    if (answers.lent > 0)
        finding_add(finding, VERDICT_OK, "", "%zu come with a grant", answers.lent);
    if (answers.unknown > 0) {
        finding_add(finding, VERDICT_OK, "",
                    "%zu cannot be asked about, --canary uses most of them", answers.unknown);
    }
    return ERR_NONE;
}
