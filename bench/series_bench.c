/* series_bench: whole moves on the simulator's stepped clock, ours beside simpler policies and one
 * that knows the future.
 *
 *     series-bench [--json] [WORLDS] [FIRST_SEED]      (default 50 worlds from seed 501)
 *
 * Every seed is another world (tests/sim/nature.h). Every policy begins forty hours before the window
 * opens, in the same world, and may shut the writers out at any instant from there on. The downtime
 * runs from then until the new volumes are there. Nothing in the table is wall time. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gsl/gsl_errno.h>

#include "bench/series_report.h"

/* A process for each world, and one more for each policy, which finds the world untouched. What comes
 * of them lies in memory that all share. */

static int play_policy(struct scene *scene, const struct policy *policy, struct outcome *outcome)
{
    struct error err = {0};
    enum error_code code = policy->play(scene, outcome, &err);
    if (code == ERR_NONE && outcome->done && !(outcome->down_s > 0 && isfinite(outcome->down_s)))
        code = error_set(&err, ERR_STATE, "a downtime of %g seconds", outcome->down_s);
    if (code == ERR_NONE)
        return 0;
    (void)fprintf(stderr, "series-bench: %s, seed %llu: %s\n", policy->name,
                  (unsigned long long)scene->seed, err.message);
    return 1;
}

/* Waits for one child; true if it ended well. */
static bool reap(pid_t pid)
{
    int status = 0;
    pid_t ended;
    do {
        ended = waitpid(pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int play_world(struct world_result *result)
{
    struct scene scene;
    struct error err = {0};
    bool good = scene_open(&scene, result->seed, &err) == ERR_NONE;
    if (!good)
        (void)fprintf(stderr, "series-bench: %s\n", err.message);
    result->copies = scene.copies;
    result->nature = scene.nature;
    for (size_t i = 0; good && i < POLICIES; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(play_policy(&scene, &policies[i], &result->outcomes[i]));
        good = pid > 0 && reap(pid);
    }
    scene_close(&scene);
    return good ? 0 : 1;
}

static void play_worlds(struct world_result *results, size_t count)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t begun = 0;
    size_t running = 0;
    while (begun < count || running > 0) {
        if (begun < count && running < (size_t)(processors < 1 ? 1 : processors)) {
            /* Until its process says otherwise. */
            results[begun].failed = true;
            pid_t pid = fork();
            if (pid == 0) {
                int status = play_world(&results[begun]);
                results[begun].failed = status != 0;
                _exit(status);
            }
            begun++;
            running += pid > 0;
            continue;
        }
        (void)reap(-1);
        running--;
    }
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    char **words = argv + (json ? 2 : 1);
    int words_given = argc - (json ? 2 : 1);
    size_t count = words_given > 0 ? strtoull(words[0], NULL, 10) : 50;
    uint64_t first_seed = words_given > 1 ? strtoull(words[1], NULL, 10) : 501;
    if (count == 0 || count > WORLDS_MAX || words_given > 2) {
        (void)fprintf(stderr, "usage: series-bench [--json] [WORLDS (1 to %d)] [FIRST_SEED]\n",
                      WORLDS_MAX);
        return 2;
    }
    (void)gsl_set_error_handler_off();
    struct world_result *results = mmap(NULL, count * sizeof(*results), PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED) {
        (void)fprintf(stderr, "series-bench: out of memory\n");
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        results[i].seed = first_seed + i;
    play_worlds(results, count);
    if (json)
        series_print_json(results, count);
    else
        series_print_table(results, count);
    return series_count_failed(results, count) == 0 ? 0 : 1;
}
