"""The forecast verb: what the model believes, beside what the service really reported."""

import datetime
import json
import math

import harness as h


def numbers(value):
    """Every number in a document."""
    if isinstance(value, dict):
        return [n for v in value.values() for n in numbers(v)]
    if isinstance(value, list):
        return [n for v in value for n in numbers(v)]
    return [value] if isinstance(value, (int, float)) else []


def check_prior(cloud, base):
    volume = cloud.aws("ec2", "create-volume", "--availability-zone", "us-east-1a", "--size",
                       "1")["VolumeId"]
    out, _ = cloud.ebshift("forecast", *base, "--volume", volume, "--output", "json")
    document = json.loads(out)
    belief = document["volumes"][0]
    h.check(belief["prior_only"] and belief["next"]["full"],
            "a volume without a past: the prior speaks, of a full snapshot")
    h.check(belief["residuals"] == [] and "chance" not in document,
            "no residuals, and no chance without --for")
    out, _ = cloud.ebshift("forecast", *base, "--volume", volume)
    h.check("general experience alone" in out, "the words say so too")


def check_learned(cloud, base, volume):
    at = cloud.now() + datetime.timedelta(hours=40)
    words = ("forecast", *base, "--volume", volume, "--at", h.rfc3339(at))
    short = json.loads(cloud.ebshift(*words, "--for", "2m", "--output", "json")[0])
    long = json.loads(cloud.ebshift(*words, "--for", "9h", "--output", "json")[0])
    belief = long["volumes"][0]
    h.check(not belief["prior_only"] and not belief["next"]["full"],
            "a volume with a past: learned, and the next snapshot is a difference")
    snapshots = cloud.aws("ec2", "describe-snapshots", "--owner-ids", "self", "--filters",
                          f"Name=volume-id,Values={volume}")["Snapshots"]
    known = {snapshot["SnapshotId"] for snapshot in snapshots}
    ids = {row["id"] for row in belief["residuals"]}
    h.check(ids and ids <= known, f"{len(ids)} residuals, each with the id of a real snapshot")
    h.check(all(math.isfinite(n) for n in numbers(long)), "every number is finite")
    for name in ("snapshot", "copy"):
        c = belief[name]["covariance"]
        h.check(c[0][1] == c[1][0] and c[0][0] > 0 and c[0][0] * c[1][1] > c[0][1] ** 2,
                f"the covariance of {name} is one")
    h.check(len(belief["changes"]["all"]["mean"]) == 5, "all parameters of the changes")
    q = belief["next"]["snapshot_seconds"]
    h.check(0 < q["p05"] < q["p50"] < q["p95"], "an interval, not a number")
    h.check(short["chance"] <= long["chance"] and long["chance"] > 0.5 > short["chance"],
            f"chance {short['chance']} in two minutes, {long['chance']} in nine hours")
    out, _ = cloud.ebshift(*words, "--for", "9h")
    h.check("learned" in out and "chance" in out and "contraction" in out, "and in words")


def test(place):
    cloud = h.Cloud(place, time_scale=1, world="seeded")
    volume = cloud.env["CLOUDSIM_VOLUME"].split()[0]
    base = ("--store", place.path / "store", "--region", "us-east-1", "--to-region", "eu-west-1")
    check_learned(cloud, base, volume)
    check_prior(cloud, base)
    _, err = cloud.ebshift("forecast", *base, "--volume", volume, "--at", "2020-01-01T00:00:00Z",
                           code=2)
    h.check("--at is in the past" in err, "an instant that is over is refused")


if __name__ == "__main__":
    h.main(test)
