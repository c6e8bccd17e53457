#include "core/preflight/identity.h"

#include <string.h>

#include "core/engine/attempt.h"

enum error_code identity_ask(const struct cloud *cloud, const struct clock *clock,
                             const struct log *log, struct cloud_identity *who, struct error *err)
{
    enum error_code code = ERR_NONE;
    struct attempt attempt = attempt_begin(clock, log, "ask who we are", PATIENCE_AT_A_PROMPT_MS);
    do {
        code = cloud->get_identity(cloud->self, who, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

enum error_code identity_check_source(const struct config *config,
                                      const struct cloud_identity *source, bool *other,
                                      struct error *err)
{
    *other = config->target_account[0] != '\0';
    if (!*other || strcmp(config->target_account, source->account_id) != 0)
        return ERR_NONE;
    return error_set(err, ERR_CONFIG, "account '%s' is the source's own: leave target.account out",
                     config->target_account);
}

enum error_code identity_check_target(const struct config *config,
                                      const struct cloud_identity *target, struct error *err)
{
    if (config->target_account[0] == '\0' ||
        strcmp(config->target_account, target->account_id) == 0)
        return ERR_NONE;
    return error_set(
        err, ERR_CONFIG,
        "the target's credentials are of account '%s', not of '%s': set target.role or "
        "target.profile",
        target->account_id, config->target_account);
}
