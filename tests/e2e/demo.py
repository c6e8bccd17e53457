"""The whole story in two minutes: a PostgreSQL whose first copy takes fourteen hours moves to
another region with a downtime of minutes that was told beforehand.

A local EBS with sixty days of history holds the volume; its clock runs 2500 times faster while
ebshift waits, and in real time while it works. Everything else is real: the server, the filesystem,
the freeze, the signed requests, the rows. Ends with an error if one promise is broken.
"""

import shlex
import subprocess

import harness as h

SCALE = 2500
# A fixed instant makes the world, and so the story, the same every time: Monday morning, and the
# window in the night to Wednesday.
START = "2026-03-02T09:00:00Z"
WINDOW = "2026-03-04T02:00:00Z/6h"


def say(text=""):
    print(text, flush=True)


def show(cloud, *words):
    """Runs ebshift as a user would see it: the command, its events, its result."""
    say("$ ebshift " + " ".join(shlex.quote(str(word)) for word in words))
    done = subprocess.run([h.BIN / "ebshift", *words], cwd=cloud.place.path, env=cloud.environ())
    say()
    if done.returncode != 0:
        raise AssertionError(f"ebshift {words[0]} ended with {done.returncode}")


def last_run(cloud, config):
    out, _ = cloud.ebshift("status", "--config", config, "--output", "json")
    return h.last_document(out)


def judge(server, ledger, summary):
    rows = h.rows_of(server)
    h.check(not set(ledger.acknowledged) - rows,
            f"all {len(ledger.acknowledged)} acknowledged rows are on the other side")
    h.check(len(rows) <= len(ledger.acknowledged) + 1, "and none that came after the fence")
    first = summary["rounds"][0]
    h.check(first["full"] and first["actual"]["duration_seconds"] > 10 * 3600,
            f"the first round took {first['actual']['duration_seconds'] / 3600:.1f} hours")
    down = summary["downtime_seconds"]
    low, high, actual = down["predicted"]["p05"], down["predicted"]["p95"], down["actual"]
    h.check(low <= actual <= high,
            f"the downtime of {actual / 60:.1f} minutes lies in the promise of {low / 60:.1f} to "
            f"{high / 60:.1f}")
    h.check(not summary["window_missed"], "and inside the window")


def build(place):
    """A PostgreSQL under load on the volume that has a history."""
    cloud = h.Cloud(place, time_scale=SCALE, world="seeded", options=("--start", START))
    place.enter_context(hold := cloud.hold())
    disk = h.Disk(place, cloud, "pgdata")
    disk.make(cloud.env["CLOUDSIM_VOLUME"].split()[0])
    server = h.Postgres(place, disk)
    server.create()
    cloud.env.update(PGHOST=str(server.sockets), PGPORT=str(server.port), PGUSER="postgres")
    ledger = h.Ledger(server)
    server.bench(rate=100)
    return cloud, hold, disk, server, ledger


def move(cloud, hold):
    show(cloud, "init", "--to-region", "eu-west-1", "--to-zone", "eu-west-1a", "--to-instance",
         cloud.env["CLOUDSIM_TARGET_INSTANCE"], "--store", "store")
    show(cloud, "plan", "--config", "ebshift.conf", "--window", WINDOW)
    hold.close()
    show(cloud, "migrate", "--config", "ebshift.conf", "--window", WINDOW)


def test(place):
    cloud, hold, disk, server, ledger = build(place)
    say(f"A PostgreSQL 15 under load lives on {cloud.env['CLOUDSIM_VOLUME']}: 2.2 TiB in us-east-1a,\n"
        f"with sixty days of snapshots. Its clock is simulated: {SCALE} times faster while ebshift\n"
        "waits, in real time while it works. The server, the freeze and the rows are real.\n")
    move(cloud, hold)
    ledger.stop()

    summary = last_run(cloud, place.path / "ebshift.conf")
    server.stop()
    disk.unmount()
    disk.mount(summary["volumes"][0]["volume_id"])
    (server.data / "postmaster.pid").unlink(missing_ok=True)
    server.start()
    server.psql_file(place.path / "store" / f"{summary['run_id']}.unfence.sql")
    judge(server, ledger, summary)
    server.stop("fast")
    h.check("Bad checksums:  0" in server.checksums(), "pg_checksums finds nothing")
    say("\nLook next at README.md, 'build/bin/ebshift --help', docs/simulator.md, and at what you "
        "just saw:\ntests/e2e/demo.py")


if __name__ == "__main__":
    h.main(test)
