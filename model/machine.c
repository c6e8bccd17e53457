#include "model/machine.h"

#include <string.h>

/* The whole migration. Every state has one effect; abort is possible wherever a row says so. */
static const struct machine_row rows[] = {
    {STATE_PLAN, EVENT_ROUND, STATE_ROUND_WAIT, EFFECT_PLAN, UNDO_NOTHING},
    {STATE_PLAN, EVENT_CUT, STATE_CUT_WAIT, EFFECT_PLAN, UNDO_NOTHING},
    {STATE_PLAN, EVENT_ABORT, STATE_ABORTING, EFFECT_PLAN, UNDO_NOTHING},
    {STATE_ROUND_WAIT, EVENT_OK, STATE_ROUND_SNAPSHOT, EFFECT_WAIT_ROUND, UNDO_NOTHING},
    {STATE_ROUND_WAIT, EVENT_REPLAN, STATE_PLAN, EFFECT_WAIT_ROUND, UNDO_NOTHING},
    {STATE_ROUND_WAIT, EVENT_ABORT, STATE_ABORTING, EFFECT_WAIT_ROUND, UNDO_NOTHING},
    {STATE_ROUND_SNAPSHOT, EVENT_OK, STATE_ROUND_COMPLETE, EFFECT_SNAPSHOT, UNDO_SNAPSHOT},
    {STATE_ROUND_SNAPSHOT, EVENT_ABORT, STATE_ABORTING, EFFECT_SNAPSHOT, UNDO_SNAPSHOT},
    {STATE_ROUND_COMPLETE, EVENT_OK, STATE_ROUND_COPY, EFFECT_AWAIT_SNAPSHOT, UNDO_NOTHING},
    {STATE_ROUND_COMPLETE, EVENT_LOST, STATE_PLAN, EFFECT_AWAIT_SNAPSHOT, UNDO_NOTHING},
    {STATE_ROUND_COMPLETE, EVENT_ABORT, STATE_ABORTING, EFFECT_AWAIT_SNAPSHOT, UNDO_NOTHING},
    {STATE_ROUND_COPY, EVENT_OK, STATE_ROUND_COPIED, EFFECT_COPY, UNDO_COPY},
    {STATE_ROUND_COPY, EVENT_LOST, STATE_PLAN, EFFECT_COPY, UNDO_COPY},
    {STATE_ROUND_COPY, EVENT_ABORT, STATE_ABORTING, EFFECT_COPY, UNDO_COPY},
    {STATE_ROUND_COPIED, EVENT_OK, STATE_ROUND_LEARN, EFFECT_AWAIT_COPY, UNDO_NOTHING},
    {STATE_ROUND_COPIED, EVENT_HOP, STATE_ROUND_COPY, EFFECT_AWAIT_COPY, UNDO_NOTHING},
    {STATE_ROUND_COPIED, EVENT_LOST, STATE_ROUND_COPY, EFFECT_AWAIT_COPY, UNDO_NOTHING},
    {STATE_ROUND_COPIED, EVENT_ABORT, STATE_ABORTING, EFFECT_AWAIT_COPY, UNDO_NOTHING},
    {STATE_ROUND_LEARN, EVENT_OK, STATE_PLAN, EFFECT_LEARN, UNDO_NOTHING},
    {STATE_ROUND_LEARN, EVENT_ABORT, STATE_ABORTING, EFFECT_LEARN, UNDO_NOTHING},
    {STATE_CUT_WAIT, EVENT_OK, STATE_FENCE, EFFECT_WAIT_CUT, UNDO_NOTHING},
    {STATE_CUT_WAIT, EVENT_REPLAN, STATE_PLAN, EFFECT_WAIT_CUT, UNDO_NOTHING},
    {STATE_CUT_WAIT, EVENT_ABORT, STATE_ABORTING, EFFECT_WAIT_CUT, UNDO_NOTHING},
    {STATE_FENCE, EVENT_OK, STATE_CUT, EFFECT_FENCE, UNDO_FENCE},
    {STATE_FENCE, EVENT_ABORT, STATE_ABORTING, EFFECT_FENCE, UNDO_FENCE},
    {STATE_CUT, EVENT_OK, STATE_FINAL_COMPLETE, EFFECT_CUT, UNDO_FREEZE},
    {STATE_CUT, EVENT_ABORT, STATE_ABORTING, EFFECT_CUT, UNDO_FREEZE},
    {STATE_FINAL_COMPLETE, EVENT_OK, STATE_FINAL_COPY, EFFECT_AWAIT_SNAPSHOT, UNDO_NOTHING},
    {STATE_FINAL_COMPLETE, EVENT_LOST, STATE_CUT, EFFECT_AWAIT_SNAPSHOT, UNDO_NOTHING},
    {STATE_FINAL_COMPLETE, EVENT_ABORT, STATE_ABORTING, EFFECT_AWAIT_SNAPSHOT, UNDO_NOTHING},
    {STATE_FINAL_COPY, EVENT_OK, STATE_FINAL_COPIED, EFFECT_COPY, UNDO_COPY},
    {STATE_FINAL_COPY, EVENT_LOST, STATE_CUT, EFFECT_COPY, UNDO_COPY},
    {STATE_FINAL_COPY, EVENT_ABORT, STATE_ABORTING, EFFECT_COPY, UNDO_COPY},
    {STATE_FINAL_COPIED, EVENT_OK, STATE_VOLUMES, EFFECT_AWAIT_COPY, UNDO_NOTHING},
    {STATE_FINAL_COPIED, EVENT_HOP, STATE_FINAL_COPY, EFFECT_AWAIT_COPY, UNDO_NOTHING},
    {STATE_FINAL_COPIED, EVENT_LOST, STATE_FINAL_COPY, EFFECT_AWAIT_COPY, UNDO_NOTHING},
    {STATE_FINAL_COPIED, EVENT_ABORT, STATE_ABORTING, EFFECT_AWAIT_COPY, UNDO_NOTHING},
    {STATE_VOLUMES, EVENT_OK, STATE_VOLUMES_READY, EFFECT_CREATE_VOLUMES, UNDO_VOLUME},
    {STATE_VOLUMES, EVENT_LOST, STATE_FINAL_COPY, EFFECT_CREATE_VOLUMES, UNDO_VOLUME},
    {STATE_VOLUMES, EVENT_ABORT, STATE_ABORTING, EFFECT_CREATE_VOLUMES, UNDO_VOLUME},
    {STATE_VOLUMES_READY, EVENT_OK, STATE_ATTACH, EFFECT_AWAIT_VOLUMES, UNDO_NOTHING},
    {STATE_VOLUMES_READY, EVENT_LOST, STATE_VOLUMES, EFFECT_AWAIT_VOLUMES, UNDO_NOTHING},
    {STATE_VOLUMES_READY, EVENT_ABORT, STATE_ABORTING, EFFECT_AWAIT_VOLUMES, UNDO_NOTHING},
    {STATE_ATTACH, EVENT_OK, STATE_ATTACHED, EFFECT_ATTACH, UNDO_ATTACH},
    {STATE_ATTACH, EVENT_ABORT, STATE_ABORTING, EFFECT_ATTACH, UNDO_ATTACH},
    {STATE_ATTACHED, EVENT_OK, STATE_HAND_OVER, EFFECT_AWAIT_ATTACH, UNDO_NOTHING},
    {STATE_ATTACHED, EVENT_ABORT, STATE_ABORTING, EFFECT_AWAIT_ATTACH, UNDO_NOTHING},
    {STATE_HAND_OVER, EVENT_OK, STATE_DONE, EFFECT_HAND_OVER, UNDO_REFUSED},
    {STATE_ABORTING, EVENT_OK, STATE_ABORTED, EFFECT_UNDO, UNDO_NOTHING},
    {STATE_ABORTING, EVENT_ABORT, STATE_ABORTING, EFFECT_UNDO, UNDO_NOTHING},
};

static const struct {
    const char *name;
    enum machine_phase phase;
    const char *sentence;
} states[] = {
#define STATE_ROW(state, name, phase, sentence) [state] = {name, phase, sentence},
    MACHINE_STATES(STATE_ROW)
#undef STATE_ROW
};

static const char *const event_names[] = {
    [EVENT_OK] = "ok",       [EVENT_ROUND] = "another round", [EVENT_CUT] = "cut",
    [EVENT_HOP] = "hop",     [EVENT_LOST] = "lost",           [EVENT_REPLAN] = "plan anew",
    [EVENT_ABORT] = "abort",
};

static const char *const undo_names[] = {
    [UNDO_NOTHING] = "-",
    [UNDO_SNAPSHOT] = "delete the snapshots",
    [UNDO_COPY] = "delete the copies",
    [UNDO_FENCE] = "let the writers in again",
    [UNDO_FREEZE] = "thaw; end backup mode",
    [UNDO_VOLUME] = "delete the volumes",
    [UNDO_ATTACH] = "detach the volumes",
    [UNDO_REFUSED] = "none: past the point of no return",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct machine_row *first_row(enum machine_state state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].state == state)
            return &rows[i];
    }
    return NULL;
}

enum machine_effect machine_effect(enum machine_state state)
{
    const struct machine_row *row = first_row(state);
    return row == NULL ? EFFECT_NONE : row->effect;
}

enum machine_undo machine_undo(enum machine_state state)
{
    const struct machine_row *row = first_row(state);
    return row == NULL ? UNDO_NOTHING : row->undo;
}

enum error_code machine_next(enum machine_state state, enum machine_event event,
                             enum machine_state *next, struct error *err)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].state == state && rows[i].event == event) {
            *next = rows[i].next;
            return ERR_NONE;
        }
    }
    return error_set(err, ERR_STATE, "'%s' is not possible in state '%s'", event_names[event],
                     states[state].name);
}

bool machine_is_final(enum machine_state state)
{
    return first_row(state) == NULL;
}

enum machine_phase machine_phase(enum machine_state state)
{
    return states[state].phase;
}

const char *machine_name(enum machine_state state)
{
    return states[state].name;
}

const char *machine_sentence(enum machine_state state)
{
    return states[state].sentence;
}

enum error_code machine_parse(const char *name, enum machine_state *state, struct error *err)
{
    for (size_t i = 0; i < COUNT(states); i++) {
        if (strcmp(states[i].name, name) == 0) {
            *state = (enum machine_state)i;
            return ERR_NONE;
        }
    }
    return error_set(err, ERR_INVALID, "no state is named '%s'", name);
}

/* Abort leads from everywhere to the same place; drawing it would hide the path. The states go by
 * number, because Mermaid takes no hyphen in a name. */
static void print_picture(struct strbuf *page)
{
    strbuf_puts(page, "```mermaid\nstateDiagram-v2\n");
    for (size_t i = 0; i < COUNT(states); i++)
        strbuf_printf(page, "    state \"%s\" as s%zu\n", states[i].name, i);
    strbuf_printf(page, "    [*] --> s%d\n", STATE_PLAN);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].event == EVENT_ABORT)
            continue;
        strbuf_printf(page, "    s%d --> s%d", rows[i].state, rows[i].next);
        if (rows[i].event != EVENT_OK)
            strbuf_printf(page, ": %s", event_names[rows[i].event]);
        strbuf_puts(page, "\n");
    }
    strbuf_printf(page, "    s%d --> [*]\n    s%d --> [*]\n```\n", STATE_DONE, STATE_ABORTED);
}

void machine_print(struct strbuf *page)
{
    static const char *const phases[] = {
        [PHASE_SERIES] = "series",
        [PHASE_DOWN] = "down",
        [PHASE_OVER] = "over",
        [PHASE_ABORT] = "abort",
    };
    strbuf_puts(page, "# The states of a migration\n\n"
                      "Made from the table in `model/machine.c` by `./dev docs`; do not edit.\n\n"
                      "The journal holds the state that a run is in, so `ebshift resume` begins "
                      "there. `ebshift abort`\nis possible in every state before `hand-over` and "
                      "undoes, in reverse order, what was begun.\n\n");
    print_picture(page);
    strbuf_puts(page, "\n| state | phase | what it does | undo |\n|---|---|---|---|\n");
    for (size_t i = 0; i < COUNT(states); i++) {
        strbuf_printf(page, "| `%s` | %s | %s | %s |\n", states[i].name, phases[states[i].phase],
                      states[i].sentence, undo_names[machine_undo((enum machine_state)i)]);
    }
}
