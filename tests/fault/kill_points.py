"""SIGKILL at every kind of instant of a migration and of an abort; then resume ends as if nothing had
happened, or abort leaves nothing.

Kills come while a call's effect has happened and its answer has not, at each intent of the journal,
in each state, and at instants spread over the run's whole length. Without --all a selection runs.
"""

import collections
import itertools
import random
import time

import fault_rig as rig

CREATING = (("CreateSnapshot", 0), ("CopySnapshot", 1), ("CreateVolume", 2))
STATES = ("plan", "round-wait", "round-snapshot", "round-complete", "round-copy", "round-copied",
          "round-learn", "cut-wait", "fence", "cut", "final-complete", "final-copy", "final-copied",
          "volumes", "volumes-ready", "attach", "attached", "hand-over")


class Tally:
    """Where the kills really landed."""

    def __init__(self):
        self.states = collections.Counter()

    def killed(self, case):
        self.states[case.state() or "before the run"] += 1


def go_on(case, end):
    """Resume or abort after a kill, and the audit that belongs to it."""
    state = case.state()
    if state is None:
        end = "migrate"
    if state in ("hand-over", "done") and end == "abort":
        assert case.run("abort") == 1, f"abort past the point of no return:\n{case.told}"
        end = "resume"
    if state != "done":
        code = case.run(end)
        assert code == 0, f"{end} after a kill in '{state}' ended with {code}:\n{case.told[-1500:]}"
    if end == "abort":
        case.expect_gone()
    else:
        case.expect_done()


def made(case, kind, count):
    """True once the world holds so many objects of a kind, whether it says so or not."""
    run_id = case.run_id()
    if run_id is None:
        return False
    snapshots, volumes = case.site.truth(run_id)
    return len([[s for s in snapshots if not s["is_copy"]], [s for s in snapshots if s["is_copy"]],
                volumes][kind]) >= count


def intended(case, kind, count):
    rows = case.ask(f"SELECT count(*) FROM object WHERE kind = {kind}")
    return bool(rows) and rows[0][0] >= count


def in_flight(site, tally, action, kind, nth, hidden, end):
    """The effect has happened, the answer is still held back."""
    case = site.case()
    site.arm(f"slow-reply:{action}@{nth}", *([f"invisible:{action}@{nth}"] if hidden else []))
    case.kill_when("migrate", lambda: made(case, kind, nth))
    site.disarm()
    tally.killed(case)
    go_on(case, end)


def at_intent(site, tally, kind, nth, end):
    """The intent is in the journal; the call may be on its way or not."""
    case = site.case()
    case.kill_when("migrate", lambda: intended(case, kind, nth))
    tally.killed(case)
    go_on(case, end)


def in_state(site, tally, state, end):
    case = site.case()
    case.kill_when("migrate", lambda: case.state() == state)
    tally.killed(case)
    go_on(case, end)


def in_abort(site, tally, state, action, nth, end):
    """An abort is killed while a removal is under way; the next one, or resume, completes it."""
    case = site.case()
    case.kill_when("migrate", lambda: case.state() == state)
    if case.state() in (None, "hand-over", "done"):
        return
    before = case.left()
    site.arm(f"slow-reply:{action}@{nth}")
    case.kill_when("abort", lambda: case.left() <= before - nth)
    site.disarm()
    tally.killed(case)
    if case.state() != "aborted":
        code = case.run(end)
        assert code == 0, f"{end} of a killed abort ended with {code}:\n{case.told[-1500:]}"
    case.expect_gone()


def at_delays(site, tally, delays, end):
    """Killed again and again, each process after a while of its own; then left alone."""
    case = site.case()
    for delay in delays:
        if case.state() in ("done", "aborted"):
            break
        process = case.start("migrate" if case.state() is None else "resume")
        time.sleep(delay)
        case.kill(process)
        tally.killed(case)
    go_on(case, end)


def plan(everything):
    """(function, arguments) of each case."""
    ends = itertools.cycle(("resume", "abort"))
    for (action, kind), nth, hidden in itertools.product(CREATING, (1, 2, 3), (False, True)):
        if (nth > 1 and kind == 2) or (nth > 2 and not everything):
            continue
        for end in ("resume", "abort") if everything or hidden else (next(ends),):
            yield in_flight, (action, kind, nth, hidden, end)
    for kind, nth in itertools.product((0, 1, 2), (1, 2, 3)):
        for end in ("resume", "abort") if kind < 2 or nth == 1 else ():
            if everything or nth < 3:
                yield at_intent, (kind, nth, end)
    for state in STATES:
        for end in ("resume", "abort") if everything else (next(ends),):
            yield in_state, (state, end)
    for state, action in (("round-complete", "DeleteSnapshot"), ("final-copied", "DeleteSnapshot"),
                          ("volumes-ready", "DeleteVolume"), ("volumes-ready", "DeleteSnapshot")):
        for nth in (1, 2, 3, 4) if everything else (1,):
            yield in_abort, (state, action, nth, "abort" if nth % 2 else "resume")
    dice = random.Random(20261123)
    for number in range(500 if everything else 24):
        count = 1 + number % 3
        delays = [dice.uniform(0.005, 0.5) for _ in range(count)]
        yield at_delays, (delays, next(ends))


def test(place, everything):
    site = rig.Site(place)
    tally, failed, count, begun = Tally(), [], 0, time.monotonic()
    for kill, arguments in plan(everything):
        count += 1
        try:
            kill(site, tally, *arguments)
        except AssertionError as error:
            failed.append((kill.__name__, arguments))
            print(f"FAILED: {kill.__name__}{arguments}: {error}", flush=True)
            site.disarm()
    print(f"{sum(tally.states.values())} kills in {count} cases, {len(failed)} failed, "
          f"{time.monotonic() - begun:.0f} s")
    for state, kills in sorted(tally.states.items(), key=lambda item: -item[1]):
        print(f"  {kills:4} in '{state}'")
    assert not failed, failed


if __name__ == "__main__":
    rig.main(test)
