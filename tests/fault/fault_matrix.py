"""Every fault of the service at every call of a migration: ridden out, or refused clearly and then
resumed or aborted, and never a twin or an orphan in the world.

Each fault strikes the first, the second or the third call of an action. Without --all a fixed
selection runs.
"""

import time

import fault_rig as rig

CREATING = ("CreateSnapshot", "CopySnapshot", "CreateVolume")
ASKING = ("DescribeSnapshots", "DescribeVolumes", "GetMetricData", "ListChangedBlocks")
REMOVING = ("DeleteSnapshot", "DeleteVolume", "DetachVolume", "DescribeVolumes",
            "DescribeSnapshots")


def faults():
    """(spec, wanted exit code of migrate): what strikes once must be ridden out."""
    for nth in (1, 2, 3):
        for action in CREATING + ASKING:
            # At a prompt ebshift waits 15 seconds in all: three waits stay below that, five may not.
            yield f"throttle:{action}@{nth}x{5 if action in CREATING else 3}", 0
            yield f"internal-error:{action}@{nth}", 0
            yield f"lost-reply:{action}@{nth}", 0
        for action in CREATING:
            yield f"invisible:{action}@{nth}", 0
            yield f"slow-reply:{action}@{nth}", 0
        yield f"snapshot-error@{nth}", 0
        yield f"copy-error@{nth}", 0
    # Both halves of the worst case: the answer is lost and the object cannot be seen.
    for action in CREATING:
        for nth in (1, 2, 3):
            yield f"lost-reply:{action}@{nth} invisible:{action}@{nth}", 0
    # What never ends must end the run, in time and with its name.
    yield "snapshot-error@1x*", rig.REFUSED
    yield "copy-error@1x*", rig.REFUSED
    yield "copy-error@2x*", rig.REFUSED
    for action in CREATING:
        yield f"throttle:{action}@1x*", rig.TRANSIENT
        yield f"internal-error:{action}@1x*", rig.TRANSIENT


def check_migrate(site, spec, wanted, end):
    """One migration under a fault; one that fails is resumed or aborted without it."""
    case = site.case()
    site.arm(*spec.split())
    code = case.run("migrate")
    if code == rig.TRANSIENT and case.state() is None:
        # At the prompt, before a run exists, patience is short and nothing is left behind.
        wanted, end = rig.TRANSIENT, "migrate"
    assert code == wanted, f"migrate ended with {code}, not {wanted}:\n{case.told[-1500:]}"
    site.disarm()
    if code != 0:
        code = case.run(end)
        assert code == 0, f"{end} ended with {code}:\n{case.told[-1500:]}"
    if case.state() == "done":
        case.expect_done()
    else:
        case.expect_gone()


def check_abort(site, state, spec):
    """A run killed in a state and aborted under a fault."""
    case = site.case()
    case.kill_when("migrate", lambda: case.state() == state)
    site.arm(*spec.split())
    code = case.run("abort")
    site.disarm()
    if case.state() == "done":
        return
    assert code == 0, f"abort ended with {code}:\n{case.told[-1500:]}"
    case.expect_gone()


def plan(everything):
    """(name, function, arguments) of each case."""
    for number, (spec, wanted) in enumerate(faults()):
        slow = "slow-reply" in spec or wanted == rig.TRANSIENT
        if everything or (number % 3 == 0 and not slow) or wanted == rig.REFUSED:
            yield spec, check_migrate, (spec, wanted, "resume")
        if wanted == rig.REFUSED or (wanted == rig.TRANSIENT and everything):
            yield spec + " then abort", check_migrate, (spec, wanted, "abort")
    for state in ("round-complete", "round-copied", "final-complete", "final-copied",
                  "volumes-ready"):
        for action in REMOVING:
            for fault in ("throttle:{}@1x5", "internal-error:{}@1", "lost-reply:{}@1"):
                if everything or state == "volumes-ready":
                    spec = fault.format(action)
                    yield f"abort in {state}, {spec}", check_abort, (state, spec)


def test(place, everything):
    site = rig.Site(place)
    failed, count, begun = [], 0, time.monotonic()
    for name, check, arguments in plan(everything):
        count += 1
        try:
            check(site, *arguments)
        except AssertionError as error:
            failed.append(name)
            print(f"FAILED: {name}: {error}", flush=True)
            site.disarm()
    print(f"{count} cases, {len(failed)} failed, {time.monotonic() - begun:.0f} s")
    assert not failed, failed


if __name__ == "__main__":
    rig.main(test)
