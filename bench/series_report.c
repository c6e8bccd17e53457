#include "bench/series_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/tally.h"
#include "cli/json_out.h"
#include "model/instant.h"

const struct policy policies[POLICIES] = {
    {"oracle", false, policy_oracle},
    {"ebshift", true, policy_ours},
    {"back to back", false, policy_back_to_back},
    {"QEMU's rule", false, policy_qemu},
    {"hourly", false, policy_hourly},
    {"one round", false, policy_once},
};
#define ORACLE 0
#define OURS   1

static double value_at(const double *sorted, size_t count, double part)
{
    return count == 0 ? (double)NAN : sorted[(size_t)(part * (double)(count - 1) + 0.5)];
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* One policy over all worlds; times in minutes. */
struct row {
    size_t done;
    double mean;
    double median;
    double p90;
    double rounds;
    double over_oracle; /* geometric mean of the ratio of downtimes */
    double least_over;  /* the least of these ratios: how hard a bound the oracle is */
};

static struct row row_of(const struct world_result *results, size_t count, size_t policy)
{
    double down[WORLDS_MAX];
    struct row row = {.least_over = INFINITY};
    double logs = 0;
    for (size_t i = 0; i < count; i++) {
        const struct outcome *outcome = &results[i].outcomes[policy];
        if (results[i].failed || !outcome->done)
            continue;
        down[row.done++] = outcome->down_s / 60;
        row.mean += outcome->down_s / 60;
        row.rounds += outcome->rounds;
        double ratio = outcome->down_s / results[i].outcomes[ORACLE].down_s;
        logs += log(ratio);
        row.least_over = fmin(row.least_over, ratio);
    }
    double n = (double)row.done;
    qsort(down, row.done, sizeof(down[0]), by_size);
    row.mean /= n;
    row.rounds /= n;
    row.median = value_at(down, row.done, 0.5);
    row.p90 = value_at(down, row.done, 0.9);
    row.over_oracle = exp(logs / n);
    return row;
}

/* Where outcomes lie in what we told of them. */
struct coverage {
    struct tally first; /* downtimes, as told before anything began */
    struct tally drawn; /* the same before it was corrected */
    struct tally cut;   /* the same, as told when the cut was decided */
    struct tally round_bytes;
    struct tally round_seconds;
};

static struct coverage coverage_of(const struct world_result *results, size_t count)
{
    struct coverage coverage = {0};
    for (size_t i = 0; i < count; i++) {
        const struct outcome *ours = &results[i].outcomes[OURS];
        if (results[i].failed || !ours->done)
            continue;
        tally_add(&coverage.first, &ours->first_s, ours->down_s);
        tally_add(&coverage.drawn, &ours->drawn_s, ours->down_s);
        tally_add(&coverage.cut, &ours->cut_s, ours->down_s);
        tally_join(&coverage.round_bytes, &ours->round_bytes);
        tally_join(&coverage.round_seconds, &ours->round_seconds);
    }
    return coverage;
}

static double share_kept(const struct world_result *results, size_t count)
{
    double told = 0;
    double kept = 0;
    for (size_t i = 0; i < count; i++) {
        const struct outcome *ours = &results[i].outcomes[OURS];
        if (results[i].failed)
            continue;
        told++;
        kept += ours->done && ours->down_s <= ours->promise_s;
    }
    return kept / told;
}

/* The same of what was told when the cut was decided, of which only the tenths are kept. */
static double share_kept_at_cut(const struct coverage *coverage)
{
    const struct tally *cut = &coverage->cut;
    size_t above = (size_t)lround(SCENE_CONFIDENCE * TALLY_TENTHS);
    size_t kept = 0;
    for (size_t i = 0; i < above; i++)
        kept += cut->tenths[i];
    return (double)kept / (double)cut->told;
}

/* Rounds that a plan told of before it began, mean; the full one is among them, as it is in what was
 * made. */
static double mean_told_rounds(const struct world_result *results, size_t count)
{
    double sum = 0;
    double told = 0;
    for (size_t i = 0; i < count; i++) {
        if (results[i].failed || !results[i].outcomes[OURS].done)
            continue;
        sum += results[i].outcomes[OURS].told_rounds;
        told++;
    }
    return sum / told;
}

size_t series_count_failed(const struct world_result *results, size_t count)
{
    size_t failed = 0;
    for (size_t i = 0; i < count; i++)
        failed += results[i].failed;
    return failed;
}

static double percent(size_t part, size_t of)
{
    return of == 0 ? (double)NAN : 100 * (double)part / (double)of;
}

static void print_tally(const char *what, const struct tally *tally)
{
    (void)printf("%-26s %5zu %7.0f %% %7.0f %% %7.0f %% %+9.2f  ", what, tally->told,
                 percent(tally->below_p05, tally->told), percent(tally->below_p50, tally->told),
                 percent(tally->below_p95, tally->told), tally->log_sum / (double)tally->told);
    for (size_t i = 0; i < TALLY_TENTHS; i++)
        (void)printf(" %3.0f", percent(tally->tenths[i], tally->told));
    (void)printf("\n");
}

void series_print_table(const struct world_result *results, size_t count)
{
    (void)printf(
        "%zu worlds from seed %llu, %d h before a window of %d h. Downtime from the fence to "
        "the new volumes, minutes\n\n",
        count, (unsigned long long)results[0].seed, (int)(SCENE_LEAD_MS / MS_PER_HOUR),
        (int)(SCENE_WINDOW_MS / MS_PER_HOUR));
    (void)printf("%-13s %9s %9s %9s %8s %12s %6s %8s\n", "policy", "mean", "median", "p90",
                 "rounds", "over oracle", "least", "gave up");
    for (size_t i = 0; i < POLICIES; i++) {
        struct row row = row_of(results, count, i);
        (void)printf("%-13s %9.1f %9.1f %9.1f %8.1f %12.2f %6.2f %8zu\n", policies[i].name,
                     row.mean, row.median, row.p90, row.rounds, row.over_oracle, row.least_over,
                     count - series_count_failed(results, count) - row.done);
    }
    struct coverage coverage = coverage_of(results, count);
    (void)printf("\npromise for p = %.1f, made before it began, kept: %.0f %%; made at the cut: "
                 "%.0f %%\nrounds, told before it began: %.1f\n\n",
                 SCENE_CONFIDENCE, 100 * share_kept(results, count),
                 100 * share_kept_at_cut(&coverage), mean_told_rounds(results, count));
    (void)printf("%-26s %5s %9s %9s %9s %9s   %s\n", "told by ebshift", "times", "below p05",
                 "below p50", "below p95", "log bias", "% in each tenth of what was told");
    print_tally("downtime, before it began", &coverage.first);
    print_tally("downtime, at the cut", &coverage.cut);
    print_tally("bytes of the next round", &coverage.round_bytes);
    print_tally("time of the next round", &coverage.round_seconds);
}

static void json_tally(struct json_out *document, const char *name, const struct tally *tally)
{
    double told = (double)tally->told;
    struct json_out *object = json_out_object(document, name);
    json_out_int(object, "told", (int64_t)tally->told);
    json_out_real(object, "below_p05", (double)tally->below_p05 / told);
    json_out_real(object, "below_p50", (double)tally->below_p50 / told);
    json_out_real(object, "below_p95", (double)tally->below_p95 / told);
    json_out_real(object, "log_bias", tally->log_sum / told);
    struct json_out *tenths = json_out_array(object, "pit_tenths");
    for (size_t i = 0; i < TALLY_TENTHS; i++)
        json_out_item_exact(tenths, (double)tally->tenths[i]);
}

static void json_world(struct json_out *worlds, const struct world_result *result)
{
    struct json_out *object = json_out_item(worlds);
    int64_t gib = 0;
    for (size_t i = 0; i < result->nature.volume_count; i++)
        gib += result->nature.volumes[i].size_gib;
    json_out_int(object, "seed", (int64_t)result->seed);
    json_out_bool(object, "copies", result->copies);
    json_out_int(object, "volumes", (int64_t)result->nature.volume_count);
    json_out_int(object, "size_gib", gib);
    json_out_int(object, "history_days", result->nature.history_days);
    json_out_int(object, "snapshot_every_minutes", result->nature.every_min);
    struct json_out *all = json_out_object(object, "policies");
    for (size_t i = 0; i < POLICIES; i++) {
        const struct outcome *outcome = &result->outcomes[i];
        struct json_out *policy = json_out_object(all, policies[i].name);
        json_out_bool(policy, "done", outcome->done);
        json_out_real(policy, "downtime_seconds", outcome->down_s);
        json_out_int(policy, "rounds", (int64_t)outcome->rounds);
        if (!policies[i].promises)
            continue;
        json_out_real(policy, "told_rounds", outcome->told_rounds);
        json_out_real(policy, "promise_seconds", outcome->promise_s);
        json_out_three(policy, "first_told_seconds", outcome->first_s.p05, outcome->first_s.p50,
                       outcome->first_s.p95);
        json_out_three(policy, "told_at_cut_seconds", outcome->cut_s.p05, outcome->cut_s.p50,
                       outcome->cut_s.p95);
    }
}

void series_print_json(const struct world_result *results, size_t count)
{
    struct json_out *document = json_out_new();
    json_out_text(document, "schema", "ebshift-bench-series-2");
    json_out_int(document, "worlds", (int64_t)(count - series_count_failed(results, count)));
    json_out_real(document, "confidence", SCENE_CONFIDENCE);
    json_out_real(document, "promise_kept", share_kept(results, count));
    struct coverage coverage = coverage_of(results, count);
    json_out_real(document, "promise_at_cut_kept", share_kept_at_cut(&coverage));
    json_out_real(document, "told_rounds", mean_told_rounds(results, count));
    json_tally(document, "told_before", &coverage.first);
    json_tally(document, "told_before_uncorrected", &coverage.drawn);
    json_tally(document, "told_at_cut", &coverage.cut);
    json_tally(document, "round_bytes", &coverage.round_bytes);
    json_tally(document, "round_seconds", &coverage.round_seconds);
    struct json_out *rows = json_out_object(document, "policies");
    for (size_t i = 0; i < POLICIES; i++) {
        struct row row = row_of(results, count, i);
        struct json_out *object = json_out_object(rows, policies[i].name);
        json_out_int(object, "done", (int64_t)row.done);
        json_out_real(object, "mean_minutes", row.mean);
        json_out_real(object, "median_minutes", row.median);
        json_out_real(object, "p90_minutes", row.p90);
        json_out_real(object, "rounds", row.rounds);
        json_out_real(object, "over_oracle", row.over_oracle);
        json_out_real(object, "least_over_oracle", row.least_over);
    }
    struct json_out *worlds = json_out_array(document, "each_world");
    for (size_t i = 0; i < count; i++) {
        if (!results[i].failed)
            json_world(worlds, &results[i]);
    }
    json_out_print(document, stdout);
}
