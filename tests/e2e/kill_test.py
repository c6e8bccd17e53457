"""SIGKILL of ebshift while the filesystems are frozen: they thaw within the limit, PostgreSQL goes
on, and the run can be resumed. And SIGTERM in a quiet moment: resumed, or aborted without a trace.
"""

import signal
import subprocess
import time

import harness as h
from scene import Scene

LIMIT_S = 4


def start_migrate(scene, *options):
    process = subprocess.Popen(
        [h.BIN / "ebshift", "migrate", "--config", scene.config, "--window", scene.window(),
         "--freeze-limit", f"{LIMIT_S}s", *options],
        env=scene.cloud.environ(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    scene.place.callback(scene.place.stop, process)
    return process


def wait_for_state(scene, process, *states, seconds=120):
    """Until the journal shows one of the states; looked at so often that none is missed which lasts
    as long as a call."""
    end = time.monotonic() + seconds
    while scene.newest_run()[1] not in states:
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"the run never came to {states}, but is at {scene.newest_run()}")
        time.sleep(0.002)


def hold_back(scene, action):
    """The next answer to an action comes so late that we can act before it."""
    h.run(h.BIN / "cloudsim", "fault", "--state", scene.cloud.state, "slow-reply:" + action)


def wait_until_stalled(scene, ledger, process):
    """Until the held answer keeps the filesystem frozen: the record of the freeze is the sign."""
    record = h.pathlib.Path(f"/run/ebshift/frozen.{process.pid}")
    end = time.monotonic() + 120
    while not record.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError("nothing was ever frozen")
        time.sleep(0.005)
    count = len(ledger.acknowledged)
    while True:
        time.sleep(0.5)
        if len(ledger.acknowledged) == count:
            return
        count = len(ledger.acknowledged)
        if time.monotonic() > end:
            raise AssertionError("writers were never held")


def kill_while_frozen(scene, ledger):
    """The answer to the final set is held back, so that the kill lands inside the freeze."""
    process = start_migrate(scene, "--no-fence")
    # Not while it waits for the cut: planned anew, that may become another round, whose set would be
    # the one that is held back.
    wait_for_state(scene, process, "fence", "cut")
    process.send_signal(signal.SIGSTOP)
    hold_back(scene, "CreateSnapshots")
    process.send_signal(signal.SIGCONT)
    wait_until_stalled(scene, ledger, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed_at = time.monotonic()
    ledger.wait_for(1, seconds=LIMIT_S + 2)
    thawed = time.monotonic() - killed_at
    h.check(thawed < LIMIT_S + 1, f"writers go on {thawed:.1f} s after the kill")
    ledger.wait_for(50)
    h.check(True, "PostgreSQL goes on")
    told, _ = scene.cloud.ebshift("thaw")
    h.check("was not frozen" in told, "thaw finds the record of the dead and nothing to do")
    told, _ = scene.cloud.ebshift("thaw")
    h.check("nothing was frozen" in told, "and forgets it")


def thaw_by_hand(scene, ledger):
    """A filesystem that somebody froze and forgot: thaw takes any mount point."""
    h.run("fsfreeze", "-f", scene.data.path)
    try:
        told, _ = scene.cloud.ebshift("thaw", scene.data.path)
    finally:
        h.run("fsfreeze", "-u", scene.data.path, check=False, stderr=subprocess.DEVNULL)
    h.check(f"{scene.data.path}: thawed" in told, "thaw thaws a mount point that is named")
    ledger.wait_for(10)


def resume(scene):
    out, _ = scene.cloud.ebshift("resume", "--config", scene.config, "--output", "json")
    summary = h.last_document(out)
    h.check(summary["state"] == "done", "the run is resumed to its end")
    h.check(summary["consistency"] == "frozen", "with a cut of its own, labelled 'frozen'")
    return summary


def check_no_twins(scene, summary):
    """One snapshot and one copy per round and volume, at the service, by tag."""
    rounds = len(summary["rounds"])
    for region in ("us-east-1", "eu-west-1"):
        found = scene.cloud.aws("ec2", "describe-snapshots", "--owner-ids", "self", "--filters",
                                f"Name=tag:ebshift:run,Values={summary['run_id']}", region=region)
        h.check(len(found["Snapshots"]) == 2 * rounds,
                f"{len(found['Snapshots'])} snapshots of {rounds} rounds in {region}: no twin")


def stop_and_abort(scene):
    before = scene.cloud.objects(), scene.cloud.objects("eu-west-1")
    process = start_migrate(scene)
    wait_for_state(scene, process, "round-complete", "cut-wait")
    process.send_signal(signal.SIGTERM)
    h.check(process.wait(30) == 143, "SIGTERM ends it with 143")
    without = scene.place.path / "without.conf"
    without.write_text("".join(line for line in scene.config.read_text().splitlines(keepends=True)
                               if not line.startswith(("data_directory", "conninfo"))))
    _, told = scene.cloud.ebshift("resume", "--config", without, code=2)
    h.check("began with the data directory" in told, "no resume forgets the database")
    scene.cloud.ebshift("abort", "--config", scene.config)
    after = scene.cloud.objects(), scene.cloud.objects("eu-west-1")
    h.check(after == before, "abort removes all that the run made")


def abort_behind_the_fence(scene, ledger):
    hold_back(scene, "CreateVolume")
    process = start_migrate(scene)
    wait_for_state(scene, process, "volumes")
    process.send_signal(signal.SIGKILL)
    process.wait()
    held = len(ledger.acknowledged)
    time.sleep(0.5)
    h.check(len(ledger.acknowledged) == held, "the fence outlives ebshift")
    scene.cloud.ebshift("abort", "--config", scene.config)
    ledger.wait_for(10)
    h.check(True, "abort gives back service: the ledger goes on")


def test(place):
    scene = Scene(place)
    scene.init()
    ledger = h.Ledger(scene.server)
    ledger.wait_for(100)
    kill_while_frozen(scene, ledger)
    thaw_by_hand(scene, ledger)
    check_no_twins(scene, resume(scene))
    stop_and_abort(scene)
    abort_behind_the_fence(scene, ledger)
    ledger.stop()


if __name__ == "__main__":
    h.main(test)
