#include "cli/drive.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/learn.h"
#include "cli/render_run.h"
#include "cli/whole_file.h"
#include "model/instant.h"

struct engine drive_engine(struct session *session, const struct run *run)
{
    return (struct engine){
        .config = &session->config,
        .source = &session->source,
        .target = &session->target,
        .path = &session->path,
        .quiesce = session->has_quiesce ? &session->quiesce : NULL,
        .counter = &session->counter,
        .store = session->store,
        .clock = &session->clock,
        .log = &session->log,
        .run = *run,
        .force = session->options.force,
        .keep_snapshots = session->options.keep_snapshots,
    };
}

#define COPY_TEXT(to, from) (void)snprintf((to), sizeof(to), "%s", (from))

/* "20261123T050924-1a2b": sorts by time, and two machines do not meet. */
static void make_id(int64_t now_ms, char id[RUN_ID_SIZE])
{
    struct civil at = instant_to_civil(now_ms);
    (void)snprintf(id, RUN_ID_SIZE, "%04d%02d%02dT%02d%02d%02d-%04x", at.year % 10000, at.month,
                   at.day, at.hour, at.minute, at.second,
                   (unsigned)((uint64_t)clock_mono_us() * 2654435761U >> 16 & 0xffff));
}

struct run drive_new_run(const struct session *session, const char *source_account)
{
    const struct config *config = &session->config;
    struct run run = {.created_ms = clock_now_ms(&session->clock)};
    make_id(run.created_ms, run.id);
    COPY_TEXT(run.source_region, config->source_region);
    COPY_TEXT(run.source_instance, config->source_instance);
    COPY_TEXT(run.target_region, config->target_region);
    COPY_TEXT(run.target_zone, config->target_zone);
    COPY_TEXT(run.target_instance, config->target_instance);
    COPY_TEXT(run.target_key, config->target_key);
    COPY_TEXT(run.source_account, source_account);
    COPY_TEXT(run.target_account, config->target_account);
    COPY_TEXT(run.target_profile, config->target_profile);
    COPY_TEXT(run.target_role, config->target_role);
    COPY_TEXT(run.target_external_id, config->target_external_id);
    COPY_TEXT(run.via_region, config->via_region);
    COPY_TEXT(run.via_key, config->via_key);
    return run;
}

/* How to act in the target's account may have changed since the run began: then a flag tells. */
static void take_credentials(const struct options *options, struct config *config,
                             const struct run *run)
{
    if (opt_sets(options, "target.profile") || opt_sets(options, "target.role") ||
        opt_sets(options, "target.external_id"))
        return;
    COPY_TEXT(config->target_profile, run->target_profile);
    COPY_TEXT(config->target_role, run->target_role);
    COPY_TEXT(config->target_external_id, run->target_external_id);
}

static void take_places(struct config *config, const struct run *run)
{
    COPY_TEXT(config->source_region, run->source_region);
    COPY_TEXT(config->target_region, run->target_region);
    COPY_TEXT(config->target_key, run->target_key);
    COPY_TEXT(config->target_account, run->target_account);
    COPY_TEXT(config->via_region, run->via_region);
    COPY_TEXT(config->via_key, run->via_key);
}

void drive_take_run(struct session *session, const struct run *run)
{
    take_places(&session->config, run);
    take_credentials(&session->options, &session->config, run);
}

enum error_code drive_check_accounts(struct session *session, const struct run *run,
                                     struct error *err)
{
    char account[sizeof(run->source_account)];
    if (run->source_account[0] == '\0')
        return ERR_NONE;
    TRY(learn_accounts(session, account, err));
    if (strcmp(account, run->source_account) == 0)
        return ERR_NONE;
    return error_set(err, ERR_CONFIG, "the credentials are of account '%s', run '%s' is in '%s'",
                     account, run->id, run->source_account);
}

/* Past the cut a run goes on without its database, and an abort needs it only to lift a fence: the
 * old server may be what has failed. */
static bool needs_database(struct session *session, const struct run *run, bool aborting)
{
    CLEANUP_STRBUF struct strbuf record = {.max_bytes = 1 << 20};
    if (!aborting && run->state != STATE_ABORTING)
        return run->state <= STATE_CUT;
    enum error_code code = store_get_text(session->store, run->id, "unfence.sql", &record, NULL);
    return code != ERR_NOT_FOUND && (code != ERR_NONE || record.length > 0);
}

static enum error_code reopen_quiesce(struct session *session, const struct run *run, bool aborting,
                                      struct error *err)
{
    enum error_code code = session_open_quiesce(session, err);
    if (code == ERR_NONE || needs_database(session, run, aborting))
        return code;
    log_event(&session->log, LOG_WARN, clock_now_ms(&session->clock),
              "going on without the database: %s", err->message);
    return ERR_NONE;
}

enum error_code drive_reopen(struct session *session, struct run *run, bool aborting,
                             struct error *err)
{
    const struct options *options = &session->options;
    TRY(session_configure(session, true, err));
    TRY(session_open_store(session, err));
    TRY(store_get_run(session->store, options->operand_count > 0 ? options->operands[0] : NULL, run,
                      err));
    if (machine_is_final(run->state)) {
        return error_set(err, ERR_STATE, "run '%s' is %s already", run->id,
                         machine_name(run->state));
    }
    drive_take_run(session, run);
    TRY(session_open_clouds(session, err));
    TRY(config_check(&session->config, err));
    TRY(drive_check_accounts(session, run, err));
    return reopen_quiesce(session, run, aborting, err);
}

static void print_text(const void *context, FILE *out)
{
    (void)fputs(strbuf_text(context), out);
}

/* Writes a text of the run beside the store, for psql or a restored data directory. */
static void export_text(struct session *session, const char *run_id, const char *name,
                        const char *told)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 1 << 20};
    char path[CONFIG_TEXT_SIZE + 64];
    struct error err = {0};
    if (store_get_text(session->store, run_id, name, &text, NULL) != ERR_NONE || text.length == 0)
        return;
    (void)snprintf(path, sizeof(path), "%s/%s.%s", session->config.store, run_id, name);
    if (access(path, F_OK) != 0 && whole_file_write(path, print_text, &text, &err) != ERR_NONE) {
        log_event(&session->log, LOG_WARN, clock_now_ms(&session->clock),
                  "%s; 'ebshift status %s' tries again", err.message, run_id);
    } else if (!session->options.json) {
        (void)printf("%s %s\n", told, path);
    }
}

void drive_export_texts(struct session *session, const struct run *run)
{
    if (run->state != STATE_DONE)
        return;
    export_text(session, run->id, "unfence.sql",
                "next       the copy carries the fence; lift it there: psql -d template1 -f");
    export_text(session, run->id, "backup_label", "backup     backup_label is in");
    export_text(session, run->id, "tablespace_map", "backup     tablespace_map is in");
}

enum error_code drive_show(struct session *session, const char *run_id, enum error_code code,
                           struct error *err)
{
    CLEANUP_RUN_VIEW struct run_view view = {0};
    struct error late = {0};
    enum error_code shown = run_view_load(session->store, run_id, &view, &late);
    if (shown != ERR_NONE) {
        if (code == ERR_NONE)
            *err = late;
        return code == ERR_NONE ? shown : code;
    }
    if (session->options.json && code == ERR_NONE) {
        render_run_json(&view, clock_now_ms(&session->clock), "summary", stdout);
    } else if (!session->options.json) {
        render_run_text(&view, clock_now_ms(&session->clock), stdout);
    }
    if (code == ERR_NONE)
        drive_export_texts(session, &view.run);
    return code;
}
