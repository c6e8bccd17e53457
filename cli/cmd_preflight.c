#include <stdlib.h>
#include <string.h>

#include "cli/canary.h"
#include "cli/cmd.h"
#include "cli/facts_file.h"
#include "cli/learn.h"
#include "cli/render_preflight.h"
#include "cli/whole_file.h"
#include "core/preflight/preflight.h"

/* What one preflight holds; large, so it lies on the heap. */
struct flight {
    struct preflight preflight;
    struct pg_facts facts;
    struct pg_collations collations;
    struct machine_facts there;
    struct finding *findings; /* heap: one per check, and the canary's */
    struct canary_times times;
    struct preflight_view view;
};

static void flight_free(struct flight **flight)
{
    if (*flight == NULL)
        return;
    preflight_done(&(*flight)->preflight);
    pg_facts_done(&(*flight)->facts);
    free((*flight)->findings);
    free(*flight);
}

static enum error_code flight_new(struct flight **flight, struct error *err)
{
    struct flight *made = calloc(1, sizeof(*made));
    if (made != NULL)
        made->findings = calloc(check_count + 1, sizeof(*made->findings));
    *flight = made;
    if (made == NULL || made->findings == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold the findings");
    return ERR_NONE;
}

/* What only the session can do is done here; how it went is for the checks to tell. */
static void find_out(struct session *session, struct flight *flight)
{
    struct preflight *preflight = &flight->preflight;
    struct outcome *store = &preflight->store;
    struct outcome *database = &preflight->database;
    struct outcome *mounts = &preflight->mounts;
    store->code = session_open_store(session, &store->err);
    if (store->code == ERR_NONE)
        store->code = learn_no_other(session, &store->err);
    preflight->memory = session->store;
    if (session->config.data_directory[0] == '\0')
        return;
    preflight->facts = &flight->facts;
    database->code = session_read_facts(session, &flight->facts, &database->err);
    if (database->code != ERR_NONE)
        return;
    mounts->code = session_find_mounts(session, &flight->facts, &mounts->err);
    preflight->collations = &flight->collations;
    preflight->ordered.code =
        session_read_collations(session, &flight->collations, &preflight->ordered.err);
}

static void prepare(struct session *session, struct flight *flight)
{
    struct preflight *preflight = &flight->preflight;
    *preflight = (struct preflight){
        .config = &session->config,
        .source = &session->source,
        .target = &session->target,
        .path = &session->path,
        .clock = &session->clock,
        .log = &session->log,
        .fence = !session->options.no_fence,
        .backup = session->options.backup_mode,
        .window_end_ms = session->options.window_end_ms,
        .there = session->options.target_facts_path == NULL ? NULL : &flight->there,
    };
    find_out(session, flight);
    preflight->survey = session_survey(session);
    preflight->mount_points = session->mount_list;
    preflight->mount_count = session->mount_count;
    flight->view = (struct preflight_view){
        .config = &session->config,
        .at_ms = clock_now_ms(&session->clock),
        .findings = flight->findings,
        .finding_count = check_count,
    };
}

/* ---- canary ---- */

static void tell_times(const struct cloud_volume *like, const struct canary_times *times,
                       struct finding *finding)
{
    char texts[4][DURATION_TEXT_SIZE];
    finding_add(finding, VERDICT_OK, "",
                "as '%s': snapshot %s, copies %s, volume %s, removed in %s", like->id,
                duration_text(times->snapshot_ms, texts[0]),
                duration_text(times->copy_ms, texts[1]), duration_text(times->volume_ms, texts[2]),
                duration_text(times->remove_ms, texts[3]));
}

/* One for each key: what lies under the same key takes the same way. */
static bool was_sent(const struct cloud_volumes *volumes, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (strcmp(volumes->items[j].key_id, volumes->items[i].key_id) == 0)
            return true;
    }
    return false;
}

/* A right that only the canary's own volume and its snapshot need says nothing about the move. */
static void tell_failure(const struct canary_times *times, const struct error *err,
                         struct finding *finding)
{
    if (err->code == ERR_ACCESS && times->snapshot_ms < 0) {
        finding_add(finding, VERDICT_WARN,
                    "only the canary needs this on the source's side: docs/preflight.md",
                    "no canary was sent: %s", err->message);
    } else {
        finding_fail(finding, err, "the move would fail the same way");
    }
}

static enum error_code fly(struct session *session, struct flight *flight, struct finding *finding,
                           struct error *err)
{
    const struct cloud_volumes *volumes = &flight->preflight.volumes;
    char removed[RUN_ID_SIZE];
    enum error_code code = canary_tidy(session, removed, err);
    for (size_t i = 0; code == ERR_NONE && i < volumes->count; i++) {
        if (was_sent(volumes, i))
            continue;
        flight->view.canary = &flight->times;
        code = canary_fly(session, &volumes->items[i], &flight->times, err);
        if (code == ERR_NONE)
            tell_times(&volumes->items[i], &flight->times, finding);
    }
    if (code == ERR_INTERRUPTED)
        return error_prefix(err, "the canary stays until the next one, or 'ebshift abort'");
    if (code != ERR_NONE)
        tell_failure(&flight->times, err, finding);
    return ERR_NONE;
}

static enum error_code send_canary(struct session *session, struct flight *flight,
                                   struct error *err)
{
    struct finding *finding = &flight->findings[check_count];
    if (!session->options.canary)
        return ERR_NONE;
    bool stopped = preflight_view_count(&flight->view, VERDICT_FAIL) > 0;
    flight->view.finding_count++;
    if (!stopped)
        return fly(session, flight, finding, err);
    finding_add(finding, VERDICT_SKIPPED, "", "not sent, as a check says no");
    return ERR_NONE;
}

/* ---- result ---- */

static void print_report(const void *view, FILE *out)
{
    render_preflight_json(view, out);
}

static enum error_code show(const struct session *session, const struct preflight_view *view,
                            struct error *err)
{
    if (session->options.json) {
        render_preflight_json(view, stdout);
    } else {
        render_preflight_text(view, stdout);
    }
    if (session->options.report_path == NULL)
        return ERR_NONE;
    return whole_file_write(session->options.report_path, print_report, view, err);
}

static enum error_code judge(const struct preflight_view *view, struct error *err)
{
    char names[300];
    preflight_view_failed(view, names, sizeof(names));
    if (names[0] == '\0')
        return ERR_NONE;
    return error_set(err, ERR_NO_GO, "no-go: %s", names);
}

enum error_code cmd_preflight(struct session *session, struct error *err)
{
    CLEANUP(flight_free) struct flight *flight = NULL;
    const struct options *options = &session->options;
    if (options->facts_path != NULL)
        return facts_file_write(options->facts_path, err);
    TRY(flight_new(&flight, err));
    if (options->target_facts_path != NULL)
        TRY(facts_file_read(options->target_facts_path, &flight->there, err));
    TRY(session_configure(session, true, err));
    TRY(session_open_clouds(session, err));
    TRY(config_check(&session->config, err));
    prepare(session, flight);
    TRY(preflight_run(&flight->preflight, flight->findings, err));
    TRY(send_canary(session, flight, err));
    TRY(show(session, &flight->view, err));
    return judge(&flight->view, err);
}
