"""The database runs on another machine, reached by ssh: it moves all the same, frozen there."""

import far
import harness as h
from scene import Scene


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
