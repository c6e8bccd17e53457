"""A live PostgreSQL moves to another region: every acknowledged row arrives, and not one more."""

import sqlite3

import harness as h
from scene import Scene


def check_volumes(cloud, summary):
    ids = [volume["volume_id"] for volume in summary["volumes"]]
    described = cloud.aws("ec2", "describe-volumes", "--volume-ids", *ids, region="eu-west-1")
    for volume in described["Volumes"]:
        tags = {tag["Key"]: tag["Value"] for tag in volume["Tags"]}
        h.check((volume["Iops"], volume["Throughput"], tags["team"]) == (4000, 250, "dba"),
                f"{volume['VolumeId']} keeps IOPS, throughput and tags")


def check_rows(server, ledger):
    rows = h.rows_of(server)
    lost = set(ledger.acknowledged) - rows
    h.check(not lost, f"all {len(ledger.acknowledged)} acknowledged rows are there")
    h.check(len(rows) <= len(ledger.acknowledged) + 1, "and at most the one in flight beside them")


def check_missing_member(scene):
    _, told = scene.cloud.ebshift("migrate", "--config", scene.config, "--volume",
                                  scene.volumes[0], "--window", scene.window(), code=9)
    h.check("pg_wal" in told and scene.volumes[1] in told,
            "a set without the WAL volume is refused by name")


def check_memory(cloud, scene):
    """What was told and what came of it stays in the store and teaches the next forecast."""
    out, _ = cloud.ebshift("forecast", "--config", scene.config, "--output", "json")
    document = h.last_document(out)
    learned = document["calibration"]
    h.check(learned["own_series"] == 1 and learned["own_rounds"] >= 1,
            f"the next forecast knows the series and its {learned['own_rounds']} rounds")
    h.check(document["own_steps"]["runs"] == 1, "and what our own steps took")
    h.check(all(volume["snapshot"]["full_log_scale"] < 0.3 for volume in document["volumes"]),
            "the first snapshots taught how fast full ones are")
    db = sqlite3.connect(scene.store / "ebshift.db")
    rows, size, ops = db.execute("SELECT count(*), sum(bytes), sum(ops) FROM counted").fetchone()
    db.close()
    h.check(rows > 0 and size > 0 and ops > 0,
            f"this machine's counters told of {size} bytes in {rows} periods while the run waited")


def test(place):
    scene = Scene(place)
    cloud, server = scene.cloud, scene.server
    h.check(set(scene.init()["volumes"]) == set(scene.volumes),
            "init finds the volumes of data and WAL")
    check_missing_member(scene)
    ledger = h.Ledger(server)
    server.bench(rate=200)
    ledger.wait_for(100)

    out, _ = cloud.ebshift("migrate", "--config", scene.config, "--output", "json",
                           "--window", scene.window())
    rows_at_end = len(ledger.acknowledged)
    summary = h.last_document(out)
    h.time.sleep(1)
    h.check(len(ledger.acknowledged) == rows_at_end, "the old server takes no more rows")
    ledger.stop()

    h.check(summary["state"] == "done", "the run is done")
    h.check(summary["consistency"] == "frozen", "the label is 'frozen'")
    h.check(0 < summary["request_us"] <= summary["freeze_us"], "the freeze holds the request")
    h.check(len(summary["rounds"]) >= 2, f"{len(summary['rounds'])} rounds, the final one included")
    h.check(all(volume["instance_id"] for volume in summary["volumes"]), "all are attached")
    check_volumes(cloud, summary)
    check_memory(cloud, scene)

    scene.start_on_copies(summary)
    unfence = scene.store / f"{summary['run_id']}.unfence.sql"
    unfence.unlink()
    told, _ = cloud.ebshift("status", "--config", scene.config)
    h.check(str(unfence) in told, "status writes the file that lifts the fence, where it is missing")
    server.psql_file(unfence)
    check_rows(server, ledger)
    scene.check_integrity()


if __name__ == "__main__":
    h.main(test)
