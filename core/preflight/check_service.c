#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/engine.h"
#include "core/engine/keys.h"
#include "core/engine/lease.h"
#include "core/engine/listing.h"
#include "core/preflight/checks.h"
#include "core/preflight/identity.h"
#include "core/preflight/target.h"
#include "model/amount.h"
#include "model/instant.h"

/* What the services still sign and what adopting a lost answer can bear. */
#define SKEW_WARN_MS (5 * MS_PER_SECOND)
#define SKEW_FAIL_MS (5 * MS_PER_MINUTE)

enum error_code check_store(struct preflight *preflight, struct finding *finding, struct error *err)
{
    (void)err;
    if (preflight->store.code != ERR_NONE) {
        finding_fail(finding, &preflight->store.err,
                     "end that run first, or name another place with --store");
    } else {
        finding_add(finding, VERDICT_OK, "", "'%s' is free, no run is under way",
                    preflight->config->store);
    }
    return ERR_NONE;
}

/* ---- identity ---- */

#define REMEDY_CREDENTIALS                                                                         \
    "'ebshift whoami' shows where the credentials come from, docs/credentials.md where they are "  \
    "looked for"

static void tell_identity(const struct cloud *cloud, const struct cloud_identity *who,
                          struct finding *finding)
{
    finding_add(finding, VERDICT_OK, "", "'%s' in %s, account %s", who->arn, cloud->region,
                who->account_id);
}

enum error_code check_source(struct preflight *preflight, struct finding *finding,
                             struct error *err)
{
    struct cloud_identity who = {0};
    bool other = false;
    enum error_code code =
        identity_ask(preflight->source, preflight->clock, preflight->log, &who, err);
    if (code == ERR_NONE)
        code = identity_check_source(preflight->config, &who, &other, err);
    if (code != ERR_NONE)
        return finding_take(finding, code, REMEDY_CREDENTIALS, err);
    preflight->skew_ms = who.skew_ms;
    memcpy(preflight->source_account, who.account_id, sizeof(who.account_id));
    tell_identity(preflight->source, &who, finding);
    return ERR_NONE;
}

enum error_code check_target_identity(struct preflight *preflight, struct finding *finding,
                                      struct error *err)
{
    struct cloud_identity who = {0};
    enum error_code code =
        identity_ask(preflight->target, preflight->clock, preflight->log, &who, err);
    if (code == ERR_NONE)
        code = identity_check_target(preflight->config, &who, err);
    if (code != ERR_NONE)
        return finding_take(finding, code, REMEDY_CREDENTIALS, err);
    tell_identity(preflight->target, &who, finding);
    return ERR_NONE;
}

/* A lost answer to the final snapshot is adopted by its instant, and that is the service's. */
enum error_code check_clock(struct preflight *preflight, struct finding *finding, struct error *err)
{
    static const char remedy[] = "let chrony or systemd-timesyncd keep this machine's clock";
    int64_t skew_ms = llabs(preflight->skew_ms);
    char text[DURATION_TEXT_SIZE];
    const char *side = preflight->skew_ms > 0 ? "behind" : "ahead of";
    (void)err;
    (void)duration_text(skew_ms, text);
    if (preflight->skew_ms == 0) {
        finding_add(finding, VERDICT_SKIPPED, "", "the service told no date");
    } else if (skew_ms < MS_PER_SECOND) {
        finding_add(finding, VERDICT_OK, "", "within a second of the service's");
    } else if (skew_ms <= SKEW_WARN_MS) {
        finding_add(finding, VERDICT_OK, "", "%s %s the service's", text, side);
    } else {
        finding_add(finding, skew_ms > SKEW_FAIL_MS ? VERDICT_FAIL : VERDICT_WARN, remedy,
                    "this machine's clock is %s %s the service's", text, side);
    }
    return ERR_NONE;
}

enum error_code check_target(struct preflight *preflight, struct finding *finding,
                             struct error *err)
{
    const struct config *config = preflight->config;
    const struct target_check check = {
        .config = config,
        .cloud = preflight->target,
        .clock = preflight->clock,
        .log = preflight->log,
    };
    if (config->target_zone[0] == '\0') {
        finding_add(finding, VERDICT_FAIL, "name it with --to-zone or target.zone",
                    "no zone is named for the new volumes");
        return ERR_NONE;
    }
    enum error_code code = target_check(&check, err);
    if (code != ERR_NONE)
        return finding_take(finding, code, "see --to-region, --to-zone and --to-instance", err);
    if (config->target_instance[0] == '\0') {
        finding_add(finding, VERDICT_OK, "", "%s; no instance, the volumes are not attached",
                    config->target_zone);
    } else {
        finding_add(finding, VERDICT_OK, "", "%s, instance '%s'", config->target_zone,
                    config->target_instance);
    }
    return ERR_NONE;
}

/* ---- volumes ---- */

static enum error_code list_volume(const struct preflight *preflight, const char *volume_id,
                                   struct cloud_volumes *volumes, struct error *err)
{
    const struct cloud *source = preflight->source;
    struct cloud_volume_filter filter = {.ids = &volume_id, .id_count = 1};
    enum error_code code = ERR_NONE;
    struct attempt attempt = attempt_begin(preflight->clock, preflight->log, "describe a volume",
                                           PATIENCE_AT_A_PROMPT_MS);
    do {
        cloud_volumes_done(volumes);
        code = source->list_volumes(source->self, &filter, volumes, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

static void judge_volume(const struct preflight *preflight, const struct cloud_volume *volume,
                         struct finding *finding)
{
    const struct config *config = preflight->config;
    if (volume->state != CLOUD_VOLUME_AVAILABLE && volume->state != CLOUD_VOLUME_IN_USE) {
        finding_add(finding, VERDICT_FAIL, "a volume has to be available or in use",
                    "volume '%s' is being made or deleted, or has failed", volume->id);
    } else if (config->volume_count > 1 &&
               strcmp(volume->instance_id, config->source_instance) != 0) {
        finding_add(finding, VERDICT_FAIL,
                    "several volumes are cut in one call, which takes those of one instance",
                    "volume '%s' is not attached to '%s'", volume->id, config->source_instance);
    }
}

/* Keeps the volume and its snapshots for the checks that follow. */
static enum error_code keep_volume(struct preflight *preflight, struct cloud_volume *volume,
                                   struct error *err)
{
    size_t place = preflight->volumes.count;
    const struct listing listing = {
        .cloud = preflight->source,
        .clock = preflight->clock,
        .log = preflight->log,
        .what = "list the snapshots",
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
    const struct cloud_snapshot_filter filter = {.volume_id = volume->id};
    TRY(listing_snapshots(&listing, &filter, &preflight->snapshots[place], err));
    preflight->volumes.items[place] = *volume;
    preflight->volumes.count++;
    volume->tags = (struct cloud_tags){0}; /* handed over */
    return ERR_NONE;
}

static enum error_code look_at_volume(struct preflight *preflight, const char *volume_id,
                                      struct finding *finding, struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes seen = {0};
    enum error_code code = list_volume(preflight, volume_id, &seen, err);
    if (code == ERR_NOT_FOUND) {
        finding_add(finding, VERDICT_FAIL, "correct source.volume, or --volume and --region",
                    "volume '%s' does not exist in %s", volume_id, preflight->source->region);
        return ERR_NONE;
    }
    if (code == ERR_NONE) {
        judge_volume(preflight, &seen.items[0], finding);
        code = keep_volume(preflight, &seen.items[0], err);
    }
    return finding_take(finding, code, "", err);
}

enum error_code check_volumes(struct preflight *preflight, struct finding *finding,
                              struct error *err)
{
    const struct config *config = preflight->config;
    char size[AMOUNT_TEXT_SIZE];
    double bytes = 0;
    preflight->volumes.items = calloc(config->volume_count, sizeof(*preflight->volumes.items));
    if (preflight->volumes.items == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu volumes", config->volume_count);
    for (size_t i = 0; i < config->volume_count; i++)
        TRY(look_at_volume(preflight, config->volumes[i], finding, err));
    for (size_t i = 0; i < preflight->volumes.count; i++)
        bytes += (double)preflight->volumes.items[i].size_bytes;
    finding_add(finding, VERDICT_OK, "", "%zu volume%s of %s, instance '%s'",
                preflight->volumes.count, preflight->volumes.count == 1 ? "" : "s",
                amount_text(bytes, size), config->source_instance);
    return ERR_NONE;
}

enum error_code check_claim(struct preflight *preflight, struct finding *finding, struct error *err)
{
    struct engine engine = {
        .config = preflight->config,
        .source = preflight->source,
        .target = preflight->target,
        .path = preflight->path,
        .clock = preflight->clock,
        .log = preflight->log,
    };
    enum error_code code = lease_check(&engine, err);
    if (code == ERR_NONE)
        finding_add(finding, VERDICT_OK, "", "no other run claims them");
    return finding_take(finding, code, "wait for that run, or abort it; --force takes over", err);
}

/* ---- keys ---- */

static const char *remedy_of_key(enum error_code code)
{
    switch ((int)code) {
    case ERR_ACCESS:
        return "add the right to the key's policy or to that principal's; 'ebshift policy' "
               "prints them";
    case ERR_STATE:
        return "no copy can be made under it, or from what lies under it, as it is";
    default:
        return "docs/accounts.md says which key is needed where";
    }
}

enum error_code check_keys(struct preflight *preflight, struct finding *finding, struct error *err)
{
    const struct keys_request request = {
        .path = preflight->path,
        .source = preflight->source,
        .config = preflight->config,
        .clock = preflight->clock,
        .log = preflight->log,
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
    size_t encrypted = 0;
    enum error_code code = keys_check(&request, err);
    if (code != ERR_NONE)
        return finding_take(finding, code, remedy_of_key(code), err);
    for (size_t i = 0; i < preflight->volumes.count; i++)
        encrypted += preflight->volumes.items[i].encrypted;
    finding_add(finding, VERDICT_OK, "", "%zu of %zu volumes are encrypted%s", encrypted,
                preflight->volumes.count,
                encrypted == 0 ? ""
                               : "; their keys and those of the copies are there, enabled, "
                                 "and may be used");
    return ERR_NONE;
}
