#include "model/rollout.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "model/timed_copy.h"

/* How much of a surprise is the volume's (or the night's) and how much each round's own; the
 * squares add up to about one. Found on recorded traces. */
#define DELTA_SHARED 0.7
#define DELTA_OWN    0.7
/* Outcomes scatter this much more than a fit to their past says: the night differs from it. */
#define TIME_INFLATION 1.2
#define TIME_SHARED    0.75
#define TIME_OWN       0.66
/* A transfer later than all but one of a thousand tells no more than that it is late. */
#define LATEST_CHANCE 0.999
/* The progress of a transfer is not linear in time, and is off by such factors (logs): by the first at
 * its beginning, ever less, and never by less than the second. */
#define PROGRESS_SCALE   0.5
#define PROGRESS_CERTAIN 0.15
/* 95 % quantile of the normal distribution. */
#define NORMAL_P95 1.6448536269514722
/* Thirty years; keeps instants within their type whatever the history said. */
#define LONGEST_S 1e9
/* A round is not begun in the last second before the cut. */
#define LEAST_LEAD_S 1.0
/* More rounds than a run that goes on will make in the time that is played. */
#define MOST_ROUNDS 64

struct transfer_luck {
    double *fixed_s;        /* per draw: the line's parameters, from their posterior */
    double *s_per_mib;      /* per draw */
    double *full_s_per_mib; /* per draw */
    double *shared;         /* per draw: t deviate */
    double *shared_ratio;   /* per draw: what that makes of the seconds of every transfer */
    double *surprise_ratio; /* per slot and draw: seconds over those of the line */
    double drift_ratio;     /* what the level makes of a line of differences */
};

/* The law of the gap that a slot had in the draw before; draws seldom differ in it. */
struct known_law {
    int64_t base_ms;
    int64_t start_ms;
    struct delta_law law;
};

struct rollout_member {
    struct known_law laws[ROLLOUT_SLOTS];
    double *write_surprise; /* per draw: normal deviate */
    double *delta_shared;   /* per draw: t deviate */
    double *delta_surprise; /* per slot and draw: the volume's and its own, in scales */
    struct transfer_luck snapshot;
    struct transfer_luck copy;
};

/* Arrays of draw_count doubles per member, and of the whole. */
#define MEMBER_ARRAYS (2 + ROLLOUT_SLOTS + 2 * (5 + ROLLOUT_SLOTS))
#define COMMON_ARRAYS 7

void rollout_done(struct rollout *rollout)
{
    free(rollout->members);
    free(rollout->numbers);
    free(rollout->legs);
    *rollout = (struct rollout){0};
}

/* As llround(), which is not inlined and is asked millions of times a fleet. */
static int64_t instant_of(const struct plan_input *input, double after_s)
{
    return input->now_ms + (int64_t)(after_s * 1000 + (after_s < 0 ? -0.5 : 0.5));
}

int64_t rollout_base_ms(const struct plan_member *member)
{
    return member->foreign_ms > member->last_snapshot_ms ? member->foreign_ms
                                                         : member->last_snapshot_ms;
}

/* Cuts the next `count` doubles off the one allocation. */
static double *carve(double **next, size_t count)
{
    double *array = *next;
    *next += count;
    return array;
}

static void carve_luck(struct transfer_luck *luck, double **next, size_t draws)
{
    luck->fixed_s = carve(next, draws);
    luck->s_per_mib = carve(next, draws);
    luck->full_s_per_mib = carve(next, draws);
    luck->shared = carve(next, draws);
    luck->shared_ratio = carve(next, draws);
    luck->surprise_ratio = carve(next, draws * ROLLOUT_SLOTS);
}

static void carve_all(struct rollout *rollout)
{
    double *next = rollout->numbers;
    size_t draws = rollout->draw_count;
    rollout->overhead_s = carve(&next, draws);
    rollout->free_s = carve(&next, draws);
    rollout->copies_s = carve(&next, rollout->input->member_count);
    rollout->outcome.ready_s = carve(&next, draws);
    rollout->outcome.cut_s = carve(&next, draws);
    rollout->outcome.downtime_s = carve(&next, draws);
    rollout->outcome.rounds = carve(&next, draws);
    rollout->outcome.bytes = carve(&next, draws);
    for (size_t i = 0; i < rollout->input->member_count; i++) {
        struct rollout_member *member = &rollout->members[i];
        member->write_surprise = carve(&next, draws);
        member->delta_shared = carve(&next, draws);
        member->delta_surprise = carve(&next, draws * ROLLOUT_SLOTS);
        carve_luck(&member->snapshot, &next, draws);
        carve_luck(&member->copy, &next, draws);
    }
}

static void draw_t(gsl_rng *rng, double dof, double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = gsl_ran_tdist(rng, dof);
}

/* The parameters of the line, correlated as their posterior says (Cholesky of two by two). */
static void draw_luck(gsl_rng *rng, const struct duration_fit *fit, struct transfer_luck *luck,
                      size_t draws)
{
    double scale = sqrt(fmax(fit->covariance[0][0], 0));
    double along = scale > 0 ? fit->covariance[0][1] / scale : 0;
    double across = sqrt(fmax(fit->covariance[1][1] - along * along, 0));
    for (size_t i = 0; i < draws; i++) {
        double first = gsl_ran_gaussian_ziggurat(rng, 1);
        double second = gsl_ran_gaussian_ziggurat(rng, 1);
        luck->fixed_s[i] = exp(fit->log_fixed_s + scale * first);
        luck->s_per_mib[i] = exp(fit->log_s_per_mib + along * first + across * second);
        luck->full_s_per_mib[i] =
            exp(fit->full_log_s_per_mib + fit->full_scale * gsl_ran_gaussian_ziggurat(rng, 1));
    }
    draw_t(rng, DURATION_DOF, luck->shared, draws);
    for (size_t i = 0; i < draws; i++)
        luck->shared_ratio[i] = exp(TIME_INFLATION * fit->noise * TIME_SHARED * luck->shared[i]);
    for (size_t i = 0; i < draws * ROLLOUT_SLOTS; i++) {
        double surprise =
            TIME_SHARED * luck->shared[i % draws] + TIME_OWN * gsl_ran_tdist(rng, DURATION_DOF);
        luck->surprise_ratio[i] = exp(TIME_INFLATION * fit->noise * surprise);
    }
    luck->drift_ratio = exp(fit->level);
}

static void draw_member(gsl_rng *rng, const struct volume_model *model,
                        struct rollout_member *member, size_t draws)
{
    double dof = fmax(model->dirty.neighbours.dof, 4);
    for (size_t i = 0; i < draws; i++)
        member->write_surprise[i] = gsl_ran_gaussian_ziggurat(rng, 1);
    draw_t(rng, dof, member->delta_shared, draws);
    for (size_t i = 0; i < draws * ROLLOUT_SLOTS; i++) {
        member->delta_surprise[i] =
            DELTA_SHARED * member->delta_shared[i % draws] + DELTA_OWN * gsl_ran_tdist(rng, dof);
    }
    draw_luck(rng, &model->snapshot, &member->snapshot, draws);
    draw_luck(rng, &model->copy, &member->copy, draws);
}

static enum error_code draw_all(struct rollout *rollout, struct error *err)
{
    const struct plan_input *input = rollout->input;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    if (rng == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold a random number generator");
    gsl_rng_set(rng, input->seed);
    double spread = log(input->overhead.p95_s / input->overhead.p50_s) / NORMAL_P95;
    for (size_t i = 0; i < rollout->draw_count; i++) {
        rollout->overhead_s[i] =
            input->overhead.p50_s * exp(spread * gsl_ran_gaussian_ziggurat(rng, 1));
    }
    for (size_t i = 0; i < input->member_count; i++)
        draw_member(rng, input->members[i].model, &rollout->members[i], rollout->draw_count);
    gsl_rng_free(rng);
    return ERR_NONE;
}

/* What one member carries. */
struct load {
    double bytes;
    bool full;
};

/* One draw and one slot of it. */
struct moment {
    size_t draw;
    size_t slot;
    size_t index; /* of slot and draw in the arrays per slot and draw */
};

/* Seconds of a transfer in one draw, the surprise of its slot aside. */
static double line_s(const struct transfer_luck *luck, size_t draw, const struct load *load)
{
    double mib = load->bytes / BYTES_PER_MIB;
    if (load->full)
        return luck->fixed_s[draw] + luck->full_s_per_mib[draw] * mib;
    return (luck->fixed_s[draw] + luck->s_per_mib[draw] * mib) * luck->drift_ratio;
}

static double transfer_s(const struct transfer_luck *luck, const struct moment *moment,
                         const struct load *load)
{
    return fmin(line_s(luck, moment->draw, load) * luck->surprise_ratio[moment->index], LONGEST_S);
}

/* The same for a copy, which may have been asked to be over by then. */
static double copy_s(const struct rollout *rollout, const struct transfer_luck *luck,
                     const struct moment *moment, const struct load *load)
{
    const struct plan_input *input = rollout->input;
    double longest_s = timed_copy_longest_s(input->copy_limit_ms, input->copy_hops, load->bytes);
    return fmin(transfer_s(luck, moment, load), longest_s);
}

/* The same, given that it already runs for age_s; returns what remains. */
static double remaining_s(const struct duration_fit *fit, const struct transfer_luck *luck,
                          const struct moment *moment, const struct load *load, double age_s)
{
    double line = log(line_s(luck, moment->draw, load));
    double noise = TIME_INFLATION * fit->noise;
    double passed = gsl_cdf_tdist_P((log(fmax(age_s, 1)) - line) / noise, DURATION_DOF);
    passed = fmin(passed, LATEST_CHANCE);
    double chance = gsl_cdf_tdist_P(luck->shared[moment->draw], DURATION_DOF);
    double still = fmin(passed + chance * (1 - passed), 0.5 * (1 + LATEST_CHANCE));
    double surprise = gsl_cdf_tdist_Pinv(fmax(still, 1e-6), DURATION_DOF);
    return fmin(fmax(exp(line + noise * surprise) - age_s, 1), LONGEST_S);
}

static const struct delta_law *law_of(const struct rollout *rollout, size_t index, size_t slot,
                                      int64_t base_ms, int64_t start_ms)
{
    struct known_law *known = &rollout->members[index].laws[slot];
    if (known->base_ms != base_ms || known->start_ms != start_ms) {
        known->base_ms = base_ms;
        known->start_ms = start_ms;
        known->law =
            forecast_delta_law_typical(rollout->input->members[index].model, base_ms, start_ms);
    }
    return &known->law;
}

/* What changed in one member since base_ms, or everything if there is no base. */
static struct load carried(const struct rollout *rollout, size_t index, const struct moment *moment,
                           int64_t base_ms, int64_t start_ms)
{
    const struct plan_member *member = &rollout->input->members[index];
    const struct rollout_member *luck = &rollout->members[index];
    if (base_ms == 0)
        return (struct load){.bytes = (double)member->full_bytes, .full = true};
    const struct delta_law *law = law_of(rollout, index, moment->slot, base_ms, start_ms);
    double error = law->blocks.typical_scale * luck->delta_surprise[moment->index];
    double write_error = law->write_scale * luck->write_surprise[moment->draw];
    return (struct load){.bytes = forecast_delta_at(law, error, write_error)};
}

/* The leg of this moment that begins at begin_s, after the round at previous_ms (0: none yet, each
 * member has its own past). Neighbouring candidates share most of their rounds: one that begins as
 * in the play before keeps its numbers. */
static struct rollout_leg *leg_at(const struct rollout *rollout, const struct moment *moment,
                                  int64_t previous_ms, double begin_s)
{
    struct rollout_leg *leg = &rollout->legs[moment->index];
    if (leg->previous_ms != previous_ms || leg->begin_s != begin_s || leg->begin_ms == 0) {
        *leg = (struct rollout_leg){
            .begin_s = begin_s,
            .begin_ms = instant_of(rollout->input, begin_s),
            .previous_ms = previous_ms,
        };
    }
    leg->made = false;
    leg->start_s = begin_s;
    return leg;
}

/* Until the last of the set's copies is over that are wanted from start_s on (after now): as long as
 * the slowest where places are free, longer where they wait for each other or for others. */
static double copies_over_s(const struct rollout *rollout, double start_s)
{
    const struct plan_input *input = rollout->input;
    return places_last_over(&input->places, instant_of(input, start_s), rollout->copies_s,
                            input->member_count);
}

/* Plays snapshot and copy of the whole set. */
static void play_leg(const struct rollout *rollout, const struct moment *moment,
                     struct rollout_leg *leg)
{
    const struct plan_input *input = rollout->input;
    leg->made = true;
    if (leg->snapshot_s > 0)
        return;
    for (size_t i = 0; i < input->member_count; i++) {
        const struct plan_member *member = &input->members[i];
        const struct rollout_member *luck = &rollout->members[i];
        bool first = leg->previous_ms == 0;
        int64_t base_ms = first ? rollout_base_ms(member) : leg->previous_ms;
        int64_t copied_ms = first ? member->last_copied_ms : leg->previous_ms;
        struct load load = carried(rollout, i, moment, base_ms, leg->begin_ms);
        leg->snapshot_s = fmax(leg->snapshot_s, transfer_s(&luck->snapshot, moment, &load));
        if (input->copies) {
            if (copied_ms != base_ms)
                load = carried(rollout, i, moment, copied_ms, leg->begin_ms);
            rollout->copies_s[i] = copy_s(rollout, &luck->copy, moment, &load);
        }
        leg->delta_bytes += load.bytes;
    }
    if (input->copies)
        leg->copy_s = copies_over_s(rollout, leg->begin_s + leg->snapshot_s);
}

/* The bytes of the round in flight, for its snapshot or for its copy. */
static struct load pending_load(const struct rollout *rollout, size_t index,
                                const struct moment *moment, int64_t base_ms)
{
    const struct plan_member *member = &rollout->input->members[index];
    if (base_ms != 0 && base_ms == member->last_snapshot_ms && member->pending_delta_bytes > 0)
        return (struct load){.bytes = (double)member->pending_delta_bytes};
    return carried(rollout, index, moment, base_ms, rollout->input->round_started_ms);
}

/* What remains of the round in flight in one draw: its leg, as durations from now on. */
static void play_in_flight(const struct rollout *rollout, const struct moment *moment,
                           struct rollout_leg *leg)
{
    const struct plan_input *input = rollout->input;
    double age_s = (double)(input->now_ms - input->phase_started_ms) / 1000;
    for (size_t i = 0; i < input->member_count; i++) {
        const struct plan_member *member = &input->members[i];
        const struct volume_model *model = member->model;
        const struct rollout_member *luck = &rollout->members[i];
        struct load load = pending_load(rollout, i, moment, member->last_snapshot_ms);
        if (input->phase == PLAN_SNAPSHOT_PENDING) {
            leg->snapshot_s = fmax(leg->snapshot_s, remaining_s(&model->snapshot, &luck->snapshot,
                                                                moment, &load, age_s));
        }
        if (input->copies) {
            load = pending_load(rollout, i, moment, member->last_copied_ms);
            double left_s = input->phase == PLAN_COPY_PENDING
                                ? remaining_s(&model->copy, &luck->copy, moment, &load, age_s)
                                : copy_s(rollout, &luck->copy, moment, &load);
            rollout->copies_s[i] = left_s;
            leg->copy_s = fmax(leg->copy_s, left_s);
        }
        leg->delta_bytes += load.bytes;
    }
    if (input->copies && input->phase == PLAN_SNAPSHOT_PENDING)
        leg->copy_s = copies_over_s(rollout, leg->snapshot_s);
    leg->made = true;
}

static struct moment moment_of(const struct rollout *rollout, size_t slot, size_t draw)
{
    return (struct moment){.draw = draw, .slot = slot, .index = slot * rollout->draw_count + draw};
}

/* The same, but something of it told how far it is. */
static double told_remaining_s(double remaining_s, double age_s, int percent, double surprise)
{
    if (percent < TELLING_PERCENT || age_s < 1)
        return remaining_s;
    double weight = (double)percent / 100;
    double scale = fmax(PROGRESS_CERTAIN, PROGRESS_SCALE * (1 - weight));
    double told = log(age_s / weight) + scale * surprise;
    double both = (1 - weight) * log(age_s + remaining_s) + weight * told;
    return fmax(exp(both) - age_s, 1);
}

/* How long one draw has to wait for somebody else's snapshots. */
static double foreign_s(const struct rollout *rollout, const struct moment *moment)
{
    const struct plan_input *input = rollout->input;
    double longest_s = 0;
    for (size_t i = 0; i < input->member_count; i++) {
        const struct plan_member *member = &input->members[i];
        const struct transfer_luck *luck = &rollout->members[i].snapshot;
        if (member->foreign_ms == 0)
            continue;
        double age_s = (double)(input->now_ms - member->foreign_ms) / 1000;
        struct load load =
            carried(rollout, i, moment, member->last_snapshot_ms, member->foreign_ms);
        double left_s = remaining_s(&member->model->snapshot, luck, moment, &load, age_s);
        left_s =
            told_remaining_s(left_s, age_s, member->foreign_percent, luck->shared[moment->draw]);
        longest_s = fmax(longest_s, left_s);
    }
    return longest_s;
}

static void settle_foreign(struct rollout *rollout)
{
    for (size_t draw = 0; draw < rollout->draw_count; draw++) {
        struct moment moment = moment_of(rollout, ROLLOUT_IN_FLIGHT, draw);
        rollout->free_s[draw] = fmax(rollout->free_s[draw], foreign_s(rollout, &moment));
    }
}

static void settle_in_flight(struct rollout *rollout)
{
    if (rollout->input->phase == PLAN_IDLE)
        return;
    for (size_t draw = 0; draw < rollout->draw_count; draw++) {
        struct moment moment = moment_of(rollout, ROLLOUT_IN_FLIGHT, draw);
        struct rollout_leg *leg = &rollout->legs[moment.index];
        play_in_flight(rollout, &moment, leg);
        rollout->free_s[draw] = leg->snapshot_s + leg->copy_s;
    }
}

static enum error_code allocate(struct rollout *rollout, struct error *err)
{
    size_t members = rollout->input->member_count;
    size_t draws = rollout->draw_count;
    rollout->members = calloc(members, sizeof(*rollout->members));
    rollout->numbers = calloc(draws * (COMMON_ARRAYS + members * MEMBER_ARRAYS) + members,
                              sizeof(*rollout->numbers));
    rollout->legs = calloc(draws * ROLLOUT_SLOTS, sizeof(*rollout->legs));
    if (rollout->members == NULL || rollout->numbers == NULL || rollout->legs == NULL) {
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu draws of %zu volumes", draws,
                         members);
    }
    carve_all(rollout);
    return ERR_NONE;
}

/* The instant of the oldest base in the set; 0 if a member has none and a full one is due. */
static int64_t oldest_base_ms(const struct rollout *rollout, int64_t previous_ms)
{
    const struct plan_input *input = rollout->input;
    int64_t oldest_ms = previous_ms != 0 ? previous_ms : INT64_MAX;
    for (size_t i = 0; i < input->member_count && previous_ms == 0; i++) {
        const struct plan_member *member = &input->members[i];
        int64_t base_ms = input->copies ? member->last_copied_ms : rollout_base_ms(member);
        oldest_ms = base_ms < oldest_ms ? base_ms : oldest_ms;
    }
    return oldest_ms;
}

enum error_code rollout_init(struct rollout *rollout, const struct plan_input *input,
                             struct error *err)
{
    CLEANUP_ROLLOUT struct rollout made = {.input = input, .draw_count = input->draw_count};
    TRY(allocate(&made, err));
    TRY(draw_all(&made, err));
    settle_in_flight(&made);
    settle_foreign(&made);
    made.full_first = input->phase == PLAN_IDLE && oldest_base_ms(&made, 0) == 0;
    *rollout = made;
    made = (struct rollout){0};
    return ERR_NONE;
}

/* When something may begin that is due at due_s. */
static double not_in_blackout(const struct rollout *rollout, double due_s)
{
    const struct plan_input *input = rollout->input;
    int64_t due_ms = instant_of(input, due_s);
    int64_t end_ms = blackouts_end(&input->blackouts, due_ms);
    return end_ms == due_ms ? due_s : (double)(end_ms - input->now_ms) / 1000;
}

static double round_start(const struct rollout *rollout, const struct rollout_candidate *candidate,
                          size_t round, double free_s)
{
    size_t first = rollout->full_first ? 1 : 0;
    double start_s = free_s;
    if (round < first)
        start_s = fmax(start_s, candidate->full_s);
    if (round == first)
        start_s = fmax(start_s, candidate->start_s);
    if (round > first && round + 1 == candidate->round_count)
        start_s = fmax(start_s, candidate->cut_s - candidate->gap_s);
    if (round >= candidate->round_count && candidate->go_on_s > 0)
        start_s = fmax(start_s, candidate->cut_s - candidate->go_on_s);
    return not_in_blackout(rollout, start_s);
}

/* The seconds of a line in one draw, with the surprise of the night. */
static double night_s(const struct transfer_luck *luck, size_t draw, const struct load *load)
{
    return line_s(luck, draw, load) * luck->shared_ratio[draw];
}

/* How long a round begun at start_ms would take, as far as one knows before: by then the night has
 * shown what it is like, and only the round's own surprises are unknown. */
static double expected_round_s(const struct rollout *rollout, const struct moment *moment,
                               int64_t base_ms, int64_t start_ms)
{
    const struct plan_input *input = rollout->input;
    double longest_s = 0;
    for (size_t i = 0; i < input->member_count; i++) {
        const struct rollout_member *luck = &rollout->members[i];
        const struct delta_law *law = law_of(rollout, i, moment->slot, base_ms, start_ms);
        double error = law->blocks.typical_scale * DELTA_SHARED * luck->delta_shared[moment->draw];
        double write_error = law->write_scale * luck->write_surprise[moment->draw];
        struct load load = {.bytes = forecast_delta_at(law, error, write_error)};
        double seconds = night_s(&luck->snapshot, moment->draw, &load);
        if (input->copies)
            seconds +=
                fmin(night_s(&luck->copy, moment->draw, &load),
                     timed_copy_longest_s(input->copy_limit_ms, input->copy_hops, load.bytes));
        longest_s = fmax(longest_s, seconds);
    }
    return longest_s;
}

/* When a leg would be over, as far as one knows before. */
static double expected_over_s(const struct rollout *rollout, const struct moment *moment,
                              int64_t base_ms, struct rollout_leg *leg)
{
    if (leg->expected_s == 0)
        leg->expected_s = expected_round_s(rollout, moment, base_ms, leg->begin_ms);
    return leg->begin_s + leg->expected_s;
}

/* A round that planning anew puts into the time before the candidate's last one, the next to come; NULL
 * if there is none or it would hardly be over by then. */
static struct rollout_leg *round_between(const struct rollout *rollout,
                                         const struct rollout_candidate *candidate,
                                         const struct moment *moment, int64_t previous_ms,
                                         double free_s)
{
    double last_s = round_start(rollout, candidate, candidate->round_count - 1, free_s);
    double begin_s = not_in_blackout(rollout, fmax(free_s, candidate->cut_s - candidate->go_on_s));
    int64_t base_ms = oldest_base_ms(rollout, previous_ms);
    if (begin_s >= last_s || base_ms == 0)
        return NULL;
    struct rollout_leg *leg = leg_at(rollout, moment, previous_ms, begin_s);
    return expected_over_s(rollout, moment, base_ms, leg) <= last_s ? leg : NULL;
}

/* Whether a round is made when the leg begins. Up to the cut the candidate says, and then what has
 * room before it; a run that is late goes on as long as a round clearly shortens the final and has
 * room in the window, as planning anew would. Without a base (a full one is due) the candidate alone
 * decides. */
static bool makes_round(const struct rollout *rollout, const struct rollout_candidate *candidate,
                        size_t round, const struct moment *moment, struct rollout_leg *leg)
{
    int64_t base_ms = oldest_base_ms(rollout, leg->previous_ms);
    bool late = leg->begin_s > candidate->cut_s - LEAST_LEAD_S;
    if (base_ms == 0 || (!late && round < candidate->round_count))
        return round < candidate->round_count;
    bool wanted = candidate->go_on_s > 0;
    if (late) {
        double gap_s = (double)(leg->begin_ms - base_ms) / 1000;
        wanted = round < PLAN_MAX_ROUNDS && gap_s > candidate->worth_gap_s;
    }
    if (!wanted)
        return false;
    double over_s = expected_over_s(rollout, moment, base_ms, leg);
    return late ? over_s + candidate->worth_gap_s < candidate->end_s : over_s < candidate->cut_s;
}

static void play_final(struct rollout *rollout, const struct rollout_candidate *candidate,
                       size_t draw, int64_t previous_ms, double free_s)
{
    struct moment moment = moment_of(rollout, ROLLOUT_FINAL, draw);
    double cut_s = not_in_blackout(rollout, fmax(free_s, candidate->cut_s));
    double fence_s = rollout->input->fixed_fence ? candidate->cut_s : cut_s;
    struct rollout_leg *final = leg_at(rollout, &moment, previous_ms, fence_s);
    play_leg(rollout, &moment, final);
    final->start_s = cut_s;
    rollout->outcome.bytes[draw] += final->delta_bytes;
    rollout->outcome.ready_s[draw] = free_s;
    rollout->outcome.cut_s[draw] = cut_s;
    rollout->outcome.downtime_s[draw] =
        cut_s - fence_s + rollout->overhead_s[draw] + final->snapshot_s + final->copy_s;
}

static void play_draw(struct rollout *rollout, const struct rollout_candidate *candidate,
                      size_t draw)
{
    const struct plan_input *input = rollout->input;
    int64_t previous_ms = input->phase == PLAN_IDLE ? 0 : input->round_started_ms;
    double free_s = rollout->free_s[draw];
    double *bytes = &rollout->outcome.bytes[draw];
    size_t most = candidate->go_on_s > 0 ? MOST_ROUNDS : PLAN_MAX_ROUNDS;
    size_t planned = 0; /* of those of the candidate, or that follow on them */
    size_t round = 0;
    *bytes = 0;
    for (; round < most; round++) {
        size_t slot = round < PLAN_MAX_ROUNDS ? round : ROLLOUT_LATER;
        struct moment moment = moment_of(rollout, slot, draw);
        struct rollout_leg *leg = NULL;
        if (candidate->go_on_s > 0 && planned > 0 && planned + 1 == candidate->round_count)
            leg = round_between(rollout, candidate, &moment, previous_ms, free_s);
        if (leg == NULL) {
            double begin_s = round_start(rollout, candidate, planned, free_s);
            leg = leg_at(rollout, &moment, previous_ms, begin_s);
            if (!makes_round(rollout, candidate, planned, &moment, leg))
                break;
            planned++;
        }
        play_leg(rollout, &moment, leg);
        free_s = leg->begin_s + leg->snapshot_s + leg->copy_s;
        previous_ms = leg->begin_ms;
        *bytes += leg->delta_bytes;
    }
    rollout->outcome.rounds[draw] = (double)round;
    for (; round < PLAN_MAX_ROUNDS; round++)
        rollout->legs[moment_of(rollout, round, draw).index].made = false;
    play_final(rollout, candidate, draw, previous_ms, free_s);
}

void rollout_play(struct rollout *rollout, const struct rollout_candidate *candidate,
                  size_t draw_count)
{
    size_t count = draw_count < rollout->draw_count ? draw_count : rollout->draw_count;
    for (size_t draw = 0; draw < count; draw++)
        play_draw(rollout, candidate, draw);
}
