/* engine_scripts.c: migrations under random fault scripts, driven as an operator would: resume after a
 * failure, or give up; then a look at the world. In one process, on the virtual clock.
 *
 *     engine_scripts           a selection of the seeds
 *     engine_scripts --all     a thousand of them
 *     engine_scripts SEED      one of them, as a failure prints it, with its script */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/instant.h"
#include "tests/core/engine/engine_audit.h"
#include "tests/core/engine/engine_rig.h"
#include "tests/sim/dice.h"
#include "tests/sim/fault.h"

#define SEEDS    1000
#define SELECTED 60
/* So often an operator tries before the cause is gone. */
#define PATIENCE 4
/* After a failure the operator reads, and mends what can be mended. */
#define OPERATOR_MS (10 * MS_PER_MINUTE)

/* A night to come. */
struct night {
    uint64_t seed;
    struct rig_options options;
    char script[640];
    uint32_t effects; /* bits of those in the script */
    size_t deletions; /* by somebody else */
    int64_t die_at;   /* the first process is killed there; 0: it is not */
    bool gives_up;    /* after the first failure */
};

static struct {
    size_t nights;
    size_t smooth;  /* ended well at the first try */
    size_t resumed; /* ended well later */
    size_t aborted;
    size_t killed;
    size_t failed;
    int64_t strikes;
    size_t idle; /* no fault of the script found its call */
    size_t by_effect[FAULT_COUNT];
} tally;

static int64_t roll(struct dice *dice, int64_t sides)
{
    return (int64_t)(dice_next(dice) % (uint64_t)sides);
}

static const char *ordinal(int64_t number)
{
    static const char *const names[] = {"0th", "1st", "2nd", "3rd", "4th", "5th", "6th"};
    return names[number];
}

/* The calls that an effect can strike, as the waist of the engine makes them. */
static const char *draw_action(struct dice *dice, enum fault_effect effect, size_t volumes)
{
    static const char *const any[] = {"CopySnapshot",      "CopySnapshot",      "CreateVolume",
                                      "AttachVolume",      "CreateTags",        "DescribeVolumes",
                                      "DescribeSnapshots", "DescribeInstances", "call",
                                      "DeleteSnapshot",    "DeleteVolume",      "GetMetricData",
                                      "ListChangedBlocks"};
    const char *snap = volumes > 1 ? "CreateSnapshots" : "CreateSnapshot";
    switch ((int)effect) {
    case FAULT_SNAPSHOT_RATE:
    case FAULT_SNAPSHOT_ERROR:
    case FAULT_MEMBER_ERROR:
        return snap;
    case FAULT_COPY_ERROR:
        return "CopySnapshot";
    case FAULT_VANISH:
        return "CreateVolume";
    case FAULT_INVISIBLE: {
        static const char *const made[] = {"CopySnapshot", "CreateVolume"};
        int64_t which = roll(dice, 3);
        return which == 2 ? snap : made[which];
    }
    default: {
        int64_t which = roll(dice, (int64_t)(sizeof(any) / sizeof(any[0])) + 3);
        return which < 3 ? snap : any[which - 3];
    }
    }
}

static bool is_somebody(enum fault_effect effect)
{
    return effect >= FAULT_FOREIGN_SNAPSHOT;
}

/* What refuses or hides can last; everything else strikes once or a few times. */
static void draw_fault(struct dice *dice, struct night *night)
{
    enum fault_effect effect = (enum fault_effect)roll(dice, FAULT_COUNT);
    const char *action = draw_action(dice, effect, night->options.volumes);
    char line[160];
    bool few = strcmp(action, "CreateVolume") == 0 || strcmp(action, "CreateTags") == 0 ||
               strcmp(action, "AttachVolume") == 0 || strcmp(action, "DescribeInstances") == 0;
    int64_t first = 1 + roll(dice, few ? 2 : 4);
    bool storm = effect <= FAULT_UNAVAILABLE || effect == FAULT_INVISIBLE;
    if (storm && roll(dice, 3) == 0) {
        (void)snprintf(line, sizeof(line), "from %s call for 10 minutes: %s%s\n", ordinal(first),
                       fault_words(effect), effect == FAULT_INVISIBLE ? "" : " 90 % of calls");
    } else if (!is_somebody(effect) && roll(dice, 3) == 0) {
        (void)snprintf(line, sizeof(line), "at %s to %s %s: %s\n", ordinal(first),
                       ordinal(first + 1), action, fault_words(effect));
    } else {
        (void)snprintf(line, sizeof(line), "at %s %s: %s\n", ordinal(first), action,
                       fault_words(effect));
    }
    night->effects |= FAULT_BIT(effect);
    night->deletions += effect == FAULT_BASE_DELETED || effect == FAULT_COPY_PRUNED;
    (void)strncat(night->script, line, sizeof(night->script) - strlen(night->script) - 1);
}

static struct night draw_night(uint64_t seed)
{
    struct dice dice = {dice_hash(0x6e69676874, seed)};
    struct night night = {
        .seed = seed,
        .options = {.seed = 1 + seed % 5, .volumes = 1 + (size_t)roll(&dice, 2)},
    };
    night.options.fence = roll(&dice, 4) > 0;
    night.options.backup = roll(&dice, 3) == 0;
    night.options.no_instance = roll(&dice, 5) == 0;
    if (roll(&dice, 6) == 0)
        night.options.skew_ms = (roll(&dice, 241) - 120) * MS_PER_SECOND;
    for (int64_t i = 1 + roll(&dice, 4); i > 0; i--)
        draw_fault(&dice, &night);
    if (roll(&dice, 3) == 0)
        night.die_at = 1 + roll(&dice, 400);
    night.gives_up = roll(&dice, 3) == 0;
    return night;
}

/* ---- one night ---- */

/* What fails for now must be ridden out by a single process; what the service fails for good, or for the
 * third time in a row, may be told. */
static bool may_fail(const struct night *night)
{
    uint32_t lasting = FAULT_BIT(FAULT_EXPIRED_KEYS) | FAULT_BIT(FAULT_DENIED) |
                       FAULT_BIT(FAULT_VANISH) | FAULT_BIT(FAULT_SNAPSHOT_ERROR) |
                       FAULT_BIT(FAULT_MEMBER_ERROR) | FAULT_BIT(FAULT_COPY_ERROR);
    return (night->effects & lasting) != 0;
}

static enum error_code audit(struct rig *rig, const struct night *night, struct error *err)
{
    struct run run = {0};
    (void)rig_read(rig, &run);
    if (run.state == STATE_ABORTED)
        return audit_gone(rig, err);
    struct audit_excuse excuse = {
        .deleted = night->deletions,
        .leftovers =
            (night->effects & (FAULT_BIT(FAULT_DENIED) | FAULT_BIT(FAULT_EXPIRED_KEYS))) != 0,
    };
    return audit_done(rig, &excuse, err);
}

/* Until it works; in the end the cause is gone. */
static enum error_code insist(struct rig *rig, enum rig_verb verb, enum error_code code,
                              struct error *err)
{
    for (int i = 0; i <= PATIENCE && code != ERR_NONE; i++) {
        rig->world.now_ms += OPERATOR_MS;
        if (i == PATIENCE)
            rig_arm(rig, "none");
        code = rig_drive(rig, verb, err);
    }
    return code;
}

static enum error_code play(struct rig *rig, const struct night *night, struct error *err)
{
    enum error_code code;
    struct run run = {0};
    bool died = rig_drive_and_die(rig, RIG_RUN_ON, night->die_at, &code, err);
    if (died) {
        tally.killed++;
        code = rig_drive(rig, RIG_RUN_ON, err);
    }
    if (code == ERR_NONE) {
        tally.smooth++;
        return audit(rig, night, err);
    }
    if (!may_fail(night))
        return error_prefix(err, "was not ridden out: %s", error_name(code));
    bool over = rig_read(rig, &run) && machine_phase(run.state) == PHASE_OVER;
    enum rig_verb verb = night->gives_up && !over ? RIG_ABORT : RIG_RUN_ON;
    if (insist(rig, verb, code, err) != ERR_NONE)
        return error_prefix(err, "cannot %s", verb == RIG_ABORT ? "abort" : "resume");
    tally.aborted += verb == RIG_ABORT;
    tally.resumed += verb == RIG_RUN_ON;
    return audit(rig, night, err);
}

static void tell(const struct night *night)
{
    (void)printf("%zu volumes%s%s%s, our clock %+d s, dies at %d\n%s", night->options.volumes,
                 night->options.fence ? ", fence" : "", night->options.backup ? ", backup" : "",
                 night->options.no_instance ? ", no instance" : "",
                 (int)(night->options.skew_ms / MS_PER_SECOND), (int)night->die_at, night->script);
}

static bool check(uint64_t seed, bool aloud)
{
    static struct rig rig;
    struct error err = {0};
    struct night night = draw_night(seed);
    if (aloud)
        tell(&night);
    rig_init(&rig, &night.options);
    rig_arm(&rig, night.script);
    enum error_code code = play(&rig, &night, &err);
    int64_t strikes = world_struck_calls(rig.world.world);
    tally.strikes += strikes;
    tally.idle += strikes == 0;
    rig_done(&rig);
    tally.nights++;
    for (int i = 0; i < FAULT_COUNT; i++)
        tally.by_effect[i] += (night.effects & FAULT_BIT(i)) != 0;
    if (code == ERR_NONE)
        return true;
    tally.failed++;
    (void)printf("FAILED: engine_scripts %d: %s\n", (int)seed, err.message);
    return false;
}

int main(int argc, char **argv)
{
    bool all = argc == 2 && strcmp(argv[1], "--all") == 0;
    if (argc == 2 && !all)
        return check(strtoull(argv[1], NULL, 10), true) ? 0 : 1;
    for (uint64_t seed = 1; seed <= (all ? SEEDS : SELECTED); seed++)
        (void)check(seed, false);
    (void)printf(
        "%zu scripts, %zu failed: %zu done at the first try, %zu resumed, %zu aborted\n"
        "%lld calls were struck, %zu processes killed; %zu scripts found no call of theirs\n",
        tally.nights, tally.failed, tally.smooth, tally.resumed, tally.aborted,
        (long long)tally.strikes, tally.killed, tally.idle);
    for (int i = 0; i < FAULT_COUNT; i++)
        (void)printf("  %4zu with '%s'\n", tally.by_effect[i], fault_words((enum fault_effect)i));
    return tally.failed == 0 ? 0 : 1;
}
