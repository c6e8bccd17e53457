/* engine_kills.c: dies at every journal write and every outside call of whole migrations, goes on, and
 * looks at the world. In one process, on the virtual clock (tests/core/engine/engine_rig.h).
 *
 *     engine_kills             a selection, spread over all points
 *     engine_kills --all       every point
 *     engine_kills MOVE POINT END   one case, as a failure prints it */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/core/engine/engine_audit.h"
#include "tests/core/engine/engine_rig.h"
#include "tests/sim/dice.h"

/* Every so many points without --all; prime to whatever repeats. */
#define STRIDE 97

/* The migrations; objects are hidden for two minutes after their creation where it says so. */
static const struct move {
    const char *name;
    struct rig_options options;
    bool hidden;
} moves[] = {
    {"one-a-day-ahead",
     {.seed = 3, .volumes = 1, .fence = true, .lead_ms = 24 * INT64_C(3600000)},
     false},
    {"set-backup", {.seed = 4, .volumes = 2, .fence = true, .backup = true}, true},
    {"set-open", {.seed = 6, .volumes = 2, .no_instance = true}, false},
};
enum { MOVES = sizeof(moves) / sizeof(moves[0]) };

/* What happens after the first death. */
static const char *const ends[] = {"resume", "abort", "resume-dies", "abort-dies"};
enum end { END_RESUME, END_ABORT, END_RESUME_DIES, END_ABORT_DIES, ENDS };

static int64_t deaths[STATE_ABORTED + 1];
static size_t failures;

static void set_up(struct rig *rig, const struct move *move)
{
    rig_init(rig, &move->options);
    if (move->hidden)
        rig_arm(rig, "from 1st call: hide the object for two minutes");
}

static void count_death(struct rig *rig)
{
    struct run run;
    if (rig_read(rig, &run))
        deaths[run.state]++;
}

/* Past the point of no return, and when the run is over, abort must be refused; it can only go on. */
static enum error_code finish(struct rig *rig, enum rig_verb verb, struct error *err)
{
    struct run run = {0};
    bool begun = rig_read(rig, &run);
    if (verb == RIG_ABORT && begun &&
        (machine_phase(run.state) == PHASE_OVER || machine_is_final(run.state))) {
        if (rig_drive(rig, RIG_ABORT, err) != ERR_STATE)
            return error_set(err, ERR_STATE, "abort was not refused in '%s'",
                             machine_name(run.state));
        verb = RIG_RUN_ON;
    }
    if (rig_drive(rig, verb, err) != ERR_NONE)
        return error_prefix(err, "%s failed", verb == RIG_ABORT ? "abort" : "resume");
    (void)rig_read(rig, &run);
    return run.state == STATE_ABORTED ? audit_gone(rig, err) : audit_done(rig, NULL, err);
}

static enum error_code die_again(struct rig *rig, enum rig_verb verb, int64_t step,
                                 struct error *err)
{
    enum error_code code;
    if (rig_drive_and_die(rig, verb, step, &code, err))
        count_death(rig);
    return finish(rig, verb, err);
}

static enum error_code go_on(struct rig *rig, int64_t point, enum end end, struct error *err)
{
    /* Near the beginning of the second process, where it finds out what the first one did. */
    int64_t again = 1 + (int64_t)(dice_hash(17, (uint64_t)point) % 60);
    switch (end) {
    case END_RESUME:
        return finish(rig, RIG_RUN_ON, err);
    case END_ABORT:
        return finish(rig, RIG_ABORT, err);
    case END_RESUME_DIES:
        return die_again(rig, RIG_RUN_ON, again, err);
    case END_ABORT_DIES:
        return die_again(rig, RIG_ABORT, again / 2 + 1, err);
    case ENDS:
        break;
    }
    return ERR_NONE;
}

/* One case; false if the run was over before the point. */
static bool check(const struct move *move, int64_t point, enum end end)
{
    static struct rig rig;
    struct error err = {0};
    enum error_code code;
    set_up(&rig, move);
    bool died = rig_drive_and_die(&rig, RIG_RUN_ON, point, &code, &err);
    if (died)
        count_death(&rig);
    if (died)
        code = go_on(&rig, point, end, &err);
    if (code != ERR_NONE) {
        failures++;
        (void)printf("FAILED: engine_kills %s %lld %s: %s\n", move->name, (long long)point,
                     ends[end], err.message);
    }
    rig_done(&rig);
    return died;
}

static int64_t check_move(const struct move *move, int64_t stride)
{
    int64_t cases = 0;
    bool died = true;
    for (int64_t point = 1; died; point += stride) {
        for (enum end end = END_RESUME; end < ENDS && died; end++) {
            /* A selection dies at other points for each end. */
            int64_t shifted = stride == 1 ? point : point + (int64_t)end * stride / ENDS;
            died = check(move, shifted, end);
            cases += died;
        }
    }
    return cases;
}

static int check_named(const char *name, const char *point, const char *end)
{
    for (size_t i = 0; i < MOVES; i++) {
        for (size_t j = 0; j < ENDS; j++) {
            if (strcmp(moves[i].name, name) == 0 && strcmp(ends[j], end) == 0)
                (void)check(&moves[i], strtoll(point, NULL, 10), (enum end)j);
        }
    }
    return failures == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    int64_t cases = 0;
    int64_t killed = 0;
    if (argc == 4)
        return check_named(argv[1], argv[2], argv[3]);
    bool all = argc == 2 && strcmp(argv[1], "--all") == 0;
    for (size_t i = 0; i < MOVES; i++)
        cases += check_move(&moves[i], all ? 1 : STRIDE);
    for (size_t i = 0; i <= STATE_ABORTED; i++)
        killed += deaths[i];
    (void)printf("%lld kills in %lld cases, %zu failed\n", (long long)killed, (long long)cases,
                 failures);
    for (size_t i = 0; i <= STATE_ABORTED; i++)
        (void)printf("  %5lld in '%s'\n", (long long)deaths[i],
                     machine_name((enum machine_state)i));
    return failures == 0 ? 0 : 1;
}
