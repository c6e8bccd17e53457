"""The database runs on another machine, reached by ssh: it moves all the same, frozen there."""

import json

import far
import harness as h
from scene import Scene


def check_preflight(scene):
    """Every check that speaks of the database's machine has asked that machine."""
    facts = scene.place.path / "facts.json"
    scene.cloud.ebshift("preflight", "--facts", facts)
    out, _ = scene.cloud.ebshift("preflight", "--config", scene.config, "--json",
                                 "--target-facts", facts)
    document = h.last_document(out)
    found = {row["name"]: row for row in document["checks"]}
    skipped = [name for name, row in found.items() if row["verdict"] == "skipped"]
    h.check(document["go"] and not skipped and document["database_host"] == "database", f"preflight from afar: go, skipped: {skipped}")
    told = "; ".join(found[name]["finding"] for name in
                     ("clock", "wal-space", "freeze", "filesystems", "libraries"))
    h.check(all(word in told for word in ("'database'", "free, at most", "a scratch ext4 froze",
                                          str(scene.data.path), "glibc")), told)
    # The far side is older than the target; a filesystem is too new for the target.
    words = json.loads(facts.read_text())
    facts.write_text(json.dumps({**words, "kernel": "3.2.0-4-amd64", "architecture": "aarch64"}))
    out, _ = scene.cloud.ebshift("preflight", "--config", scene.config, "--json",
                                 "--target-facts", facts, code=3)
    failed = {row["name"] for row in json.loads(out.splitlines()[0])["checks"] if row["verdict"] == "fail"}
    h.check(failed == {"filesystems", "libraries"}, f"and judges what it was told: {failed}")


    out, _ = scene.cloud.ebshift("preflight", "--config", scene.config, "--json", code=3,
                                 env={"EBSHIFT_HOST_COMMAND": "/nonexistent"})
    found = {row["name"]: row for row in json.loads(out.splitlines()[0])["checks"]}
    h.check("/nonexistent" in found["postgres"]["finding"] and found["freeze"]["verdict"] == "skipped"
            and "remote.md" in found["postgres"]["remedy"],
            "a machine without ebshift-hold is told so: " + found["postgres"]["finding"])


def test(place):
    far.need_sshd()
    scene = Scene(place)
    machine = far.Far(place)
    cloud, server = scene.cloud, scene.server
    cloud.env.update(machine.environ())

    out, _ = cloud.ebshift("init", "--config", scene.config, "--conninfo", server.conninfo,
                           "--to-region", "eu-west-1", "--to-zone", "eu-west-1a",
                           "--to-instance", cloud.env["CLOUDSIM_TARGET_INSTANCE"],
                           "--store", scene.store, "--output", "json")
    h.check(set(h.last_document(out)["volumes"]) == set(scene.volumes),
            "init finds the volumes of data and WAL from afar")
    _, told = cloud.ebshift("migrate", "--config", scene.config, "--volume", scene.volumes[0],
                            "--window", scene.window(), code=9)
    h.check("pg_wal" in told and scene.volumes[1] in told,
            "a set without the WAL volume is refused by name")

    check_preflight(scene)
    ledger = h.Ledger(server)
    ledger.wait_for(100)
    out, _ = cloud.ebshift("migrate", "--config", scene.config, "--output", "json",
                           "--window", scene.window())
    ledger.stop()
    summary = h.last_document(out)
    h.check(summary["consistency"] == "frozen", "the label is 'frozen'")
    h.check(0 < summary["request_us"] <= summary["freeze_us"], "the freeze holds the request")
    h.check(0 < summary["round_trip_us"] < summary["freeze_us"] - summary["request_us"],
            f"the way to the database is told apart: {summary['round_trip_us']} of "
            f"{summary['freeze_us']} us frozen, request {summary['request_us']} us")

    scene.start_on_copies(summary)
    server.psql_file(scene.store / f"{summary['run_id']}.unfence.sql")
    rows = h.rows_of(server)
    h.check(not set(ledger.acknowledged) - rows, f"all {len(ledger.acknowledged)} rows are there")
    scene.check_integrity()


if __name__ == "__main__":
    h.main(test)
