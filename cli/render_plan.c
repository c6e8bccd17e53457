#include "cli/render_plan.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/param.h>

#include "cli/json_out.h"
#include "model/amount.h"
#include "model/instant.h"
#include "model/price.h"
#include "model/timed_copy.h"

/* "41m (30m to 1h2m)" */
static const char *spread(const struct quantiles *seconds, char *text, size_t size)
{
    char low[DURATION_TEXT_SIZE];
    char middle[DURATION_TEXT_SIZE];
    char high[DURATION_TEXT_SIZE];
    (void)snprintf(text, size, "%s (%s to %s)", duration_text(llround(seconds->p50 * 1000), middle),
                   duration_text(llround(seconds->p05 * 1000), low),
                   duration_text(llround(seconds->p95 * 1000), high));
    return text;
}

static void print_row(FILE *out, const char *name, int64_t at_ms, const struct quantiles *delta,
                      const struct quantiles *seconds)
{
    char at[INSTANT_TEXT_SIZE];
    char bytes[AMOUNT_TEXT_SIZE];
    char took[3 * DURATION_TEXT_SIZE + 8];
    (void)fprintf(out, "  %-6s %-21s %10s  %s\n", name, instant_text(at_ms / 1000 * 1000, at),
                  amount_text(delta->p50, bytes), spread(seconds, took, sizeof(took)));
}

static void print_rounds(const struct plan *plan, FILE *out)
{
    (void)fprintf(out, "\n  %-6s %-21s %10s  %s\n", "round", "starts", "delta",
                  "snapshot and copy (p05 to p95)");
    for (size_t i = 0; i < plan->round_count; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "%zu%s", i + 1, plan->rounds[i].full ? " full" : "");
        print_row(out, name, plan->rounds[i].starts_at_ms, &plan->rounds[i].delta_bytes,
                  &plan->rounds[i].duration_s);
    }
    print_row(out, "final", plan->final.cut_at_ms, &plan->final.delta_bytes, &plan->downtime_s);
    if (plan->round_count > 0) {
        (void)fprintf(out,
                      "  after each round the rest is planned anew: about %.0f rounds in all\n",
                      fmax(round(plan->expected_rounds), (double)plan->round_count));
    }
}

/* Where each copy of a round is made; nothing for the one that everybody expects. */
static void print_hops(const struct path *path, FILE *out)
{
    char place[PATH_PLACE_SIZE];
    for (size_t i = 0; path->account_id[0] != '\0' && i < path->count; i++) {
        const char *key_id = path->hops[i].key_id;
        path_place(path, i, place);
        (void)fprintf(out, "copy %zu    to %s%s%s\n", i + 1, place,
                      key_id[0] == '\0' ? "" : ", under ", key_id);
    }
}

/* What others have in flight that a round has to wait for. */
static void print_others(const struct outlook_request *request, const struct outlook *outlook,
                         FILE *out)
{
    char since[INSTANT_TEXT_SIZE];
    for (size_t i = 0; i < outlook->member_count; i++) {
        char told[32] = "";
        const struct plan_member *member = &outlook->members[i];
        if (member->foreign_ms == 0)
            continue;
        if (member->foreign_percent >= 0)
            (void)snprintf(told, sizeof(told), ", at %d %%", member->foreign_percent);
        (void)fprintf(out, "waits for %s of %s, in flight since %s%s\n", outlook->foreign_ids[i],
                      request->config->volumes[i],
                      instant_text(member->foreign_ms / 1000 * 1000, since), told);
    }
    if (outlook->places_held > 0) {
        char place[PATH_PLACE_SIZE];
        path_place(request->path, outlook->places_hop, place);
        (void)fprintf(out, "others hold %zu of the %zu places for copies into %s\n",
                      outlook->places_held, outlook->places.count, place);
    }
}

/* The bytes of a step whose copies are asked to be quick: standard ones would take longer. */
static double timed_bytes(const struct outlook_request *request, const struct quantiles *copy_s,
                          const struct quantiles *delta_bytes)
{
    int64_t limit_ms = request->config->copy_duration_ms;
    double asked_s = (double)limit_ms / MS_PER_SECOND * (double)request->path->count;
    return limit_ms > 0 && copy_s->p50 >= asked_s - 1 ? delta_bytes->p50 : 0;
}

/* What the series costs: the snapshots are kept from the first round to the cut. */
static struct price_input price_of(const struct outlook_request *request, const struct plan *plan)
{
    const struct path *path = request->path;
    const struct plan_final *final = &plan->final;
    struct price_input price = {
        .bytes = plan->expected_bytes,
        .hops = path->count,
        .timed_bytes = timed_bytes(request, &final->copy_s, &final->delta_bytes),
        .copy_ms = request->config->copy_duration_ms,
    };
    for (size_t i = 0; i < path->count; i++)
        price.region_hops += strcmp(path->hops[i].from->region, path->hops[i].to->region) != 0;
    for (size_t i = 0; i < plan->round_count; i++) {
        const struct plan_round *round = &plan->rounds[i];
        price.timed_bytes += timed_bytes(request, &round->copy_s, &round->delta_bytes);
    }
    if (plan->round_count > 0)
        price.kept_ms = (double)(final->cut_at_ms - plan->rounds[0].starts_at_ms);
    return price;
}

/* "about 12 USD", or with cents where it is little. */
static int usd_digits(double usd)
{
    return usd < 10 ? 2 : 0;
}

static void print_price(const struct outlook_request *request, const struct plan *plan, FILE *out)
{
    char bytes[AMOUNT_TEXT_SIZE];
    char each[DURATION_TEXT_SIZE];
    struct price_input price = price_of(request, plan);
    double usd = price_usd(&price);
    (void)fprintf(out,
                  "costs     about %.*f USD by list prices: %s carried%s, kept until the cut\n",
                  usd_digits(usd), usd, amount_text(price.bytes, bytes),
                  price.region_hops > 0 ? " between regions" : "");
    if (price.copy_ms == 0 || price.hops == 0)
        return;
    (void)fprintf(out, "haste     copies that would take more than %s are time-based: ",
                  duration_text(price.copy_ms, each));
    if (price.timed_bytes == 0) {
        (void)fprintf(out, "none\n");
        return;
    }
    double timed_usd = usd;
    (void)amount_text(price.timed_bytes, bytes);
    price.timed_bytes = 0;
    timed_usd -= price_usd(&price);
    (void)fprintf(out, "%s, about %.*f USD of that; quotas %d MiB/s each, %d all\n", bytes,
                  usd_digits(timed_usd), timed_usd, TIMED_COPY_MIB_PER_S, TIMED_COPY_ALL_MIB_PER_S);
}

static bool is_judged(const struct volume_model *model, bool by_account)
{
    return model->prior_only && (model->prior.snapshot_volumes > 0) == by_account;
}

/* The volumes that have no history of their own and are judged alike; nothing if there are none. A
 * first snapshot carried nobody knows what, so it is the second that teaches. */
static void print_judged(const struct outlook_request *request, const struct outlook *outlook,
                         bool by_account, FILE *out)
{
    size_t others = SIZE_MAX;
    size_t named = 0;
    for (size_t i = 0; i < outlook->member_count; i++) {
        const struct volume_model *model = &outlook->models[i];
        if (is_judged(model, by_account))
            others = MIN(others, model->prior.snapshot_volumes);
    }
    if (others == SIZE_MAX)
        return;
    if (by_account)
        (void)fprintf(out, "note      judged by %zu others of the account", others);
    else
        (void)fprintf(out, "note      judged by general experience alone");
    for (size_t i = 0; i < outlook->member_count; i++) {
        const struct volume_model *model = &outlook->models[i];
        if (!is_judged(model, by_account))
            continue;
        (void)fprintf(out, "%s%s", named == 0 ? ", until a second snapshot: " : ", ",
                      request->config->volumes[i]);
        named++;
    }
    (void)fprintf(out, "\n");
}

void render_plan_text(const struct outlook_request *request, const struct outlook *outlook,
                      FILE *out)
{
    const struct plan *plan = &outlook->plan;
    char start[INSTANT_TEXT_SIZE];
    char end[INSTANT_TEXT_SIZE];
    char down[3 * DURATION_TEXT_SIZE + 8];
    const char *account = request->config->target_account;
    (void)fprintf(out, "%s -> %s%s%s, %zu volume%s, window %s to %s\n", request->source->region,
                  request->config->target_region, account[0] == '\0' ? "" : " in account ", account,
                  outlook->member_count, outlook->member_count == 1 ? "" : "s",
                  instant_text(request->window_start_ms, start),
                  instant_text(request->window_end_ms, end));
    if (request->config->blackout[0] != '\0')
        (void)fprintf(out, "nothing begins in %s\n", request->config->blackout);
    print_hops(request->path, out);
    print_others(request, outlook, out);
    print_rounds(plan, out);
    (void)fprintf(out, "\ndowntime  %s\n", spread(&plan->downtime_s, down, sizeof(down)));
    (void)fprintf(out, "window    missed with probability %.1f %% (wanted: at most %.1f %%)\n",
                  plan->window_miss_probability * 100, (1 - request->confidence) * 100);
    (void)fprintf(out, "verdict   %s: %s\n", plan->fits ? "go" : "NO-GO", plan->reason);
    if (plan->remedy[0] != '\0')
        (void)fprintf(out, "remedy    %s\n", plan->remedy);
    if (plan->start_by_ms > 0)
        (void)fprintf(out, "start by  %s\n", instant_text(plan->start_by_ms / 1000 * 1000, start));
    print_price(request, plan, out);
    (void)fprintf(out, "no return %s\n", plan->point_of_no_return);
    if (plan->calibrates) {
        (void)fprintf(out, "note      no transfer so far was nearly as small as the final: a round "
                           "now shows how quick small ones are\n");
    }
    print_judged(request, outlook, false, out);
    print_judged(request, outlook, true, out);
}

static void add_three(struct json_out *object, const char *name, const struct quantiles *q)
{
    json_out_three(object, name, q->p05, q->p50, q->p95);
}

static void add_hops(struct json_out *document, const struct path *path)
{
    struct json_out *hops = json_out_array(document, "copies");
    bool crossed = false;
    for (size_t i = 0; i < path->count; i++) {
        struct json_out *item = json_out_item(hops);
        crossed = crossed || path->hops[i].crosses;
        json_out_text(item, "region", path->hops[i].to->region);
        json_out_text(item, "account_id", crossed ? path->account_id : "");
        json_out_text(item, "kms_key_id", path->hops[i].key_id);
    }
}

static void add_others(struct json_out *document, const struct outlook_request *request,
                       const struct outlook *outlook)
{
    struct json_out *waits = json_out_array(document, "waits_for");
    for (size_t i = 0; i < outlook->member_count; i++) {
        const struct plan_member *member = &outlook->members[i];
        if (member->foreign_ms == 0)
            continue;
        struct json_out *item = json_out_item(waits);
        json_out_text(item, "snapshot_id", outlook->foreign_ids[i]);
        json_out_text(item, "volume_id", request->config->volumes[i]);
        json_out_instant(item, "started_at", member->foreign_ms);
        json_out_int(item, "progress_percent", member->foreign_percent);
    }
    if (request->path->count == 0)
        return;
    struct json_out *places = json_out_object(document, "copy_places");
    json_out_text(places, "region", request->path->hops[outlook->places_hop].to->region);
    json_out_int(places, "count", (int64_t)outlook->places.count);
    json_out_int(places, "held_by_others", (int64_t)outlook->places_held);
}

static void add_rounds(struct json_out *document, const struct plan *plan)
{
    struct json_out *rounds = json_out_array(document, "rounds");
    for (size_t i = 0; i < plan->round_count; i++) {
        const struct plan_round *round = &plan->rounds[i];
        struct json_out *item = json_out_item(rounds);
        json_out_instant(item, "starts_at", round->starts_at_ms);
        json_out_bool(item, "full", round->full);
        add_three(item, "delta_bytes", &round->delta_bytes);
        add_three(item, "duration_seconds", &round->duration_s);
        add_three(item, "snapshot_seconds", &round->snapshot_s);
        add_three(item, "copy_seconds", &round->copy_s);
    }
}

static void add_final(struct json_out *document, const struct plan *plan)
{
    struct json_out *final = json_out_object(document, "final");
    json_out_instant(final, "cut_at", plan->final.cut_at_ms);
    add_three(final, "delta_bytes", &plan->final.delta_bytes);
    add_three(final, "snapshot_seconds", &plan->final.snapshot_s);
    add_three(final, "copy_seconds", &plan->final.copy_s);
}

static void add_window(struct json_out *document, const struct outlook_request *request)
{
    struct json_out *window = json_out_object(document, "window");
    json_out_instant(window, "start_at", request->window_start_ms);
    json_out_instant(window, "end_at", request->window_end_ms);
}

/* The recursion behind the plan, for those who want to know why. */
static void add_series(struct json_out *document, const struct series *series)
{
    struct json_out *object = json_out_object(document, "series");
    json_out_real(object, "settles_at_seconds", series->round_s);
    json_out_real(object, "floor_seconds", series->floor_s);
    json_out_real(object, "contraction", series->contraction);
    json_out_real(object, "amplification", series->amplification);
    json_out_text(object, "reason", series->reason);
}

void render_plan_json(const struct outlook_request *request, const struct outlook *outlook,
                      FILE *out)
{
    const struct plan *plan = &outlook->plan;
    struct json_out *document = json_out_new();
    json_out_text(document, "schema", "ebshift.plan.1");
    json_out_text(document, "source_region", request->source->region);
    json_out_text(document, "target_region", request->config->target_region);
    json_out_text(document, "target_account_id", request->config->target_account);
    json_out_text(document, "blackout", request->config->blackout);
    add_hops(document, request->path);
    add_others(document, request, outlook);
    struct json_out *volumes = json_out_array(document, "volumes");
    for (size_t i = 0; i < request->config->volume_count; i++)
        json_out_item_text(volumes, request->config->volumes[i]);
    json_out_bool(document, "converges", plan->converges);
    json_out_bool(document, "fits", plan->fits);
    json_out_text(document, "reason", plan->reason);
    json_out_text(document, "remedy", plan->remedy);
    json_out_bool(document, "prior_only", plan->prior_only);
    json_out_bool(document, "calibrates", plan->calibrates);
    add_rounds(document, plan);
    json_out_real(document, "expected_rounds", plan->expected_rounds);
    json_out_real(document, "expected_bytes", plan->expected_bytes);
    struct price_input price = price_of(request, plan);
    json_out_real(document, "expected_cost_usd", price_usd(&price));
    json_out_real(document, "copy_duration_seconds",
                  (double)request->config->copy_duration_ms / MS_PER_SECOND);
    add_final(document, plan);
    add_three(document, "downtime_seconds", &plan->downtime_s);
    json_out_real(document, "downtime_promise_seconds", plan->downtime_promise_s);
    json_out_real(document, "confidence", request->confidence);
    add_window(document, request);
    json_out_real(document, "window_miss_probability", plan->window_miss_probability);
    json_out_text(document, "point_of_no_return", plan->point_of_no_return);
    json_out_instant(document, "start_by_at", plan->start_by_ms);
    json_out_instant(document, "earliest_cut_at", plan->earliest_cut_ms);
    add_series(document, &plan->series);
    json_out_print(document, out);
}
