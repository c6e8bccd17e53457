"""The database fails, at every place where a run leans on it: each time ebshift stops or goes on within
a bound, says what failed, never calls a snapshot better than it is, and leaves writers at work.
"""

import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import harness as h
from migration import Migration
from scene import Scene

DATABASE, QUIESCE, INTERRUPTED = 8, 9, 130


def says(told, *words):
    """The one line of a failure, which must hold all the words."""
    line = next(line for line in told.splitlines() if line.startswith("ebshift: "))
    h.check(all(word in line for word in words), line)


def child_of(server, kind):
    """The pid of one of the server's own processes."""
    return server.query(f"SELECT pid FROM pg_stat_activity WHERE backend_type = '{kind}'")[0][0]


def abort(scene, ledger):
    scene.cloud.ebshift("abort", "--config", scene.config)
    ledger.wait_for(10)
    h.check(scene.made() == ([], []), "abort leaves nothing, and writers are at work")


def pooler(scene, ledger):
    """A pooler hands each transaction to another session: no backup mode, no fence through it."""
    path = scene.place.path / "pooler"
    path.mkdir()
    own = path / f".s.PGSQL.{scene.server.port}"
    relay = pathlib.Path(__file__).parent.parent / "core/pg/pooler.py"
    process = subprocess.Popen([sys.executable, relay,
                                scene.server.sockets / f".s.PGSQL.{scene.server.port}", own])
    scene.place.callback(scene.place.stop, process)
    while not own.exists():
        time.sleep(0.02)
    _, told = scene.cloud.ebshift(
        "migrate", "--config", scene.config, "--window", scene.window(), code=DATABASE,
        env={"EBSHIFT_POSTGRES_CONNINFO": f"host={path} port={scene.server.port} user=postgres"})
    says(told, "pooler", "direct connection")
    scene.place.stop(process)


def broken_archive(scene, ledger):
    """Said before the night; insisted on, the end of backup mode does not hang on it."""
    server = scene.server
    server.query("ALTER SYSTEM SET archive_command = 'false'")
    server.query("SELECT pg_reload_conf()")
    server.query("SELECT pg_switch_wal()")
    while not server.query("SELECT last_failed_wal FROM pg_stat_archiver")[0][0]:
        time.sleep(0.05)
    options = "--backup-mode", "--no-fence"
    says(Migration(scene, "migrate", *options).end(DATABASE), "archive", "000000")

    run = Migration(scene, "migrate", *options, "--force", "--output", "json",
                    env={"EBSHIFT_FREEZE_ARCHIVE_LIMIT": "1s"})
    told = run.end(0)
    summary = h.json.loads([line for line in told.splitlines() if '"summary"' in line][-1])
    h.check(summary["consistency"] == "backup" and "is not archived yet" in told,
            "a backup whose WAL waits is told as such, and its end does not hang")
    server.query("ALTER SYSTEM SET archive_command = 'true'")
    server.query("SELECT pg_reload_conf()")
    while server.query("SELECT last_failed_time > coalesce(last_archived_time, '-infinity')"
                       " FROM pg_stat_archiver")[0][0]:
        time.sleep(0.05)


def long_checkpoint(scene, ledger):
    """Given up after its limit, before anything changes for writers."""
    checkpointer = child_of(scene.server, "checkpointer")
    run = Migration(scene, "migrate", env={"EBSHIFT_POSTGRES_CHECKPOINT_LIMIT": "1s"})
    run.wait_until_begun()
    h.os.kill(checkpointer, signal.SIGSTOP)
    try:
        told = run.end(DATABASE)
    finally:
        h.os.kill(checkpointer, signal.SIGCONT)
    says(told, "CHECKPOINT is not done after 1 s")
    h.check("shut out" not in told, "no writer was shut out for it")
    h.os.kill(checkpointer, signal.SIGSTOP)
    try:
        run = Migration(scene, "resume")
        run.wait_until(lambda: scene.server.query(
            "SELECT 1 FROM pg_stat_activity WHERE query = 'CHECKPOINT' AND state = 'active'"))
        run.process.send_signal(signal.SIGINT)
        told = run.end(INTERRUPTED, seconds=20)
    finally:
        h.os.kill(checkpointer, signal.SIGCONT)
    h.check("shut out" not in told, "nor for one that somebody lost patience with")
    abort(scene, ledger)


def failed_fence(scene, ledger):
    """The CHECKPOINT behind the fence fails: the fence comes down again by itself."""
    checkpointer = child_of(scene.server, "checkpointer")
    auto_conf = scene.server.data / "postgresql.auto.conf"
    before_conf = auto_conf.read_text()
    run = Migration(scene, "migrate", env={"EBSHIFT_POSTGRES_CHECKPOINT_LIMIT": "1s"})
    run.wait_until(lambda: "default_transaction_read_only" in auto_conf.read_text())
    h.os.kill(checkpointer, signal.SIGSTOP)
    try:
        told = run.end(DATABASE)
    finally:
        h.os.kill(checkpointer, signal.SIGCONT)
    says(told, "CHECKPOINT is not done after 1 s")
    h.check("writers are let in again" in told, "it says that the fence is down again")
    ledger.wait_for(10)
    h.check(auto_conf.read_text() == before_conf, "all settings are as before")
    h.check(not scene.server.query("SELECT FROM pg_database WHERE datconnlimit = 0 OR NOT "
                                   "datallowconn AND datname <> 'template0'"), "all doors are open")
    abort(scene, ledger)


def lost_backup_session(scene, ledger):
    """Backup mode dies with its session: such a cut is never called a backup, and taken again."""
    admin = scene.server.connect()
    run = Migration(scene, "migrate", "--no-fence", "--backup-mode")
    run.wait_until(lambda: run.record().exists())
    with admin.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE application_name = 'ebshift'")
        h.check(cursor.fetchall() == [(True,)], "the session in backup mode is ended")
    admin.close()
    says(run.end(DATABASE), "lost")
    ledger.wait_for(10)
    h.check(not scene.labels(), "no snapshot is called anything")
    out, _ = scene.cloud.ebshift("resume", "--config", scene.config, "--output", "json")
    summary = h.last_document(out)
    h.check(summary["consistency"] == "backup", "resume cuts again, in a backup that ends well")
    snapshots, volumes = scene.made()
    h.check((len(snapshots), len(volumes)) == (4 * len(summary["rounds"]), 2), "and leaves no twin")


def restart(scene, ledger):
    """The server restarts while a run waits: the session is made anew. Past the cut nothing depends
    on it any more."""
    run = Migration(scene, "migrate", "--no-fence")
    run.wait_until_begun()
    scene.server.stop("immediate")
    scene.server.start()
    run.wait_for("final-complete")
    run.process.kill()
    run.end(-signal.SIGKILL)
    scene.server.stop("immediate")
    _, told = scene.cloud.ebshift("resume", "--config", scene.config)
    h.check("going on without the database" in told, "past the cut the server may be gone")
    h.check(scene.labels() == {"frozen"}, "a restart on the way is ridden out")
    scene.server.start()
    ledger.wait_for(10)


def foreign_freeze(scene, ledger):
    """Somebody else holds the WAL frozen: named, not touched, and not waited for."""
    run = Migration(scene, "migrate")
    run.wait_until_begun()
    h.run("fsfreeze", "-f", scene.wal.path)
    try:
        says(run.end(QUIESCE), str(scene.wal.path), "frozen already, by somebody else")
        again = subprocess.run(["fsfreeze", "-f", scene.wal.path], stderr=subprocess.DEVNULL)
        h.check(again.returncode != 0, "it is still frozen")
    finally:
        h.run("fsfreeze", "-u", scene.wal.path)
    abort(scene, ledger)


class Standby:
    """A streaming standby of the scene's server, beside it on loopback."""

    def __init__(self, scene):
        self.scene = scene
        self.data = scene.place.path / "standby"
        self.port = h.free_port()
        server = scene.server
        self.data.mkdir(mode=0o700)
        shutil.chown(self.data, "postgres", "postgres")
        server._as_postgres(h.PG_BIN / "pg_basebackup", "-h", server.sockets, "-p", server.port,
                            "-U", "postgres", "-D", self.data, "-R", "-X", "stream",
                            "--checkpoint=fast")
        self.control("-o", f"-p {self.port}", "-l", server.log, "start")
        scene.place.callback(self.control, "-m", "immediate", "stop")

    def control(self, *words):
        self.scene.server._as_postgres(h.PG_BIN / "pg_ctl", "-w", "-D", self.data, *words)


def failover(scene, ledger):
    """The primary dies and a standby takes over, which is not on the volumes."""
    server = scene.server
    standby = Standby(scene)
    conninfo = (f"host={server.sockets},{server.sockets} port={server.port},{standby.port} "
                "user=postgres target_session_attrs=read-write")
    run = Migration(scene, "migrate", env={"EBSHIFT_POSTGRES_CONNINFO": conninfo})
    run.wait_until_begun()
    server.stop("immediate")
    standby.control("promote")
    says(run.end(DATABASE), "another server answers", str(server.data), str(standby.data))
    fenced = h.run(h.PG_BIN / "psql", "-X", "-A", "-t", "-h", server.sockets, "-p", standby.port,
                   "-U", "postgres", "-c", "SHOW default_transaction_read_only", "postgres")
    h.check(fenced.strip() == "off", "the new primary is left alone")
    _, told = scene.cloud.ebshift("abort", "--config", scene.config)
    h.check("without the database" in told, "abort needs no database where nothing was fenced")
    h.check(scene.made() == ([], []), "and leaves nothing")


def test(place):
    scene = Scene(place)
    scene.server.query("ALTER SYSTEM SET archive_mode = on")
    scene.server.query("ALTER SYSTEM SET archive_command = 'true'")
    scene.server.stop("fast")
    scene.server.start()
    scene.init()
    ledger = h.Ledger(scene.server)
    ledger.wait_for(10)
    for fails in (pooler, broken_archive, long_checkpoint, failed_fence, lost_backup_session, restart,
                  foreign_freeze, failover):
        begun = time.monotonic()
        fails(scene, ledger)
        print(f"   {fails.__name__}: {time.monotonic() - begun:.1f} s", flush=True)
    ledger.stop()


if __name__ == "__main__":
    h.main(test)
