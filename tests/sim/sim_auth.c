#include "tests/sim/sim_auth.h"

#include "model/instant.h"
#include "tests/sim/sim_digest.h"

#define SKEW_MS (15 * MS_PER_MINUTE)

static bool is_recent(const struct sim_claim *claim, int64_t now_ms)
{
    int64_t life_ms = claim->presigned ? claim->expires_s * MS_PER_SECOND : SKEW_MS;
    return claim->signed_ms <= now_ms + SKEW_MS && now_ms <= claim->signed_ms + life_ms;
}

enum sim_auth_fault sim_auth_check(struct world *world, int64_t real_ms,
                                   const struct sim_request *request, struct sim_claim *claim,
                                   const struct sim_credential **who)
{
    switch (sim_claim_read(request, claim)) {
    case SIM_CLAIM_OK:
        break;
    case SIM_CLAIM_MISSING:
        return SIM_AUTH_MISSING;
    case SIM_CLAIM_INCOMPLETE:
        return SIM_AUTH_INCOMPLETE;
    case SIM_CLAIM_UNSIGNED:
    case SIM_CLAIM_PAYLOAD:
    case SIM_CLAIM_SIGNATURE:
        return SIM_AUTH_SIGNATURE;
    }
    const struct sim_credential *found = world_credential(world, claim->key_id);
    if (found == NULL || !sim_same_text(found->session_token, claim->token))
        return SIM_AUTH_UNKNOWN_KEY;
    if (sim_claim_verify(request, claim, found->secret) != SIM_CLAIM_OK)
        return SIM_AUTH_SIGNATURE;
    if (!is_recent(claim, world_now_ms(world)) && !is_recent(claim, real_ms))
        return SIM_AUTH_EXPIRED;
    if (found->expires_ms <= world_now_ms(world))
        return SIM_AUTH_TOKEN_EXPIRED;
    if (!world_region_exists(claim->region))
        return SIM_AUTH_REGION;
    *who = found;
    return SIM_AUTH_OK;
}

const char *sim_auth_text(enum sim_auth_fault fault)
{
    static const char *const texts[SIM_AUTH_FAULTS] = {
        [SIM_AUTH_MISSING] = "Request is missing Authentication Token",
        [SIM_AUTH_INCOMPLETE] = "The request signature does not hold every required part: "
                                "Credential, SignedHeaders, Signature, X-Amz-Date.",
        [SIM_AUTH_UNKNOWN_KEY] = "The security token included in the request is invalid.",
        [SIM_AUTH_SIGNATURE] = "The request signature we calculated does not match the signature "
                               "you provided, or a header that must be signed is not.",
        [SIM_AUTH_EXPIRED] = "Request has expired: its date is more than 15 minutes away from the "
                             "time of the server.",
        [SIM_AUTH_TOKEN_EXPIRED] = "The security token included in the request is expired",
        [SIM_AUTH_REGION] = "Credential should be scoped to a valid region.",
    };
    return texts[fault];
}
