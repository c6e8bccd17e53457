#include "bench/scoreboard.h"

#include <math.h>
#include <stdio.h>

#include "bench/dirty_cases.h"
#include "bench/duration_cases.h"
#include "bench/measure.h"
#include "bench/rate_cases.h"
#include "bench/series_cases.h"
#include "bench/speed.h"
#include "cli/json_out.h"

/* No threshold on this side. */
#define ANY ((double)INFINITY)

enum part { PART_DIRTY, PART_DURATION, PART_RATE };
#define PART_COUNT 3

/* One threshold. A row with `slack` may be that much worse than the reference instead. */
struct rule {
    const char *id;
    enum part part;
    enum measure_kind kind;
    const char *what;
    struct measure_filter filter;
    double low;
    double high;
    double slack;
};

static const struct rule rules[] = {
    {"S1",
     PART_DIRTY,
     MEASURE_MEDIAN_APE,
     "changed blocks, five and more snapshots: median error",
     {.least_history = 5},
     0,
     0.15,
     0},
    {"S2",
     PART_DIRTY,
     MEASURE_MEDIAN_APE,
     "hourly, 30 snapshots: median error",
     {.regime = "const", .least_history = 30, .most_history = 30},
     0,
     0.135,
     0},
    {"S2",
     PART_DIRTY,
     MEASURE_MEDIAN_APE,
     "hourly, 5 snapshots: median error",
     {.regime = "const", .least_history = 5, .most_history = 5},
     0,
     0.18,
     0},
    {"S3",
     PART_DIRTY,
     MEASURE_MEDIAN_APE,
     "mixed gaps, 10 snapshots: median error",
     {.regime = "mixed", .least_history = 10, .most_history = 10},
     0,
     0.19,
     0},
    {"S3",
     PART_DIRTY,
     MEASURE_MEDIAN_APE,
     "mixed gaps, 30 snapshots: median error",
     {.regime = "mixed", .least_history = 30, .most_history = 30},
     0,
     0.135,
     0},
    {"S4",
     PART_DIRTY,
     MEASURE_CENTRAL_90,
     "share inside the central 90 %",
     {.least_history = 5},
     0.87,
     0.97,
     0},
    {"S4",
     PART_DIRTY,
     MEASURE_UPPER_90,
     "share below the 90 % quantile",
     {.least_history = 5},
     0.86,
     0.97,
     0},
    {"S4",
     PART_DIRTY,
     MEASURE_PINBALL,
     "mean relative pinball loss",
     {.least_history = 5},
     0,
     0.135,
     0},
    {"S5",
     PART_DIRTY,
     MEASURE_P90_APE,
     "hourly, 1 snapshot: 90 % quantile of the error",
     {.regime = "const", .least_history = 1, .most_history = 1},
     0,
     1.1,
     0},
    {"S5",
     PART_DIRTY,
     MEASURE_P90_APE,
     "hourly, 2 snapshots: 90 % quantile of the error",
     {.regime = "const", .least_history = 2, .most_history = 2},
     0,
     1.1,
     0},
    {"S5",
     PART_DIRTY,
     MEASURE_P90_APE,
     "hourly, 3 snapshots: 90 % quantile of the error",
     {.regime = "const", .least_history = 3, .most_history = 3},
     0,
     1.1,
     0},
    {"S5", PART_DIRTY, MEASURE_FINITE, "share of finite answers", {0}, 1, 1, 0},
    {"S6", PART_DIRTY, MEASURE_SAME, "share of rows as the reference's", {0}, 0.99, 1, 0},
    {"S7",
     PART_DURATION,
     MEASURE_MEDIAN_APE,
     "mover3, 10 transfers: median error",
     {.set = "mover3", .regime = "same", .least_history = 10, .most_history = 10},
     0,
     0.35,
     0},
    {"S7",
     PART_DURATION,
     MEASURE_MEDIAN_APE,
     "mover3, 30 transfers: median error",
     {.set = "mover3", .regime = "same", .least_history = 30, .most_history = 30},
     0,
     0.35,
     0},
    {"S7",
     PART_DURATION,
     MEASURE_MEDIAN_APE,
     "mover3, 100 transfers: median error",
     {.set = "mover3", .regime = "same", .least_history = 100, .most_history = 100},
     0,
     0.35,
     0},
    {"S7",
     PART_DURATION,
     MEASURE_UPPER_95,
     "mover3, 10 and more: share below the 95 % quantile",
     {.set = "mover3", .regime = "same", .least_history = 10},
     0.88,
     0.99,
     0},
    {"S8",
     PART_DURATION,
     MEASURE_MEDIAN_APE,
     "mover1, small after large: median error",
     {.set = "mover1", .regime = "final", .least_history = 3},
     0,
     ANY,
     0.05},
    {"S8",
     PART_DURATION,
     MEASURE_PINBALL,
     "mover1, small after large: pinball loss",
     {.set = "mover1", .regime = "final", .least_history = 3},
     0,
     ANY,
     0.05},
    {"S8",
     PART_DURATION,
     MEASURE_MEDIAN_APE,
     "mover3, small after large: median error",
     {.set = "mover3", .regime = "final", .least_history = 3},
     0,
     ANY,
     0.05},
    {"S8",
     PART_DURATION,
     MEASURE_PINBALL,
     "mover3, small after large: pinball loss",
     {.set = "mover3", .regime = "final", .least_history = 3},
     0,
     ANY,
     0.05},
    {"S9", PART_RATE, MEASURE_MEDIAN_APE, "written bytes: median error", {0}, 0, 0.345, 0},
    {"S9", PART_RATE, MEASURE_LOG_ERROR, "written bytes: mean log error", {0}, 0, 0.85, 0},
};
#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

struct board {
    struct json_out *scores;
    struct json_out *missing; /* parts that the data do not hold, and why */
    bool all_pass;
    bool any; /* something was scored; a board of nothing does not pass */
};

static struct json_out *add_score(struct board *board, const char *id, const char *what,
                                  double value, double low, double high)
{
    struct json_out *row = json_out_item(board->scores);
    bool pass = value >= low && value <= high;
    json_out_text(row, "id", id);
    json_out_text(row, "what", what);
    json_out_real(row, "value", value);
    json_out_real(row, "at_least", low);
    json_out_real(row, "at_most", high);
    json_out_bool(row, "pass", pass);
    board->all_pass = board->all_pass && pass;
    board->any = true;
    return row;
}

static void apply(struct board *board, const struct rule *rule,
                  const struct predictions *predictions)
{
    double value = measure(predictions, rule->kind, &rule->filter, false);
    double reference = measure(predictions, rule->kind, &rule->filter, true);
    double high = rule->slack > 0 ? reference + rule->slack : rule->high;
    struct json_out *row = add_score(board, rule->id, rule->what, value, rule->low, high);
    json_out_real(row, "reference", reference);
}

/* Files or columns that are not there leave their part out; other failures are told. */
static void leave_out(struct board *board, const char *part, const struct error *why)
{
    char text[sizeof(why->message) + 32];
    (void)snprintf(text, sizeof(text), "%s: %s", part, why->message);
    json_out_item_text(board->missing, text);
}

static enum error_code add_parts(struct board *board, const char *directory, struct error *err)
{
    static const struct {
        const char *name;
        enum error_code (*predict)(const char *, struct predictions *, struct error *);
    } parts[PART_COUNT] = {
        [PART_DIRTY] = {"changed blocks", dirty_cases_predict},
        [PART_DURATION] = {"durations", duration_cases_predict},
        [PART_RATE] = {"written bytes", rate_cases_predict},
    };
    for (enum part part = 0; part < PART_COUNT; part++) {
        CLEANUP_PREDICTIONS struct predictions predictions = {0};
        enum error_code code = parts[part].predict(directory, &predictions, err);
        if (code == ERR_NOT_FOUND) {
            leave_out(board, parts[part].name, err);
            continue;
        }
        TRY(code);
        for (size_t i = 0; i < RULE_COUNT; i++) {
            if (rules[i].part == part)
                apply(board, &rules[i], &predictions);
        }
    }
    return ERR_NONE;
}

static void add_policy(struct json_out *policies, const char *name,
                       const struct series_result *result)
{
    struct json_out *row = json_out_object(policies, name);
    json_out_real(row, "downtime_ticks", result->downtime);
    json_out_real(row, "rounds", result->rounds);
    json_out_real(row, "cost_ticks", result->cost);
}

static enum error_code add_series(struct board *board, struct json_out *document,
                                  const char *directory, struct error *err)
{
    struct series_results results = {0};
    enum error_code code = series_cases_play(directory, &results, err);
    if (code == ERR_NOT_FOUND) {
        leave_out(board, "series", err);
        return ERR_NONE;
    }
    TRY(code);
    const struct series_result *planner = &results.policies[POLICY_PLANNER];
    const struct series_result *steady = &results.policies[POLICY_BACK_TO_BACK];
    const struct series_result *qemu = &results.policies[POLICY_QEMU];
    add_score(board, "S10", "cost of the series beside back to back", planner->cost / steady->cost,
              0, 1);
    add_score(board, "S10", "cost of the series beside QEMU's rule", planner->cost / qemu->cost, 0,
              0.92);
    add_score(board, "S10", "rounds", planner->rounds, 0, 8);
    add_score(board, "S10", "promise kept, of 90 %", planner->kept, 0.84, 0.98);
    struct json_out *series = json_out_object(document, "series");
    json_out_int(series, "episodes", (int64_t)results.episode_count);
    add_policy(series, "planner", planner);
    add_policy(series, "back_to_back", steady);
    add_policy(series, "qemu", qemu);
    return ERR_NONE;
}

/* What no recording is needed for. */
static enum error_code add_speed(struct board *board, struct error *err)
{
    double median_ms = 0;
    bool same = false;
    TRY(speed_of_one(&median_ms, &same, err));
    add_score(board, "S11", "100 snapshots, 256 draws: milliseconds to plan anew", median_ms, 0,
              100);
    add_score(board, "S12", "the same input gives the same plan", same, 1, 1);
    return ERR_NONE;
}

enum error_code scoreboard_print(const char *directory, bool *all_pass, struct error *err)
{
    struct json_out *document = json_out_new();
    json_out_text(document, "schema", "ebshift-bench-forecast-1");
    struct board board = {.scores = json_out_array(document, "scores"), .all_pass = true};
    board.missing = json_out_array(document, "not_in_data");
    enum error_code code = add_parts(&board, directory, err);
    if (code == ERR_NONE)
        code = add_series(&board, document, directory, err);
    board.all_pass = board.all_pass && board.any;
    if (code == ERR_NONE)
        code = add_speed(&board, err);
    json_out_bool(document, "pass", board.all_pass);
    json_out_print(document, stdout);
    *all_pass = board.all_pass;
    return code;
}
