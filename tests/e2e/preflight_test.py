"""preflight says go to a world in order, names each thing that is broken in it, and its canary leaves
nothing behind, also when it is killed.

usage: preflight_test.py [--all]   more things broken, more moments to be killed at, another account
"""

import contextlib
import fcntl
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import harness as h
from account_test import B, Owner, deny
from scene import Scene

TESTS = h.pathlib.Path(__file__).resolve().parent.parent


class World:
    """A scene under a key, what preflight is told of the move, and what it said."""

    def __init__(self, place):
        self.place = place
        self.scene = Scene(place, key="alias/closed")
        self.scene.init()
        self.cloud, self.server = self.scene.cloud, self.scene.server
        self.env = self.cloud.env
        self.a = Owner(self.cloud, self.env["AWS_ACCESS_KEY_ID"], self.env["AWS_SECRET_ACCESS_KEY"])
        self.b = Owner(self.cloud, self.env["CLOUDSIM_B_KEY"], self.env["CLOUDSIM_B_SECRET"])
        self.key = self.a.key_arn("alias/closed", "us-east-1")
        self.copy_key = self.a.key_arn("alias/data", "eu-west-1")
        self.here = ["--kms-key-id", self.copy_key]

    def preflight(self, *words, code=0, env=()):
        """The document of a preflight that must end so."""
        out, _ = self.cloud.ebshift("preflight", "--config", self.scene.config, "--json", *words,
                                    code=code, env=env)
        return json.loads(out.splitlines()[0])

    def sql(self, *statements):
        for statement in statements:
            self.server.query(statement)
        self.server.query("SELECT pg_reload_conf()")

    def truth(self):
        """The world as the simulator stores it."""
        return json.loads((self.cloud.state / "state.json").read_text())

    def archive_until(self, condition):
        """Fills segments until the archiver's statistics say so."""
        for _ in range(200):
            self.server.query("SELECT pg_create_restore_point('next'), pg_switch_wal()")
            if self.server.query(f"SELECT {condition} FROM pg_stat_archiver")[0][0]:
                return
            time.sleep(0.1)
        raise AssertionError(f"the archiver never came to {condition}")

    def facts(self, **changed):
        """A facts file of this machine, or of one that is not quite like it."""
        path = self.place.path / "facts.json"
        self.cloud.ebshift("preflight", "--facts", path)
        facts = json.loads(path.read_text())
        path.write_text(json.dumps({**facts, **changed}))
        return ["--target-facts", path]


def named(document, *verdicts):
    return {row["name"]: row for row in document["checks"] if row["verdict"] in verdicts}


# ---- what is broken, one thing at a time: a context that mends it again, giving options ----

@contextlib.contextmanager
def options(world, *words):
    yield list(words)


@contextlib.contextmanager
def one_volume(world):
    yield ["--volume", world.scene.volumes[0]]


@contextlib.contextmanager
def store_on_data(world):
    place = world.scene.data.path / "store"
    yield ["--store", place]
    shutil.rmtree(place)


@contextlib.contextmanager
def standby(world):
    world.server.stop("fast")
    (world.server.data / "standby.signal").touch()
    world.server.start()
    yield []
    world.server.query("SELECT pg_promote()")


@contextlib.contextmanager
def target(world, name, value):
    yield world.facts(**{name: value})


@contextlib.contextmanager
def setting(world, name, value):
    world.sql(f"ALTER SYSTEM SET {name} = {value}")
    yield []
    world.sql(f"ALTER SYSTEM RESET {name}")


@contextlib.contextmanager
def slot(world):
    """Holds back what little WAL there is; the small disk is full in a day."""
    world.sql("SELECT pg_create_physical_replication_slot('idle', true)")
    yield []
    world.sql("SELECT pg_drop_replication_slot('idle')")


@contextlib.contextmanager
def no_superuser(world):
    world.sql("CREATE ROLE plain LOGIN IN ROLE pg_monitor")
    yield ["--conninfo", world.server.conninfo.replace("user=postgres", "user=plain")]
    world.sql("DROP ROLE plain")


@contextlib.contextmanager
def pooler(world):
    own = world.place.path / f".s.PGSQL.{world.server.port}"
    process = subprocess.Popen([sys.executable, TESTS / "core/pg/pooler.py",
                                world.server.sockets / own.name, own])
    while not own.exists():
        time.sleep(0.02)
    yield ["--conninfo", world.server.conninfo.replace(str(world.server.sockets), str(own.parent))]
    world.place.stop(process)


@contextlib.contextmanager
def broken_archive(world):
    world.sql("ALTER SYSTEM SET archive_command = 'false'")
    world.archive_until("failed_count > 0")
    yield []
    world.sql("ALTER SYSTEM SET archive_command = 'true'", "SELECT pg_stat_reset_shared('archiver')")
    world.archive_until("archived_count > 0")


@contextlib.contextmanager
def broken_archive_in_backup_mode(world):
    with broken_archive(world):
        yield ["--backup-mode"]


@contextlib.contextmanager
def icu_database(world):
    world.server.query("CREATE DATABASE words LOCALE_PROVIDER icu ICU_LOCALE 'en' TEMPLATE template0")
    yield world.facts(icu="60")
    world.server.query("DROP DATABASE words")


@contextlib.contextmanager
def icu_column(world):
    """One index in a database that orders by bytes, and one of somebody else's making."""
    world.server.query("CREATE DATABASE mixed")
    world.server.query('CREATE TABLE words (w text COLLATE "de-x-icu", l text COLLATE "en-x-icu")',
                       "mixed")
    world.server.query("CREATE INDEX ON words (w); CREATE INDEX ON words (l)", "mixed")
    yield world.facts(icu="60")
    world.server.query("DROP DATABASE mixed")


@contextlib.contextmanager
def old_order(world):
    """An index that an older library ordered; the database that holds it is not the one asked first."""
    with icu_column(world):
        world.server.query("UPDATE pg_collation SET collversion = '1.2.3' WHERE collname = 'de-x-icu'",
                           "mixed")
        yield world.facts()


@contextlib.contextmanager
def disabled_key(world):
    world.a.ask("us-east-1", "kms", "disable-key", "--key-id", world.key)
    yield []
    world.a.ask("us-east-1", "kms", "enable-key", "--key-id", world.key)


@contextlib.contextmanager
def claimed(world):
    tag = f"Key=ebshift:lease,Value=20260101T000000-beef until {h.rfc3339(world.cloud.now() + DAY)}"
    world.a.ask("us-east-1", "ec2", "create-tags", "--resources", world.scene.volumes[0], "--tags", tag)
    yield []
    world.a.ask("us-east-1", "ec2", "delete-tags", "--resources", world.scene.volumes[0], "--tags",
                "Key=ebshift:lease")


@contextlib.contextmanager
def denied(world, action):
    """Refuses the one call by which the right is asked about."""
    h.run(h.BIN / "cloudsim", "fault", "--state", world.cloud.state, f"denied:{action}")
    yield []


@contextlib.contextmanager
def foreign_copies(world):
    """Whose snapshots, first of all, have to be complete."""
    made = world.cloud.aws("ec2", "create-snapshot", "--volume-id", world.scene.volumes[0])
    wanted = ("ec2", "describe-snapshots", "--snapshot-ids", made["SnapshotId"])
    while world.cloud.aws(*wanted)["Snapshots"][0]["State"] != "completed":
        time.sleep(0.1)
    with fault(world, "foreign-copies", "eu-west-1"):
        yield []
    world.cloud.aws("ec2", "delete-snapshot", "--snapshot-id", made["SnapshotId"])


@contextlib.contextmanager
def locked_store(world):
    with open(world.scene.store / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield []


@contextlib.contextmanager
def small_store(world):
    small = world.place.path / "small"
    small.mkdir()
    h.run("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", small)
    try:
        yield ["--store", small]
    finally:
        h.run("umount", small)


@contextlib.contextmanager
def fault(world, name, region="us-east-1"):
    """Somebody else is at work; the snapshots that this leaves are deleted again."""
    before = {snapshot["id"] for snapshot in world.truth()["snapshots"]}
    with world.cloud.hold():
        h.run(h.BIN / "cloudsim", "fault", "--state", world.cloud.state, name)
        world.cloud.aws("ec2", "describe-volumes", region=region)
        yield []
    for snapshot in world.truth()["snapshots"]:
        if snapshot["id"] not in before:
            world.cloud.aws("ec2", "delete-snapshot", "--snapshot-id", snapshot["id"],
                            region=snapshot["region"])


DAY = h.datetime.timedelta(days=1)
NO_GO, GO = 3, 0

# what breaks it, exit code, the checks that must say so, a word of what they find
BROKEN = [
    (setting, ("fsync", "off"), NO_GO, {"settings"}, "fsync is off"),
    (slot, (), NO_GO, {"wal-space"}, "idle replication slot"),
    (pooler, (), NO_GO, {"postgres"}, "pooler"),
    (broken_archive_in_backup_mode, (), NO_GO, {"archive", "wal-space"}, "archiving fails"),
    (disabled_key, (), NO_GO, {"keys"}, "disabled"),
    (denied, ("CreateSnapshots",), NO_GO, {"rights"}, "source lacks ec2:CreateSnapshots in us-east-1"),
    (one_volume, (), NO_GO, {"mounts"}, "pg_wal"),
    (store_on_data, (), NO_GO, {"freeze"}, "lies on it"),
    (small_store, (), NO_GO, {"store"}, "a full store stops a run"),
    (target, ("kernel", "3.2.0-4-amd64"), NO_GO, {"filesystems"}, "metadata_csum"),
    (icu_column, (), GO, {"libraries"}, "ICU orders the text of 0 databases and 2 more indexes"),
    (fault, ("foreign-snapshot",), GO, {"schedulers", "pending-snapshots"}, "Lifecycle"),
]
MORE_BROKEN = [
    (fault, ("foreign-pending",), NO_GO, {"pending-snapshots"}, "5 of 5"),
    (denied, ("CopySnapshot",), NO_GO, {"rights"}, "target lacks ec2:CopySnapshot in eu-west-1"),
    (setting, ("full_page_writes", "off"), NO_GO, {"settings"}, "full_page_writes"),
    (setting, ("max_wal_size", "'40GB'"), GO, {"wal-space"}, "40"),
    (no_superuser, (), NO_GO, {"fence"}, "superuser"),
    (standby, (), NO_GO, {"postgres"}, "standby"),
    (broken_archive, (), NO_GO, {"wal-space"}, "archiving fails"),
    (locked_store, (), NO_GO, {"store"}, "at work"),
    (claimed, (), NO_GO, {"claim"}, "20260101T000000-beef"),
    (options, ("--kms-key-id", "alias/nobody"), NO_GO, {"keys"}, "alias/nobody"),
    (options, ("--kms-key-id", ""), NO_GO, {"keys"}, "target.kms_key_id"),
    (options, ("--volume", "vol-0123456789abcdef0"), NO_GO, {"volumes", "mounts"}, "does not exist"),
    (options, ("--data-directory", ""), NO_GO, {"postgres"}, "cannot be shut out"),
    (options, ("--to-zone", "eu-west-1z"), NO_GO, {"target"}, "eu-west-1z"),
    (options, ("--to-instance", "i-0123456789abcdef0"), NO_GO, {"target"}, "does not exist"),
    (options, ("--to-account", B), NO_GO, {"target-identity"}, B),
    (target, ("architecture", "aarch64"), NO_GO, {"libraries"}, "aarch64"),
    (target, ("postgres", "13 14"), NO_GO, {"libraries"}, "13 14"),
    (target, ("postgres", ""), GO, {"libraries"}, "no PostgreSQL"),
    (icu_database, (), GO, {"libraries"}, "ICU"),
    (old_order, (), GO, {"libraries"}, "0 databases and 1 index of single columns"),
    (foreign_copies, (), NO_GO, {"copies-in-flight"}, "20 of 20"),
]


def check_broken(world, rows):
    """Each thing is caught by its name, and with no other one that is not its fault."""
    for breaks, words, code, names, text in rows:
        with breaks(world, *words) as more:
            document = world.preflight(*world.here, *more, code=code)
        found = named(document, "fail" if code == NO_GO else "warn")
        if code == GO:
            found.pop("lineage")
        told = "; ".join(row["finding"] for row in found.values())
        h.check(set(found) == names and text in told and all(r["remedy"] for r in found.values()),
                f"{breaks.__name__} {' '.join(words)}: {', '.join(found)}: {told[:140]}")


def check_clock(world):
    document = world.preflight(*world.here, code=NO_GO, env={"EBSHIFT_CLOCK": ""})
    h.check(set(named(document, "fail")) == {"clock"}, named(document, "fail")["clock"]["finding"])


def check_good(world):
    report = world.place.path / "report.json"
    document = world.preflight(*world.here, *world.facts(), "--report", report)
    h.check(document["go"] and set(named(document, "warn", "fail", "skipped")) == {"lineage"},
            f"a world in order: go, and the first copies are full: {document['ok']} ok")
    h.check(json.loads(report.read_text()) == document, "the report holds the same")
    document = world.preflight(*world.here)
    h.check(set(named(document, "skipped")) == {"filesystems", "libraries"},
            "what is not known of the target machine is skipped")
    out, _ = world.cloud.ebshift("preflight", "--config", world.scene.config, *world.here)
    h.check(out.splitlines()[-1].startswith("go: "), out.splitlines()[-1])


# ---- canary ----

def left_by_canaries(world):
    """Whatever a canary made that is still there, in any account, and what is still lent."""
    truth = world.truth()
    things = [thing["id"] for thing in truth["snapshots"] + truth["volumes"]
              if thing["tags"].get("ebshift:run", "").startswith("canary-")
              and not thing["gone"] and not thing.get("doomed")]
    lent = [s["id"] for s in truth["snapshots"] if s["shared_with"] and not s["gone"]]
    return things + lent + [key["arn"] for key in truth["keys"] if key["grants"]]


def check_canary(world, where):
    document = world.preflight(*where, "--canary")
    times = document["canary"]
    h.check(named(document, "ok").get("canary") and min(times.values()) >= 0
            and times["copy_seconds"] > 10,
            f"the canary arrives: {named(document, 'ok')['canary']['finding']}")
    h.check(not left_by_canaries(world), "and leaves nothing")


def state_of_canary(world):
    with contextlib.suppress(sqlite3.Error):
        with contextlib.closing(sqlite3.connect(
                f"file:{world.scene.store}/canary/ebshift.db?mode=ro", uri=True, timeout=1)) as db:
            return db.execute("SELECT id, state FROM run ORDER BY created_ms DESC").fetchone()
    return None


def kill_canary(world, where, state, how):
    """Ends a canary that has come to a state."""
    old = state_of_canary(world)
    process = subprocess.Popen(
        [h.BIN / "ebshift", "preflight", "--config", world.scene.config, "--canary", *where],
        env=world.cloud.environ(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    world.place.callback(world.place.stop, process)
    while True:
        now = state_of_canary(world)
        if now and (old is None or now[0] != old[0]) and now[1] == state:
            break
        if process.poll() is not None:
            raise AssertionError(f"the canary ended before it came to '{state}'")
        time.sleep(0.002)
    process.send_signal(how)
    h.check(process.wait() == (-9 if how == signal.SIGKILL else 130), f"it ends by {how.name}")


def check_killed(world, where, state, verb, *words, how=signal.SIGKILL):
    kill_canary(world, where, state, how)
    left = left_by_canaries(world)
    # At its beginning it may not have made anything, at its end nothing may be left.
    h.check(left or state in ("cut", "aborting"),
            f"a canary killed in '{state}' leaves {len(left)} thing{'s' * (len(left) != 1)}")
    world.cloud.ebshift(verb, "--config", world.scene.config, *words)
    h.check(not left_by_canaries(world), f"which {verb} removes")


def check_missing_right(world, where):
    """A right that nobody can be asked about is missed by the canary, with its name."""
    role = world.env["CLOUDSIM_ROLE_B"]
    undo = deny(world.a, "eu-west-1", "alias/closed", role, "kms:Decrypt")
    found = named(world.preflight(*where, "--canary", code=NO_GO), "fail")
    h.check(set(found) == {"canary"} and "kms:Decrypt" in found["canary"]["finding"]
            and "ebshift-target" in found["canary"]["finding"], found["canary"]["finding"])
    h.check(not left_by_canaries(world), "and nothing is left of it")
    undo()


def check_refused(world):
    """Rights that only the canary needs on the source's side are no reason not to go."""
    with denied(world, "CreateSnapshot"):
        document = world.preflight(*world.here, "--canary")
    told = named(document, "warn")["canary"]["finding"]
    h.check("no canary was sent" in told and not left_by_canaries(world), told)


def test_other_account(world):
    """Region and account at once: two hops, a share and a grant."""
    role = world.env["CLOUDSIM_ROLE_B"]
    where = ["--to-account", B, "--to-region", "eu-west-1", "--to-zone", "eu-west-1a",
             "--to-instance", world.env["CLOUDSIM_B_TARGET_INSTANCE"], "--to-role", role,
             "--kms-key-id", world.b.key_arn("alias/data", "eu-west-1"),
             "--via-kms-key-id", world.a.key_arn("alias/closed", "eu-west-1")]
    check_canary(world, where)
    check_killed(world, where, "final-copied", "abort")
    check_missing_right(world, where)


def test(place):
    world = World(place)
    world.sql("ALTER SYSTEM SET archive_mode = on", "ALTER SYSTEM SET archive_command = 'true'")
    world.server.stop("fast")
    world.server.start()
    check_good(world)
    check_broken(world, BROKEN)
    check_clock(world)
    check_killed(world, world.here, "final-copied", "abort")
    check_canary(world, world.here)
    if "--all" not in sys.argv:
        return
    check_broken(world, MORE_BROKEN)
    for state in ("cut", "final-complete", "final-copy", "volumes", "volumes-ready", "aborting"):
        check_killed(world, world.here, state, "preflight", "--canary", *world.here)
    check_killed(world, world.here, "final-copied", "abort", how=signal.SIGINT)
    check_refused(world)
    test_other_account(world)


if __name__ == "__main__":
    h.main(test)
