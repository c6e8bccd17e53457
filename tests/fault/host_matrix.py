"""Faults of the service and kills, with a real PostgreSQL on two real volumes behind a real fence and a
real freeze: the run ends, or is resumed or aborted, and then the world holds no twin and no orphan, the
new volumes are attached, and writers are shut out or at work as they should be.

Needs root. Without --all a fixed selection runs.
"""

import signal
import sys
import time

import fault_rig as rig
from migration import Migration
from scene import Scene

h = rig.h

REFUSED, TRANSIENT, KILLED = rig.REFUSED, rig.TRANSIENT, -signal.SIGKILL

# What strikes once is ridden out: faults, whether it belongs to the selection. The first case meets a
# round of the series, then there is history enough for the others to go straight to the cut.
RIDDEN_OUT = (
    ("snapshot-error@1", True),
    ("lost-reply:CreateSnapshots@1", True),
    ("lost-reply:CreateSnapshots@1 invisible:CreateSnapshots@1", False),
    ("throttle:CreateSnapshots@1x3", False),
    ("internal-error:CreateSnapshots@1", False),
    ("snapshot-error@1", False),
    ("copy-error@2", True),
    ("lost-reply:CopySnapshot@2", False),
    ("lost-reply:CreateVolume@2", False),
    ("internal-error:CreateVolume@1", False),
    ("lost-reply:AttachVolume@1", False),
    ("lost-reply:AttachVolume@2", True),
    ("throttle:AttachVolume@1x5", False),
    ("internal-error:AttachVolume@2", False),
    ("lost-reply:AttachVolume@1 throttle:DescribeVolumes@3x3", False),
)

# What never ends: faults, exit code, end, faults that strike the end.
STOPPED = (
    ("throttle:CreateSnapshots@1x*", TRANSIENT, "abort", "", False),
    ("snapshot-error@1x*", REFUSED, "resume", "", False),
    ("internal-error:AttachVolume@2x*", TRANSIENT, "abort",
     "lost-reply:DetachVolume@1 throttle:DeleteVolume@1x3", True),
    ("throttle:AttachVolume@1x*", TRANSIENT, "resume", "lost-reply:AttachVolume@1", False),
)

KILL_STATES = ("fence", "cut", "final-complete", "final-copied", "volumes-ready", "attach", "attached")


class Site:
    """One scene for all cases; what a case made is removed behind it."""

    def __init__(self, place):
        self.scene = Scene(place, time_scale=2000)
        self.scene.init()
        self.ledger = h.Ledger(self.scene.server)
        self.ledger.wait_for(10)
        from awscli.botocore.session import get_session
        env = self.scene.cloud.env
        self.target = get_session().create_client(
            "ec2", region_name="eu-west-1", endpoint_url=env["AWS_ENDPOINT_URL"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"])

    def arm(self, specs):
        for spec in specs.split() or ["none"]:
            h.run(h.BIN / "cloudsim", "fault", "--state", self.scene.cloud.state, spec)

    def run(self, verb, code, specs="", kill_state=None):
        """One verb under faults, which are over when it ends; what it said."""
        self.arm(specs)
        run = Migration(self.scene, verb)
        if kill_state is not None:
            run.wait_for(kill_state)
            run.process.kill()
        told = run.end(code)
        run.record().unlink(missing_ok=True)
        self.arm("none")
        return told

    def expect_done(self):
        """A frozen set, its copies, two attached volumes; the fence stands."""
        out, _ = self.scene.cloud.ebshift("status", "--config", self.scene.config, "--output", "json")
        summary = h.last_document(out)
        assert summary["state"] == "done" and summary["consistency"] == "frozen", summary
        snapshots, volumes = self.scene.made()
        found = len(snapshots), len(volumes)
        kept = [round for round in summary["rounds"] if round["snapshot_completed_at"]]
        assert found == (4 * len(kept), 2), f"{found} objects of {len(kept)} rounds"
        instances = {volume["instance_id"] for volume in summary["volumes"]}
        assert instances == {self.scene.cloud.env["CLOUDSIM_TARGET_INSTANCE"]}, instances
        count = len(self.ledger.acknowledged)
        time.sleep(0.2)
        assert len(self.ledger.acknowledged) == count, "writers came through the fence"

    def clear_done(self):
        """Back to before: the fence lifted, the new volumes gone."""
        run_id, _ = self.scene.newest_run()
        self.scene.server.psql_file(self.scene.store / f"{run_id}.unfence.sql")
        for volume in self.scene.made()[1]:
            self.target.detach_volume(VolumeId=volume["id"])
        for volume in self.scene.made()[1]:
            self.target.get_waiter("volume_available").wait(
                VolumeIds=[volume["id"]], WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
            self.target.delete_volume(VolumeId=volume["id"])

    def expect_gone(self):
        found = self.scene.made()
        assert found == ([], []), f"abort left {found}"

    def audit(self, end):
        if end == "abort":
            self.expect_gone()
        else:
            self.expect_done()
            self.clear_done()
        self.ledger.wait_for(5)


def plan(everything):
    """(name, arguments of the disturbed verb, the verb that ends it, its faults)."""
    for specs, chosen in RIDDEN_OUT:
        if chosen or everything:
            yield specs, ("migrate", 0, specs), None, ""
    for specs, code, end, end_specs, chosen in STOPPED:
        if chosen or everything:
            yield f"{specs} then {end} {end_specs}", ("migrate", code, specs), end, end_specs
    for number, state in enumerate(KILL_STATES):
        for end in ("resume", "abort"):
            if everything or (state, end) == ("cut", "abort"):
                yield f"killed in {state} then {end}", ("migrate", KILLED, "", state), end, ""


def test(place):
    site = Site(place)
    count, begun = 0, time.monotonic()
    for name, disturbed, end, end_specs in plan("--all" in sys.argv):
        count += 1
        case_begun = time.monotonic()
        site.run(*disturbed)
        if end is not None:
            site.run(end, 0, end_specs)
        site.audit(end)
        print(f"ok: {name} ({time.monotonic() - case_begun:.1f} s)", flush=True)
    print(f"{count} cases, none failed, {time.monotonic() - begun:.0f} s")
    site.ledger.stop()


if __name__ == "__main__":
    h.main(test)
