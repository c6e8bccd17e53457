"""The scene of most tests: data on one volume, WAL on another, a config that ebshift wrote."""

import contextlib
import json
import sqlite3

import harness as h


class Scene:
    """A server on two volumes of a fresh cloud."""

    def __init__(self, place, time_scale=600, options=(), filesystem="ext4", key=None):
        self.place = place
        self.cloud = h.Cloud(place, time_scale=time_scale, options=options)
        self.volumes = (self.cloud.new_volume(4, "/dev/sdf", key=key),
                        self.cloud.new_volume(2, "/dev/sdg", key=key))
        self.data, self.wal = h.Disk(place, self.cloud, "data"), h.Disk(place, self.cloud, "wal")
        self.data.make(self.volumes[0], filesystem)
        self.wal.make(self.volumes[1], filesystem)
        self.server = h.Postgres(place, self.data, self.wal)
        self.server.create()
        self.store = place.path / "store"
        self.config = place.path / "ebshift.conf"

    def init(self):
        """Lets ebshift write the config; its result."""
        out, _ = self.cloud.ebshift(
            "init", "--config", self.config, "--data-directory", self.server.data,
            "--to-region", "eu-west-1", "--to-zone", "eu-west-1a",
            "--to-instance", self.cloud.env["CLOUDSIM_TARGET_INSTANCE"],
            "--store", self.store, "--output", "json")
        return h.last_document(out)

    def window(self, after_hours=2, length="8h"):
        """A window that begins so many simulated hours from now."""
        start = self.cloud.now() + h.datetime.timedelta(hours=after_hours)
        return h.rfc3339(start) + "/" + length

    def newest_run(self):
        """Id and state of the newest run in the journal; two times "" before there is one."""
        with contextlib.suppress(sqlite3.Error):
            with contextlib.closing(sqlite3.connect(f"file:{self.store}/ebshift.db?mode=ro",
                                                    uri=True, timeout=1)) as journal:
                rows = journal.execute("SELECT id, state FROM run ORDER BY created_ms DESC, id DESC")
                return rows.fetchone() or ("", "")
        return "", ""

    def made(self):
        """What is alive of the newest run in the world, whether a call shows it or not: snapshots
        with copies, and volumes."""
        run_id, _ = self.newest_run()
        world = json.loads((self.cloud.state / "state.json").read_text())
        of_run = [thing for thing in world["snapshots"] + world["volumes"]
                  if thing["tags"].get("ebshift:run") == run_id and not thing["gone"]
                  and not thing.get("doomed")]
        return ([thing for thing in of_run if thing["id"].startswith("snap-")],
                [thing for thing in of_run if thing["id"].startswith("vol-")])

    def labels(self):
        """What the snapshots of the newest run are called."""
        return {snapshot["tags"].get("ebshift:consistency") for snapshot in self.made()[0]} - {None}

    def start_on_copies(self, summary):
        """Stops the old server and starts it on the new volumes, at the same paths."""
        copies = {v["source_volume_id"]: v["volume_id"] for v in summary["volumes"]}
        self.start_on([copies[volume_id] for volume_id in self.volumes])

    def start_on(self, volumes):
        """Stops the server wherever it is and starts it on the volumes of data and WAL."""
        self.server.stop()
        for disk, volume_id in zip((self.data, self.wal), volumes):
            disk.unmount()
            disk.mount(volume_id)
        with contextlib.suppress(FileNotFoundError):
            (self.server.data / "postmaster.pid").unlink()
        self.server.start()

    def check_integrity(self):
        """Indexes and page checksums of the server as it is now; stops it."""
        self.server.query("CREATE EXTENSION IF NOT EXISTS amcheck")
        h.run(h.PG_BIN / "pg_amcheck", "-h", self.server.sockets, "-p", self.server.port,
              "-U", "postgres", "--database=postgres", "--heapallindexed")
        h.check(True, "pg_amcheck finds nothing")
        self.server.stop("fast")
        h.check("Bad checksums:  0" in self.server.checksums(), "pg_checksums finds nothing")
