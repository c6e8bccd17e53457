#include "cli/learn.h"

#include <stdio.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/collect.h"
#include "core/engine/counting.h"
#include "core/engine/keys.h"
#include "core/preflight/identity.h"
#include "core/preflight/target.h"
#include "model/instant.h"

enum error_code learn_open(struct session *session, struct error *err)
{
    TRY(session_configure(session, true, err));
    TRY(session_open_clouds(session, err));
    TRY(config_check(&session->config, err));
    return session_open_store(session, err);
}

enum error_code learn_no_other(struct session *session, struct error *err)
{
    struct run last;
    enum error_code code = store_get_run(session->store, NULL, &last, err);
    if (code == ERR_NO_RUN)
        return ERR_NONE;
    TRY(code);
    if (machine_is_final(last.state))
        return ERR_NONE;
    return error_set(err, ERR_STATE, "run '%s' is not over: resume or abort it first", last.id);
}

enum error_code learn_accounts(struct session *session, char source_account[16], struct error *err)
{
    struct cloud_identity source = {0};
    struct cloud_identity target = {0};
    bool other = false;
    TRY(identity_ask(&session->source, &session->clock, &session->log, &source, err));
    (void)snprintf(source_account, sizeof(source.account_id), "%s", source.account_id);
    TRY(identity_check_source(&session->config, &source, &other, err));
    if (!other)
        return ERR_NONE;
    TRY(identity_ask(&session->target, &session->clock, &session->log, &target, err));
    return identity_check_target(&session->config, &target, err);
}

static enum error_code check_keys(struct session *session, struct error *err)
{
    const struct keys_request request = {
        .path = &session->path,
        .source = &session->source,
        .config = &session->config,
        .clock = &session->clock,
        .log = &session->log,
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
    return keys_check(&request, err);
}

enum error_code learn_target(struct session *session, struct error *err)
{
    char account[16];
    if (session->config.target_account[0] != '\0')
        TRY(learn_accounts(session, account, err));
    const struct target_check check = {
        .config = &session->config,
        .cloud = &session->target,
        .clock = &session->clock,
        .log = &session->log,
    };
    TRY(target_check(&check, err));
    return check_keys(session, err);
}

enum error_code learn_collect(struct session *session, struct error *err)
{
    struct collect_request request = {
        .source = &session->source,
        .path = &session->path,
        .store = session->store,
        .clock = &session->clock,
        .log = &session->log,
        .max_gaps = LEARN_GAPS,
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
    for (size_t i = 0; i < session->config.volume_count; i++) {
        struct collect_result result;
        TRY(collect_volume(&request, session->config.volumes[i], &result, err));
        log_event(&session->log, LOG_DEBUG, clock_now_ms(&session->clock),
                  "'%s': %zu snapshots, %zu gaps listed, %zu periods of writes added",
                  session->config.volumes[i], result.snapshots, result.gaps_listed, result.periods);
    }
    struct counting counting = {
        .counter = &session->counter,
        .config = &session->config,
        .store = session->store,
        .clock = &session->clock,
        .log = &session->log,
    };
    return counting_read(&counting, err);
}

enum error_code learn_request(struct session *session, struct outlook_request *request,
                              struct error *err)
{
    const struct options *options = &session->options;
    char end[INSTANT_TEXT_SIZE];
    if (options->window_end_ms == 0)
        return error_set(err, ERR_INVALID, "--window START/END is needed");
    if (options->window_end_ms <= clock_now_ms(&session->clock)) {
        return error_set(err, ERR_INVALID, "the window is in the past: it ended at %s",
                         instant_text(options->window_end_ms, end));
    }
    *request = (struct outlook_request){
        .config = &session->config,
        .source = &session->source,
        .path = &session->path,
        .store = session->store,
        .clock = &session->clock,
        .log = &session->log,
        .window_start_ms = options->window_start_ms,
        .window_end_ms = options->window_end_ms,
        .max_downtime_ms = session->config.max_downtime_ms,
        .confidence = session->config.confidence,
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
    return ERR_NONE;
}
