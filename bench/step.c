#include "bench/step.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench_clock.h"
#include "bench/episode.h"
#include "core/aws/json.h"

struct question {
    struct jval *root;
    struct episode_round *rounds;
    struct write_sample *writes;
};

static void question_done(struct question *question)
{
    jval_free(&question->root);
    free(question->rounds);
    free(question->writes);
}

static double number(const struct jval *object, const char *key)
{
    return jval_real(jval_get(object, key));
}

static struct episode_round read_round(const struct jval *row)
{
    return (struct episode_round){
        .start = number(row, "start"),
        .end = number(row, "end"),
        .write_bytes = number(row, "write_bytes"),
        .write_ops = number(row, "write_ops"),
        .changed_blocks = number(row, "changed_blocks"),
        .duration = number(row, "duration"),
    };
}

static struct write_sample read_write(const struct jval *row)
{
    return (struct write_sample){
        .start_ms = tick_to_ms(jval_real(jval_at(row, 0))),
        .length_ms = TICK_MS,
        .bytes = llround(jval_real(jval_at(row, 1))),
        .ops = llround(jval_real(jval_at(row, 2))),
    };
}

static enum error_code read_rows(struct question *question, struct episode *episode,
                                 struct error *err)
{
    const struct jval *history = jval_get(question->root, "history");
    const struct jval *writes = jval_get(question->root, "writes");
    episode->round_count = jval_count(history);
    episode->write_count = jval_count(writes);
    question->rounds = calloc(episode->round_count + 1, sizeof(*question->rounds));
    question->writes = calloc(episode->write_count + 1, sizeof(*question->writes));
    if (question->rounds == NULL || question->writes == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu writes", episode->write_count);
    for (size_t i = 0; i < episode->round_count; i++)
        question->rounds[i] = read_round(jval_at(history, i));
    for (size_t i = 0; i < episode->write_count; i++) {
        if (jval_count(jval_at(writes, i)) != 3)
            return error_set(err, ERR_PROTOCOL, "row %zu of 'writes' is not three numbers", i);
        question->writes[i] = read_write(jval_at(writes, i));
    }
    episode->rounds = question->rounds;
    episode->writes = question->writes;
    return ERR_NONE;
}

static enum error_code read_question(const char *text, struct question *question,
                                     struct episode *episode, struct error *err)
{
    TRY(jval_parse(text, strlen(text), &question->root, err));
    *episode = (struct episode){
        .now = number(question->root, "now"),
        .fence = number(question->root, "t_w"),
        .confidence = number(question->root, "p"),
        .round_price = number(question->root, "lambda"),
        .running_start = number(jval_get(question->root, "running"), "start"),
    };
    episode->running = !isnan(episode->running_start);
    if (!isfinite(episode->now) || !isfinite(episode->fence))
        return error_set(err, ERR_PROTOCOL, "'now' or 't_w' is missing");
    return read_rows(question, episode, err);
}

enum error_code step_answer(const char *text, struct error *err)
{
    CLEANUP(question_done) struct question question = {0};
    struct episode episode = {0};
    struct episode_answer answer = {0};
    TRY(read_question(text, &question, &episode, err));
    TRY(episode_ask(&episode, &answer, err));
    char start[32] = "null";
    if (answer.has_start)
        (void)snprintf(start, sizeof(start), "%.6f", answer.start);
    printf("{\"start\": %s, \"promise\": %.6f}\n", start, answer.promise);
    return ERR_NONE;
}
