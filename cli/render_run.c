#include "cli/render_run.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"
#include "model/amount.h"
#include "model/instant.h"

void run_view_done(struct run_view *view)
{
    free(view->rounds);
    free(view->objects);
    free(view->steps);
    *view = (struct run_view){0};
}

enum error_code run_view_load(struct store *store, const char *run_id, struct run_view *view,
                              struct error *err)
{
    CLEANUP_RUN_VIEW struct run_view read = {0};
    TRY(store_get_run(store, run_id, &read.run, err));
    TRY(store_get_rounds(store, read.run.id, &read.rounds, &read.round_count, err));
    TRY(store_get_objects(store, read.run.id, &read.objects, &read.object_count, err));
    TRY(store_get_journal(store, read.run.id, &read.steps, &read.step_count, err));
    *view = read;
    read = (struct run_view){0};
    return ERR_NONE;
}

/* What a round took; the final one as long as the service was down. -1 while it runs. */
static int64_t round_ms(const struct run_view *view, const struct round *round)
{
    bool copies = strcmp(view->run.source_region, view->run.target_region) != 0 ||
                  view->run.target_account[0] != '\0';
    int64_t end_ms = copies ? round->copy_done_ms : round->snapshot_done_ms;
    if (round->final)
        return view->run.up_ms > 0 ? view->run.up_ms - view->run.down_ms : -1;
    return end_ms > 0 ? end_ms - round->started_ms : -1;
}

/* When the present round should be over, by its own prediction. */
static void eta(const struct run_view *view, int64_t eta_ms[3])
{
    const struct round *last = view->round_count > 0 ? &view->rounds[view->round_count - 1] : NULL;
    for (int i = 0; i < 3; i++)
        eta_ms[i] = 0;
    if (last == NULL || machine_is_final(view->run.state) || round_ms(view, last) >= 0)
        return;
    int64_t start_ms = last->started_ms > 0 ? last->started_ms : last->planned_ms;
    for (int i = 0; i < 3; i++)
        eta_ms[i] = start_ms + llround(last->duration_s[i] * 1000);
}

/* ---- text ---- */

static const char *seconds_text(double seconds, char text[DURATION_TEXT_SIZE])
{
    return duration_text(llround(seconds * 1000), text);
}

static void print_round(const struct run_view *view, const struct round *round, FILE *out)
{
    char name[16];
    char at[INSTANT_TEXT_SIZE];
    char bytes[AMOUNT_TEXT_SIZE];
    char actual_bytes[AMOUNT_TEXT_SIZE];
    char low[DURATION_TEXT_SIZE];
    char middle[DURATION_TEXT_SIZE];
    char high[DURATION_TEXT_SIZE];
    char took[DURATION_TEXT_SIZE] = "...";
    char interval[2 * DURATION_TEXT_SIZE + 8];
    int64_t actual_ms = round_ms(view, round);
    int64_t start_ms = round->started_ms > 0 ? round->started_ms : round->planned_ms;
    (void)snprintf(name, sizeof(name),
                   round->final  ? "final"
                   : round->full ? "%d full"
                                 : "%d",
                   round->number);
    (void)snprintf(interval, sizeof(interval), "%s to %s", seconds_text(round->duration_s[0], low),
                   seconds_text(round->duration_s[2], high));
    if (actual_ms >= 0)
        (void)duration_text(actual_ms, took);
    (void)fprintf(out, "  %-7s %-21s %10s %10s %9s  %-18s %9s\n", name,
                  instant_text(start_ms / 1000 * 1000, at),
                  amount_text(round->delta_bytes[1], bytes),
                  amount_text((double)round->actual_delta_bytes, actual_bytes),
                  seconds_text(round->duration_s[1], middle), interval, took);
}

static void print_rounds(const struct run_view *view, FILE *out)
{
    if (view->round_count == 0)
        return;
    (void)fprintf(out, "\n  %-7s %-21s %10s %10s %9s  %-18s %9s\n", "round", "started", "delta",
                  "actual", "predicted", "(p05 to p95)", "actual");
    for (size_t i = 0; i < view->round_count; i++)
        print_round(view, &view->rounds[i], out);
    (void)fprintf(out, "\n");
}

static bool can_come_true(enum machine_state state)
{
    return !machine_is_final(state) && state != STATE_ABORTING;
}

/* The prediction as long as it can come true, with the actual once it is known. */
static void print_downtime(const struct run *run, FILE *out)
{
    char took[DURATION_TEXT_SIZE];
    char low[DURATION_TEXT_SIZE];
    char middle[DURATION_TEXT_SIZE];
    char high[DURATION_TEXT_SIZE];
    bool over = run->up_ms > 0;
    if (!over && (run->downtime_p50_s <= 0 || !can_come_true(run->state)))
        return;
    (void)fprintf(out, "%-10s %s%spredicted %s (%s to %s)\n",
                  run->fence ? "downtime" : "cut to end",
                  over ? duration_text(run->up_ms - run->down_ms, took) : "", over ? "; " : "",
                  seconds_text(run->downtime_p50_s, middle), seconds_text(run->downtime_p05_s, low),
                  seconds_text(run->downtime_p95_s, high));
}

static void print_cut(const struct run *run, FILE *out)
{
    if (run->cut_ms == 0)
        return;
    /* Nothing was frozen, or nobody saw for how long. */
    if (run->freeze_us == 0) {
        (void)fprintf(out, "cut        request %" PRId64 " us", run->request_us);
    } else {
        (void)fprintf(out,
                      "cut        frozen %" PRId64 " us, of which flush %" PRId64
                      " us, request %" PRId64 " us",
                      run->freeze_us, run->flush_us, run->request_us);
        if (run->round_trip_us > 0)
            (void)fprintf(out, ", way to the database %" PRId64 " us", run->round_trip_us);
        (void)fprintf(out, ", thaw %" PRId64 " us", run->thaw_us);
    }
    (void)fprintf(out, "; consistency '%s'%s%s\n", run->consistency,
                  run->lsn[0] == '\0' ? "" : ", WAL at ", run->lsn);
}

static void print_volumes(const struct run_view *view, FILE *out)
{
    for (size_t i = 0; i < view->object_count; i++) {
        const struct object *object = &view->objects[i];
        if (object->kind != OBJECT_VOLUME || object->state != OBJECT_READY)
            continue;
        (void)fprintf(out, "volume     %s -> %s in %s%s%s%s%s\n", object->volume_id, object->id,
                      view->run.target_zone, object->device[0] == '\0' ? "" : ", attached to ",
                      object->device[0] == '\0' ? "" : view->run.target_instance,
                      object->device[0] == '\0' ? "" : " as ", object->device);
    }
}

void render_run_text(const struct run_view *view, int64_t now_ms, FILE *out)
{
    const struct run *run = &view->run;
    char start[INSTANT_TEXT_SIZE];
    char end[INSTANT_TEXT_SIZE];
    char low[INSTANT_TEXT_SIZE];
    int64_t eta_ms[3];
    (void)now_ms;
    eta(view, eta_ms);
    (void)fprintf(out, "run %s: %s -> %s%s%s, window %s to %s\n", run->id, run->source_region,
                  run->target_region, run->target_account[0] == '\0' ? "" : " in account ",
                  run->target_account, instant_text(run->window_start_ms, start),
                  instant_text(run->window_end_ms, end));
    (void)fprintf(out, "state      %s: %s\n", machine_name(run->state),
                  machine_sentence(run->state));
    if (run->failure[0] != '\0')
        (void)fprintf(out, "failed     %s\n", run->failure);
    print_rounds(view, out);
    if (eta_ms[1] > 0) {
        (void)fprintf(
            out, "round ends %s (%s to %s)\n", instant_text(eta_ms[1] / 1000 * 1000, start),
            instant_text(eta_ms[0] / 1000 * 1000, low), instant_text(eta_ms[2] / 1000 * 1000, end));
    }
    print_downtime(run, out);
    print_cut(run, out);
    print_volumes(view, out);
}

/* ---- JSON ---- */

static void add_three(struct json_out *object, const char *name, const double three[3])
{
    json_out_three(object, name, three[0], three[1], three[2]);
}

static void add_seconds(struct json_out *object, const char *name, int64_t ms)
{
    json_out_real(object, name, ms < 0 ? (double)NAN : (double)ms / 1000);
}

static void add_round(struct json_out *rounds, const struct run_view *view,
                      const struct round *round)
{
    struct json_out *item = json_out_item(rounds);
    json_out_int(item, "number", round->number);
    json_out_bool(item, "final", round->final);
    json_out_bool(item, "full", round->full);
    json_out_instant(item, "planned_at", round->planned_ms);
    json_out_instant(item, "started_at", round->started_ms);
    json_out_instant(item, "snapshot_completed_at", round->snapshot_done_ms);
    json_out_instant(item, "copy_started_at", round->copy_started_ms);
    json_out_instant(item, "copy_completed_at", round->copy_done_ms);
    struct json_out *predicted = json_out_object(item, "predicted");
    add_three(predicted, "delta_bytes", round->delta_bytes);
    add_three(predicted, "duration_seconds", round->duration_s);
    add_three(predicted, "snapshot_seconds", round->snapshot_s);
    add_three(predicted, "copy_seconds", round->copy_s);
    struct json_out *actual = json_out_object(item, "actual");
    if (round->actual_delta_bytes >= 0) {
        json_out_int(actual, "delta_bytes", round->actual_delta_bytes);
    } else {
        json_out_real(actual, "delta_bytes", (double)NAN);
    }
    add_seconds(actual, "duration_seconds", round_ms(view, round));
}

static void add_downtime(struct json_out *document, const struct run *run)
{
    struct json_out *downtime = json_out_object(document, "downtime_seconds");
    json_out_three(downtime, "predicted", run->downtime_p05_s, run->downtime_p50_s,
                   run->downtime_p95_s);
    json_out_three(downtime, "first_predicted", run->first_p05_s, run->first_p50_s,
                   run->first_p95_s);
    add_seconds(downtime, "actual", run->up_ms > 0 ? run->up_ms - run->down_ms : -1);
}

static void add_volumes(struct json_out *document, const struct run_view *view)
{
    struct json_out *volumes = json_out_array(document, "volumes");
    for (size_t i = 0; i < view->object_count; i++) {
        const struct object *object = &view->objects[i];
        if (object->kind != OBJECT_VOLUME || object->state == OBJECT_DELETED)
            continue;
        struct json_out *item = json_out_item(volumes);
        json_out_text(item, "source_volume_id", object->volume_id);
        json_out_text(item, "volume_id", object->id);
        json_out_text(item, "snapshot_id", object->from_id);
        json_out_text(item, "region", object->region);
        json_out_text(item, "zone", view->run.target_zone);
        json_out_text(item, "instance_id",
                      object->device[0] == '\0' ? "" : view->run.target_instance);
        json_out_text(item, "device", object->device);
        json_out_bool(item, "ready", object->state == OBJECT_READY);
    }
}

static void add_journal(struct json_out *document, const struct run_view *view)
{
    struct json_out *journal = json_out_array(document, "journal");
    for (size_t i = 0; i < view->step_count; i++) {
        struct json_out *item = json_out_item(journal);
        json_out_text(item, "state", machine_name(view->steps[i].state));
        json_out_int(item, "round", view->steps[i].round);
        json_out_instant(item, "entered_at", view->steps[i].entered_ms);
    }
}

static void add_place(struct json_out *document, const char *name, const char *region,
                      const char *zone, const char *instance)
{
    struct json_out *place = json_out_object(document, name);
    json_out_text(place, "region", region);
    json_out_text(place, "zone", zone);
    json_out_text(place, "instance_id", instance);
}

static void add_times(struct json_out *document, const struct run_view *view, int64_t now_ms)
{
    const struct run *run = &view->run;
    int64_t eta_ms[3];
    eta(view, eta_ms);
    json_out_instant(document, "created_at", run->created_ms);
    json_out_instant(document, "finished_at", run->finished_ms);
    json_out_instant(document, "down_at", run->down_ms);
    json_out_instant(document, "cut_at", run->cut_ms);
    json_out_instant(document, "up_at", run->up_ms);
    json_out_instant(document, "now_at", now_ms);
    json_out_instant(document, "eta_low_at", eta_ms[0]);
    json_out_instant(document, "eta_at", eta_ms[1]);
    json_out_instant(document, "eta_high_at", eta_ms[2]);
}

void render_run_json(const struct run_view *view, int64_t now_ms, const char *message_type,
                     FILE *out)
{
    const struct run *run = &view->run;
    struct json_out *document = json_out_new();
    json_out_text(document, "schema", "ebshift.run.1");
    json_out_text(document, "message_type", message_type);
    json_out_text(document, "run_id", run->id);
    json_out_text(document, "state", machine_name(run->state));
    json_out_text(document, "sentence", machine_sentence(run->state));
    json_out_text(document, "failure", run->failure);
    add_place(document, "source", run->source_region, "", run->source_instance);
    add_place(document, "target", run->target_region, run->target_zone, run->target_instance);
    json_out_text(document, "target_account_id", run->target_account);
    json_out_bool(document, "fence", run->fence);
    json_out_bool(document, "backup_mode", run->backup);
    add_times(document, view, now_ms);
    struct json_out *window = json_out_object(document, "window");
    json_out_instant(window, "start_at", run->window_start_ms);
    json_out_instant(window, "end_at", run->window_end_ms);
    json_out_real(document, "window_miss_probability", run->miss_probability);
    json_out_bool(document, "window_missed", run->up_ms > run->window_end_ms);
    struct json_out *rounds = json_out_array(document, "rounds");
    for (size_t i = 0; i < view->round_count; i++)
        add_round(rounds, view, &view->rounds[i]);
    add_downtime(document, run);
    json_out_int(document, "freeze_us", run->freeze_us);
    json_out_int(document, "flush_us", run->flush_us);
    json_out_int(document, "request_us", run->request_us);
    json_out_int(document, "thaw_us", run->thaw_us);
    json_out_int(document, "round_trip_us", run->round_trip_us);
    json_out_text(document, "consistency", run->consistency);
    json_out_text(document, "lsn", run->lsn);
    add_volumes(document, view);
    add_journal(document, view);
    json_out_print(document, out);
}
