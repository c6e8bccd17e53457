#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

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

/* A run's journal takes some MiB; a store without room ends it with the writers shut out. */
#define STORE_ROOM_BYTES (INT64_C(64) << 20)

#define SKEW_WARN_MS (5 * MS_PER_SECOND)
#define SKEW_FAIL_MS (5 * MS_PER_MINUTE)

static void judge_store_room(const char *store, struct finding *finding)
{
    char room[AMOUNT_TEXT_SIZE];
    struct statvfs facts;
    if (statvfs(store, &facts) != 0)
        return;
    double free_bytes = (double)facts.f_bavail * (double)facts.f_frsize;
    if (free_bytes < STORE_ROOM_BYTES) {
        finding_add(finding, VERDICT_FAIL, "make room there, or name another place with --store",
                    "only %s are free at '%s', and a full store stops a run in its downtime",
                    amount_text(free_bytes, room), store);
    }
}

enum error_code check_store(struct preflight *preflight, struct finding *finding, struct error *err)
{
    (void)err;
    if (preflight->store.code != ERR_NONE) {
        finding_fail(finding, &preflight->store.err,
                     "end that run first, or name another place with --store");
    } else {
        finding_add(finding, VERDICT_OK, "", "'%s' is free, no run is under way",
                    preflight->config->store);
        judge_store_room(preflight->config->store, finding);
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
    char ends[INSTANT_TEXT_SIZE];
    if (who->temporary) {
        finding_add(finding, VERDICT_WARN,
                    "use a role or program that can be asked again; else renew them by hand before "
                    "they end: a run that outlives them stops, maybe in its downtime, until "
                    "'ebshift resume'",
                    "keys of a session that nothing here can renew, which ends %s",
                    who->expires_ms == 0 ? "some time" : instant_text(who->expires_ms, ends));
    }
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

/* How far a clock is behind the service's, in words. The services still sign up to the limit of what
 * fails; a lost answer to the final snapshot is adopted by its instant, and that is theirs. */
static void judge_skew(const char *whose, int64_t skew_ms, enum verdict worst,
                       struct finding *finding)
{
    char text[DURATION_TEXT_SIZE];
    int64_t far_ms = llabs(skew_ms);
    const char *side = skew_ms > 0 ? "behind" : "ahead of";
    (void)duration_text(far_ms, text);
    if (far_ms < MS_PER_SECOND) {
        finding_add(finding, VERDICT_OK, "", "%s is within a second of the service's", whose);
    } else if (far_ms <= SKEW_WARN_MS) {
        finding_add(finding, VERDICT_OK, "", "%s is %s %s the service's", whose, text, side);
    } else {
        finding_add(finding, far_ms > SKEW_FAIL_MS ? worst : VERDICT_WARN,
                    "let chrony or systemd-timesyncd keep it", "%s is %s %s the service's", whose,
                    text, side);
    }
}

/* Read some time between question and answer: only what that cannot explain is its fault. No call is
 * signed there, but who recovers to a point in time, or reads its log, goes by it. */
static void look_at_clock_there(const struct preflight *preflight, struct finding *finding)
{
    const struct survey *survey = preflight->survey;
    const struct clock ours = clock_system();
    char whose[80];
    struct error why = {0};
    int64_t theirs_ms = 0;
    int64_t before_ms = clock_now_ms(&ours);
    if (survey->now(survey->self, &theirs_ms, &why) != ERR_NONE) {
        finding_add(finding, VERDICT_WARN, "see that ebshift-hold runs there", "%s", why.message);
        return;
    }
    int64_t after_ms = clock_now_ms(&ours);
    int64_t behind_us_ms = 0;
    if (theirs_ms < before_ms)
        behind_us_ms = before_ms - theirs_ms;
    if (theirs_ms > after_ms)
        behind_us_ms = after_ms - theirs_ms;
    (void)snprintf(whose, sizeof(whose), "the clock of '%.60s'", survey->host);
    judge_skew(whose, behind_us_ms + preflight->skew_ms, VERDICT_WARN, finding);
}

enum error_code check_clock(struct preflight *preflight, struct finding *finding, struct error *err)
{
    (void)err;
    if (preflight->skew_ms == 0) {
        finding_add(finding, VERDICT_SKIPPED, "", "the service told no date");
    } else {
        judge_skew("this machine's clock", preflight->skew_ms, VERDICT_FAIL, finding);
    }
    if (preflight->survey != NULL && preflight->survey->host != NULL)
        look_at_clock_there(preflight, finding);
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
