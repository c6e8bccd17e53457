"""The forecast verb: what the model believes, beside what the service really reported."""

import datetime
import json
import math
import random
import sqlite3

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


def put_volume(db, number, now_ms):
    """An account's volume with thirty quick snapshots and copies, as a store that saw it holds it."""
    volume, rng = f"vol-0d00000000000000{number:x}", random.Random(number)
    hour = 3600000
    # On the half hours of five minutes' periods, so that periods and gaps match.
    start = (now_ms // hour - 40) * hour
    for i in range(31):
        at, snapshot = start + i * hour, f"snap-0d000000000{number:03x}{i:05x}"
        size = int(3e9 * rng.lognormvariate(0, .1) // 524288 * 524288)
        for kind, region in ((0, ""), (1, "eu-west-1")):
            took = int((9 + size / 200e6) * 1000 * rng.lognormvariate(0, .1))
            db.execute("INSERT INTO duration (volume_id, id, kind, target_region, is_full, pending,"
                       " started_ms, duration_ms, delta_bytes) VALUES (?,?,?,?,0,0,?,?,?)",
                       (volume, snapshot, kind, region, at, took, size))
        db.execute("INSERT INTO dirty (volume_id, id, start_ms, end_ms, changed_bytes, merged_count)"
                   " VALUES (?,?,?,?,?,1)", (volume, snapshot, at - hour, at, size))
    for i in range(40 * 12):
        db.execute("INSERT INTO writes (volume_id, start_ms, length_ms, bytes, ops)"
                   " VALUES (?,?,300000,?,?)", (volume, start - hour + i * 300000, int(1e9), 60000))


def check_account(cloud, base, volume):
    """Other volumes of the account tell of one that has no past, and are named as what they are."""
    new = cloud.aws("ec2", "create-volume", "--availability-zone", "us-east-1a", "--size",
                    "1")["VolumeId"]

    def ask(which):
        out, _ = cloud.ebshift("forecast", *base, "--volume", which, "--output", "json")
        return json.loads(out)["volumes"][0]

    before = ask(new)
    h.check([before[k]["prior"]["origin"] for k in ("snapshot", "copy", "changes")] ==
            ["built-in"] * 3, "one volume with a past makes no account prior")
    db = sqlite3.connect(base[1] / "ebshift.db")
    for number in range(4):
        put_volume(db, number, int(cloud.now().timestamp() * 1000))
    db.commit()
    db.close()
    after = ask(new)
    counts = [after[k]["prior"]["volumes"] for k in ("snapshot", "copy", "changes")]
    h.check(min(counts) >= 4 and after["prior_only"], f"{counts} volumes of the account tell of it")
    h.check(after["snapshot"]["bytes_per_second"] > 2 * before["snapshot"]["bytes_per_second"],
            "and what they tell is believed")
    out, _ = cloud.ebshift("forecast", *base, "--volume", new)
    h.check("other volumes of the account" in out, "the words say so")
    learned = ask(volume)
    h.check(learned["snapshot"]["prior"]["volumes"] == 4 and not learned["prior_only"],
            "a volume with a past is not its own teacher")


def test(place):
    cloud = h.Cloud(place, time_scale=1, world="seeded")
    volume = cloud.env["CLOUDSIM_VOLUME"].split()[0]
    base = ("--store", place.path / "store", "--region", "us-east-1", "--to-region", "eu-west-1")
    check_learned(cloud, base, volume)
    check_prior(cloud, base)
    check_account(cloud, base, volume)
    _, err = cloud.ebshift("forecast", *base, "--volume", volume, "--at", "2020-01-01T00:00:00Z",
                           code=2)
    h.check("--at is in the past" in err, "an instant that is over is refused")


if __name__ == "__main__":
    h.main(test)
