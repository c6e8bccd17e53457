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


def check_set_aside(cloud, base, volume):
    """Rows that lie far off or cannot be true are named and do not count, however many rows have no size."""
    def ask():
        out, _ = cloud.ebshift("forecast", *base, "--volume", volume, "--output", "json")
        return json.loads(out)["volumes"][0]

    before, now_ms = ask(), int(cloud.now().timestamp() * 1000)
    put = {"snap-0bad0000000000001": (now_ms - 40 * 3600000, 30 * 3600000, 524288),
           "snap-0bad0000000000002": (now_ms + 9 * 3600000, 60000, 524288)}
    db = sqlite3.connect(base[1] / "ebshift.db")
    for snapshot, (at, took, size) in put.items():
        db.execute("INSERT INTO duration (volume_id, id, kind, target_region, is_full, pending,"
                   " started_ms, duration_ms, delta_bytes) VALUES (?,?,0,'',0,0,?,?,?)",
                   (volume, snapshot, at, took, size))
    db.commit()
    after = ask()
    reasons = {row["id"]: row["reason"] for row in after["set_aside"]}
    h.check(set(put) <= set(reasons), f"an outlier and a row from the future, by id")
    h.check(reasons["snap-0bad0000000000001"] == "far off the line" and
            "time" in reasons["snap-0bad0000000000002"], "each with its reason")
    old, new = (b["next"]["snapshot_seconds"]["p50"] for b in (before, after))
    h.check(abs(new / old - 1) < .15, f"the forecast stays: {old} s, {new} s")
    h.check(all(math.isfinite(n) for n in numbers(after)), "and finite")
    out, _ = cloud.ebshift("forecast", *base, "--volume", volume)
    told = [line for line in out.splitlines() if "set aside" in line]
    h.check(all(any(snapshot in line for line in told) for snapshot in put) and
            "whose size is unknown" in told[-1], "the words name them before dozens without a size")
    db.execute("DELETE FROM duration WHERE id LIKE 'snap-0bad%'")
    db.commit()
    db.close()


def put_run(db, volume, number, now_ms):
    """A finished run of one round and its final: all took twice as long as was drawn, 8 s of the
    downtime were our own steps."""
    run, began = f"r-past-{number}", now_ms - (number + 1) * 86400000
    down, cut = began + 7200000, began + 7204000
    up = cut + 100000 + 200000 + 4000
    known = {"id": run, "state": "done", "created_ms": began, "down_ms": down, "cut_ms": cut,
             "up_ms": up, "finished_ms": up, "consistency": "frozen", "drawn_p05_s": 100,
             "drawn_p50_s": (up - down) / 2000, "drawn_p95_s": 230}
    columns = db.execute("SELECT name, type FROM pragma_table_info('run')").fetchall()
    values = [known.get(name, "" if kind == "TEXT" else 0) for name, kind in columns]
    db.execute(f"INSERT INTO run VALUES ({','.join('?' * len(values))})", values)
    for final, start in ((0, began), (1, cut)):
        db.execute("INSERT INTO round (run_id, number, final, is_full, delta_p05_bytes,"
                   " delta_p50_bytes, delta_p95_bytes, snapshot_p05_s, snapshot_p50_s,"
                   " snapshot_p95_s, copy_p05_s, copy_p50_s, copy_p95_s, duration_p05_s,"
                   " duration_p50_s, duration_p95_s, planned_ms, started_ms, snapshot_done_ms,"
                   " copy_started_ms, copy_done_ms, actual_delta_bytes)"
                   " VALUES (?,?,?,0,1,2,3,1,2,3,1,2,3,100,150,220,0,?,?,?,?,5)",
                   (run, final + 1, final, start, start + 100000, start + 100000, start + 300000))
    db.execute("INSERT INTO object (run_id, kind, state, round, token, volume_id, from_id, id,"
               " region, device, intended_ms, started_ms, done_ms)"
               " VALUES (?,0,2,1,'',?,'','','','',0,0,0)", (run, volume))


def check_recalibration(cloud, base, volume):
    """Finished rounds and runs, kept beside what was told, move and widen what is told next."""
    at = cloud.now() + datetime.timedelta(hours=40)
    words = ("forecast", *base, "--volume", volume, "--at", h.rfc3339(at), "--for", "9h")
    before = json.loads(cloud.ebshift(*words, "--output", "json")[0])
    h.check(before["calibration"]["widen"] == 1.1 and before["own_steps"]["runs"] == 0,
            "without finished series a promise is widened by a tenth")
    db = sqlite3.connect(base[1] / "ebshift.db")
    for number in range(6):
        put_run(db, volume, number, int(cloud.now().timestamp() * 1000))
    db.commit()
    db.close()
    after = json.loads(cloud.ebshift(*words, "--output", "json")[0])
    h.check(after["calibration"]["own_series"] == 6 and after["calibration"]["own_rounds"] == 6,
            "six series and their rounds are remembered")
    h.check(after["calibration"]["shift"] > 0.5, "the teller was early, so it tells later")
    q, drawn = after["downtime_seconds"], after["drawn_downtime_seconds"]
    h.check(q["p50"] > 1.1 * drawn["p50"] and q["p95"] > drawn["p95"], "downtimes of the next run")
    own = after["own_steps"]
    h.check(own["runs"] == 6 and 8 < own["p50_seconds"] < 14,
            f"own steps {own['p50_seconds']} s learned from what runs needed")
    out, _ = cloud.ebshift(*words)
    h.check("learned, 6 runs" in out and "6 series and 6 rounds of these volumes" in out,
            "and in words")


def check_told_once(cloud, base, volume):
    """A right that is missing for one gap is missing for all, and one line says so."""
    with open(cloud.state / "faults", "a") as faults:
        faults.write("denied:ListChangedBlocksx*\n")
    store = ("--store", base[1].parent / "without-blocks", *base[2:])
    _, err = cloud.ebshift("forecast", *store, "--volume", volume)
    with open(cloud.state / "faults", "a") as faults:
        faults.write("none\n")
    told = [line for line in err.splitlines() if "cannot list changed blocks" in line]
    h.check(len(told) == 1, f"lines that say that blocks cannot be listed: {len(told)}")


def check_blackout(cloud, base, volume):
    """Nothing begins in a blackout of the config, neither a round nor the cut."""
    start = cloud.now().replace(minute=0, second=0, microsecond=0) + datetime.timedelta(hours=30)
    words = ("plan", *base, "--volume", volume, "--window", h.rfc3339(start) + "/8h", "--json")
    hours = datetime.timedelta(hours=1)
    dark = f"{start - hours:%H:%M}Z/3h {h.rfc3339(start - 5 * hours)}/{h.rfc3339(start - 3 * hours)}"
    plan = json.loads(cloud.ebshift(*words, env={"EBSHIFT_PLAN_BLACKOUT": dark})[0])
    cut = datetime.datetime.fromisoformat(plan["final"]["cut_at"].replace("Z", "+00:00"))
    h.check(plan["blackout"] == dark and cut >= start + 2 * hours, f"the cut waits until {cut}")
    begins = [datetime.datetime.fromisoformat(r["starts_at"].replace("Z", "+00:00"))
              for r in plan["rounds"]]
    h.check(begins and not any(start - 5 * hours <= at < start - 3 * hours or
                               start - hours <= at < start + 2 * hours for at in begins),
            f"no round of {len(begins)} begins in one")
    _, err = cloud.ebshift(*words, env={"EBSHIFT_PLAN_BLACKOUT": "tonight"}, code=2)
    h.check("'tonight' is not a blackout like" in err, "what is no blackout is refused")


def test(place):
    cloud = h.Cloud(place, time_scale=1, world="seeded")
    volume = cloud.env["CLOUDSIM_VOLUME"].split()[0]
    base = ("--store", place.path / "store", "--region", "us-east-1", "--to-region", "eu-west-1")
    check_learned(cloud, base, volume)
    check_prior(cloud, base)
    check_set_aside(cloud, base, volume)
    check_account(cloud, base, volume)
    check_told_once(cloud, base, volume)
    check_blackout(cloud, base, volume)
    check_recalibration(cloud, base, volume)
    _, err = cloud.ebshift("forecast", *base, "--volume", volume, "--at", "2020-01-01T00:00:00Z",
                           code=2)
    h.check("--at is in the past" in err, "an instant that is over is refused")


if __name__ == "__main__":
    h.main(test)
