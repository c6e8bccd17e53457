"""What others have in flight is in the plan: a snapshot of the same volume, which EBS completes before
any later one, and copies into the same region, of which so many may run at once. Debian's awscli is
the somebody else."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness as h  # noqa: E402  pylint: disable=wrong-import-position

PLACES = 3


def seconds_between(early, late):
    return (h.utc(late) - h.utc(early)).total_seconds()


class Mover:
    """One volume of the seeded world on its way to another region, at the pace of real clocks."""

    def __init__(self, place):
        self.cloud = h.Cloud(place, world="seeded", time_scale=1)
        env = self.cloud.env
        self.volume = env["CLOUDSIM_VOLUME"]
        self.config = place.path / "ebshift.conf"
        self.config.write_text(
            f"[source]\nregion = us-east-1\ninstance = {env['CLOUDSIM_INSTANCE']}\n"
            f"volume = {self.volume}\n[target]\nregion = eu-west-1\nzone = eu-west-1a\n"
            f"[plan]\ncopies_at_once = {PLACES}\n[store]\ndirectory = {place.path}/store\n")
        self.window = h.rfc3339(self.cloud.now() + h.datetime.timedelta(hours=20)) + "/14h"

    def plan(self, *words):
        out, _ = self.cloud.ebshift("plan", "--config", self.config, "--window", self.window, *words)
        return out

    def told(self):
        return json.loads(self.plan("--json"))


def check_copies(mover, alone):
    """Every place is held by full copies that just began: ours is over later."""
    base = mover.cloud.aws("ec2", "describe-snapshots", "--owner-ids", "self", "--filters",
                           f"Name=volume-id,Values={mover.volume}",
                           "Name=status,Values=completed")["Snapshots"][0]["SnapshotId"]
    for _ in range(PLACES):
        mover.cloud.aws("ec2", "copy-snapshot", "--source-region", "us-east-1",
                        "--source-snapshot-id", base, region="eu-west-1")
    held = mover.told()
    h.check(held["copy_places"] == {"region": "eu-west-1", "count": PLACES, "held_by_others": PLACES},
            "plan --json: all places are held by others")
    h.check(f"others hold {PLACES} of the {PLACES} places for copies into eu-west-1" in mover.plan(),
            "plan: and in words")
    h.check(alone["copy_places"]["held_by_others"] == 0, "before, none was")


def check_snapshot(mover, alone):
    """Somebody's backup is in flight: the first round begins when it is over, and builds on it."""
    taken = mover.cloud.aws("ec2", "create-snapshot", "--volume-id", mover.volume)["SnapshotId"]
    waits = mover.told()
    h.check([w["snapshot_id"] for w in waits["waits_for"]] == [taken] and not alone["waits_for"],
            "plan --json: it waits for the other snapshot")
    h.check(f"waits for {taken} of {mover.volume}, in flight since" in mover.plan(), "plan: and says so")
    now = h.rfc3339(mover.cloud.now())
    at_once = seconds_between(now, alone["rounds"][0]["starts_at"])
    later = seconds_between(now, waits["rounds"][0]["starts_at"])
    h.check(at_once < 0 and later > 30, f"the first round begins in {later:.0f} s, not {at_once:.0f}")


def test(place):
    mover = Mover(place)
    alone = mover.told()
    check_snapshot(mover, alone)
    check_copies(mover, alone)


if __name__ == "__main__":
    h.main(test)
