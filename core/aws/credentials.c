#include "core/aws/credentials.h"

#include <stdio.h>
#include <string.h>

#include "core/aws/credential_chain.h"
#include "model/instant.h"

#define RENEW_BEFORE_MS (10 * MS_PER_MINUTE)
#define TRY_AGAIN_MS    MS_PER_MINUTE

void credentials_done(struct credentials *keys)
{
    explicit_bzero(keys, sizeof(*keys));
}

void credentials_source_done(struct credentials_source *source)
{
    credentials_done(&source->keys);
}

void credentials_add_link(struct credentials *keys, const char *provider, const char *detail)
{
    if (keys->link_count == CLOUD_LINKS_MAX)
        return;
    struct cloud_link *link = &keys->links[keys->link_count++];
    (void)snprintf(link->provider, sizeof(link->provider), "%s", provider);
    (void)snprintf(link->detail, sizeof(link->detail), "%s", detail);
}

/* Short-lived keys are renewed when three quarters of their life have passed: always ten minutes
 * before the end would mean at every call. */
static int64_t renewal_of(const struct credentials *keys, int64_t now_ms)
{
    int64_t life_ms = keys->expires_ms - now_ms;
    if (keys->expires_ms == 0)
        return 0;
    /* An instance whose service has lost its own goes on handing out old ones, which AWS may take. */
    if (life_ms <= 0)
        return now_ms + TRY_AGAIN_MS;
    return keys->expires_ms - (life_ms / 4 < RENEW_BEFORE_MS ? life_ms / 4 : RENEW_BEFORE_MS);
}

static bool must_fetch(const struct credentials_source *source, int64_t now_ms)
{
    bool has_keys = source->keys.access_key_id[0] != '\0';
    return !has_keys || (source->renew_ms != 0 && source->renew_ms <= now_ms);
}

static enum error_code renew(struct credentials_source *source, struct error *err)
{
    CLEANUP_CREDENTIALS struct credentials fetched = {0};
    bool had_keys = source->keys.access_key_id[0] != '\0';
    enum error_code code = credential_chain_fetch(source, &fetched, err);
    /* An instance does not stop to be one: its service is away for now. */
    if (code == ERR_NOT_FOUND)
        return err->code = had_keys ? ERR_UNREACHABLE : ERR_ACCESS;
    TRY(code);
    source->keys = fetched;
    source->renew_ms = renewal_of(&fetched, clock_now_ms(source->clock));
    return ERR_NONE;
}

enum error_code credentials_get(struct credentials_source *source, bool fresh,
                                struct credentials *keys, struct error *err)
{
    int64_t now_ms = clock_now_ms(source->clock);
    if (source->http != NULL && (fresh || must_fetch(source, now_ms))) {
        enum error_code code = renew(source, err);
        bool still_good = source->keys.expires_ms > now_ms && !fresh;
        if (code != ERR_NONE && !still_good)
            return code;
        if (code != ERR_NONE)
            source->renew_ms = now_ms + TRY_AGAIN_MS;
    }
    *keys = source->keys;
    return ERR_NONE;
}
