/* The forecast on recorded data: predictions for outside scorers, and our own scoreboard. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_errno.h>

#include "bench/dirty_cases.h"
#include "bench/duration_cases.h"
#include "bench/nights.h"
#include "bench/rate_cases.h"
#include "bench/scoreboard.h"
#include "bench/speed.h"
#include "bench/step.h"
#include "bench/table.h"
#include "bench/window.h"

static const char usage[] = "usage: forecast-bench predict D|T|R DIRECTORY\n"
                            "       forecast-bench step <QUESTION.json\n"
                            "       forecast-bench score DIRECTORY\n"
                            "       forecast-bench nights|window DIRECTORY [FIRST_SEED [SEEDS]]\n"
                            "       forecast-bench speed [VOLUMES]\n"
                            "       forecast-bench speed-case NUMBER";

/* Small enough for a test; the large one is asked for. */
#define DEFAULT_FLEET 200
/* Batches of nights. */
#define DEFAULT_BATCHES 5

static void print_quantiles(const struct prediction *row)
{
    for (size_t i = 0; i < QUANTILE_SLOTS; i++)
        printf(",%.9g", row->quantiles[i]);
    printf("\n");
}

static enum error_code print_dirty(const char *directory, struct error *err)
{
    CLEANUP_PREDICTIONS struct predictions predictions = {0};
    TRY(dirty_cases_predict(directory, &predictions, err));
    printf("case,tick_end,median,q05,q25,q75,q90,q95\n");
    for (size_t i = 0; i < predictions.count; i++) {
        printf("%ld,%ld", predictions.rows[i].case_number, predictions.rows[i].key);
        print_quantiles(&predictions.rows[i]);
    }
    return ERR_NONE;
}

static enum error_code print_durations(const char *directory, struct error *err)
{
    CLEANUP_PREDICTIONS struct predictions predictions = {0};
    TRY(duration_cases_predict(directory, &predictions, err));
    printf("case,row,median,q05,q25,q75,q90,q95\n");
    for (size_t i = 0; i < predictions.count; i++) {
        printf("%ld,%ld", predictions.rows[i].case_number, predictions.rows[i].key);
        print_quantiles(&predictions.rows[i]);
    }
    return ERR_NONE;
}

static enum error_code print_rates(const char *directory, struct error *err)
{
    CLEANUP_PREDICTIONS struct predictions predictions = {0};
    TRY(rate_cases_predict(directory, &predictions, err));
    printf("vol,origin_slot,lead,h,median\n");
    for (size_t i = 0; i < predictions.count; i++) {
        const struct prediction *row = &predictions.rows[i];
        printf("%s,%ld,%ld,%ld,%.9g\n", row->set, row->key, row->lead, row->span,
               row->quantiles[QUANTILE_MEDIAN]);
    }
    return ERR_NONE;
}

static enum error_code predict(const char *what, const char *directory, struct error *err)
{
    static const struct {
        const char *name;
        enum error_code (*print)(const char *directory, struct error *err);
    } kinds[] = {{"D", print_dirty}, {"T", print_durations}, {"R", print_rates}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, what) == 0)
            return kinds[i].print(directory, err);
    }
    return error_set(err, ERR_CONFIG, "there is nothing to predict named '%s'", what);
}

static enum error_code step(struct error *err)
{
    char *text = NULL;
    TRY(table_read_text("/dev/stdin", &text, err));
    enum error_code code = step_answer(text, err);
    free(text);
    return code;
}

static enum error_code nights(int argc, char *const *argv, struct error *err)
{
    unsigned long first = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    size_t count = argc > 4 ? strtoul(argv[4], NULL, 10) : DEFAULT_BATCHES;
    if (strcmp(argv[1], "window") == 0)
        return window_print(argv[2], first, count, err);
    return nights_print(argv[2], first, count, err);
}

static enum error_code run(int argc, char *const *argv, struct error *err)
{
    if (argc == 4 && strcmp(argv[1], "predict") == 0)
        return predict(argv[2], argv[3], err);
    if (argc == 2 && strcmp(argv[1], "step") == 0)
        return step(err);
    if (argc == 3 && strcmp(argv[1], "score") == 0) {
        bool all_pass = false;
        return scoreboard_print(argv[2], &all_pass, err);
    }
    if (argc >= 3 && argc <= 5 &&
        (strcmp(argv[1], "nights") == 0 || strcmp(argv[1], "window") == 0))
        return nights(argc, argv, err);
    if ((argc == 2 || argc == 3) && strcmp(argv[1], "speed") == 0) {
        long volumes = argc == 3 ? strtol(argv[2], NULL, 10) : DEFAULT_FLEET;
        if (volumes < 10)
            return error_set(err, ERR_CONFIG, "a fleet has ten volumes at least");
        return speed_print((size_t)volumes, err);
    }
    if (argc == 3 && strcmp(argv[1], "speed-case") == 0)
        return speed_print_case(strtoul(argv[2], NULL, 10), err);
    return error_set(err, ERR_CONFIG, "%s", usage);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    gsl_set_error_handler_off();
    if (run(argc, argv, &err) == ERR_NONE)
        return 0;
    (void)fprintf(stderr, "forecast-bench: %s\n", err.message);
    return 1;
}
