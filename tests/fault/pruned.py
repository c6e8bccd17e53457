"""Somebody prunes what the next copy, or the next snapshot, of a series builds on. With --all in an
account with a volume of two terabytes, where everything takes fourteen hours and a difference minutes.
"""

import json
import signal

import fault_rig as rig

h = rig.h


class Account:
    """Runs that move a volume out of an account, each with a store of its own."""

    def __init__(self, place, seeded):
        self.site = rig.Site(place, time_scale=5000 if seeded else 20000,
                             world="seeded" if seeded else "empty")
        self.seeded = seeded
        self.site.clock.hold()

    def volume(self):
        if self.seeded:
            return self.site.cloud.env["CLOUDSIM_VOLUME"].split()[0]
        return self.site.new_volume(self.site.ec2)

    def window(self):
        now = h.datetime.datetime.fromtimestamp(self.site.clock.hold() / 1000,
                                                h.datetime.timezone.utc)
        return h.rfc3339(now + rig.hours(80 if self.seeded else 30)) + "/14h"

    def case(self):
        self.site.cases += 1
        case = rig.Case(self.site, self.volume(), self.site.place.path / f"s{self.site.cases}")
        case.window = self.window()
        return case


def is_due(account, case):
    """Waiting for the cut; of a seeded volume for whatever is twenty minutes off."""
    rows = case.ask("SELECT state, run.round, CASE state WHEN 'cut-wait' THEN window_start_ms"
                    " ELSE planned_ms END - (SELECT max(entered_ms) FROM journal)"
                    " FROM run JOIN round ON number = run.round")
    state, number, ahead_ms = rows[0] if rows else ("", 0, 0)
    if account.seeded:
        return state in ("round-wait", "cut-wait") and number > 1 and ahead_ms > 20 * 60000
    return state == "cut-wait"


def pause(account, case, process):
    """Stops the run, and time with it, while it waits."""
    while not is_due(account, case):
        assert process.poll() is None, f"ended in '{case.state()}':\n{case.finish(process)}"
    case.site.clock.hold()
    process.send_signal(signal.SIGSTOP)


def go_on(case, process):
    process.send_signal(signal.SIGCONT)
    case.site.clock.let_run()
    code = case.finish(process, timeout=300)
    h.check(code == 0 and case.state() == "done", f"the run goes on to its end: exit {code}")


def newest(case, kind):
    """The id of the newest of a kind, which is now somebody's to delete."""
    return case.ask(f"SELECT id FROM object WHERE kind = {kind} AND state = 2"
                    " ORDER BY number DESC LIMIT 1")[0][0]


def full_rounds(case):
    rounds = case.ask("SELECT number, final, is_full FROM round ORDER BY number")
    h.check([final for _, final, _ in rounds] == [0] * (len(rounds) - 1) + [1],
            f"{len(rounds)} rounds, the last one final")
    return [number for number, _, is_full in rounds if is_full], len(rounds)


def moved_gb(case):
    """What each copy of the run carried, oldest first."""
    snapshots = case.site.truth(case.run_id())[0]
    return [round(s["moved_bytes"] / 1e9, 1) for s in snapshots if s["is_copy"]]


def the_newest_copy(account):
    """Its death is told, and makes another round full: not the downtime."""
    case = account.case()
    process = case.start("migrate")
    pause(account, case, process)
    gone, before = newest(case, 1), case.ask("SELECT round FROM run")[0][0]
    account.site.client(region="eu-west-1").delete_snapshot(SnapshotId=gone)
    go_on(case, process)
    told = [line for line in case.told.splitlines() if gone in line and "somebody deleted" in line]
    h.check(told and "newest copy there was deleted" in case.told, f"the run says so: {told[0]}")
    full, last = full_rounds(case)
    h.check(full == [1, before] and last > before,
            f"round {before} carries everything now, whatever it was to be, and the cut comes later")
    if account.seeded:
        moved = moved_gb(case)
        h.check(len(moved) == last - 1 and moved[0] > 2000 and moved[-1] < 100,
                f"the world agrees, copies that are left, in GB: {moved}")
    return case


def a_later_plan_knows(account, case):
    account.site.client(region="eu-west-1").delete_snapshot(SnapshotId=newest(case, 1))
    out, told = account.site.cloud.ebshift("plan", *case.words, "--window", account.window(),
                                           "--confidence", "0.5", "--json")
    h.check(json.loads(out)["rounds"][0]["full"] and "newest copy there was deleted" in told,
            "plan: the next copy carries everything, and why")


def the_newest_snapshot(account):
    """Somebody's retention takes it from the source: the differences grow, and the run plans anew."""
    case = account.case()
    process = case.start("migrate")
    pause(account, case, process)
    gone = newest(case, 0)
    account.site.ec2.delete_snapshot(SnapshotId=gone)
    go_on(case, process)
    told = [line for line in case.told.splitlines() if gone in line and "somebody deleted" in line]
    h.check(told, f"the run says so: {told[0]}")
    full, _ = full_rounds(case)
    # A store that is new cannot know that the newest of the copies it finds is not the newest ever.
    h.check(set(full) <= {1}, "no more than that: no copy carries everything but the first")
    if account.seeded:
        moved = moved_gb(case)
        h.check(max(moved[1:]) < 1000, f"the world agrees, copies in GB: {moved}")


def test(place, seeded):
    account = Account(place, seeded)
    a_later_plan_knows(account, the_newest_copy(account))
    the_newest_snapshot(account)


if __name__ == "__main__":
    rig.main(test)
