"""What every end-to-end test needs: a local EBS, a real PostgreSQL on its volumes, clients that
remember what was acknowledged, and an end that leaves nothing behind.

Everything lives in one temporary directory; only processes started here are ended, by pid.
"""

import contextlib
import datetime
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest.mock

import psycopg2

BIN = pathlib.Path(os.environ.get("EBSHIFT_BIN_DIR", "build/bin")).resolve()
PG_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
AWS = "/usr/bin/aws"
SKIPPED = 77


def skip(reason):
    """Ends the program as skipped, with the line that says why."""
    print(f"SKIP: {reason}")
    sys.exit(SKIPPED)


def need_real_machine():
    """Loop devices, root and a PostgreSQL are the ground of these tests."""
    if os.geteuid() != 0:
        skip("needs root, for loop devices and mounts")
    if not os.path.exists("/dev/loop-control"):
        skip("needs loop devices")
    for program in (PG_BIN / "postgres", pathlib.Path(AWS), BIN / "ebshift", BIN / "cloudsim"):
        if not program.exists():
            skip(f"needs {program.name}")


def check(condition, message):
    """One expectation; a line if it holds, the end of the test if not."""
    if not condition:
        raise AssertionError(message)
    print(f"ok: {message}", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def utc(text):
    """The datetime of an RFC 3339 instant."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def rfc3339(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def run(*words, **options):
    """A command that must succeed; its standard output."""
    options.setdefault("check", True)
    options.setdefault("text", True)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("timeout", 300)
    return subprocess.run([str(word) for word in words], **options).stdout


class Place(contextlib.ExitStack):
    """A temporary directory, and the stack of what has to be undone in it."""

    def __init__(self):
        super().__init__()
        base = os.environ.get("TMPDIR", "/var/tmp")
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="ebshift-e2e-", dir=base))
        self.path.chmod(0o755)
        self.callback(shutil.rmtree, self.path, ignore_errors=True)

    def stop(self, process, how=signal.SIGTERM):
        """Ends a process of ours and waits for it."""
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Cloud:
    """cloudsim with its state in the place, and ebshift and awscli pointed at it."""

    def __init__(self, place, time_scale=600, seed=7, world="empty", options=()):
        self.place = place
        self.state = place.path / "cloud"
        self.log = place.path / "cloudsim.log"
        log = open(self.log, "w")
        self.process = subprocess.Popen(
            [BIN / "cloudsim", "--listen", "127.0.0.1:0", "--state", self.state,
             "--time-scale", str(time_scale), "--seed", str(seed), "--world", world, *options],
            stdout=log, stderr=log)
        place.callback(self._end)
        self._wait_ready()
        self.env = self._read_env()
        self.by_id = pathlib.Path(self.env["EBSHIFT_DEVICE_DIR"])

    def _end(self):
        self.place.stop(self.process)
        run(BIN / "cloudsim", "clean", "--state", self.state, check=False)

    def _wait_ready(self):
        for _ in range(300):
            if "listening on" in self.log.read_text():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError("cloudsim did not start: " + self.log.read_text())

    def _read_env(self):
        lines = run(BIN / "cloudsim", "env", "--state", self.state).splitlines()
        env = {}
        for line in lines:
            name, _, value = line.removeprefix("export ").partition("=")
            env[name] = value.strip("'")
        return env

    def environ(self):
        return {**os.environ, **self.env, "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true"}

    def aws(self, *words, region=None):
        """The answer of Debian's awscli, parsed. It runs in this process: to start a program takes
        longer than to ask."""
        from awscli.clidriver import create_clidriver
        # This awscli is older than AWS_ENDPOINT_URL.
        words = ["--endpoint-url", self.env["AWS_ENDPOINT_URL"], "--output", "json",
                 *(["--region", region] if region else []), *words]
        out, told = io.StringIO(), io.StringIO()
        with (unittest.mock.patch.dict(os.environ, self.environ()),
              contextlib.redirect_stdout(out), contextlib.redirect_stderr(told)):
            code = create_clidriver().main(words)
        if code != 0:
            raise AssertionError(f"aws {' '.join(words)}: {told.getvalue()}")
        return json.loads(out.getvalue()) if out.getvalue().strip() else {}

    def new_volume(self, gib, device, instance=None, zone="us-east-1a", key=None):
        """A fresh volume, attached, encrypted if a key is named; its id."""
        encrypted = ["--encrypted", "--kms-key-id", key] if key else []
        volume = self.aws("ec2", "create-volume", "--availability-zone", zone, "--size", str(gib),
                          "--volume-type", "gp3", "--iops", "4000", "--throughput", "250",
                          *encrypted,
                          "--tag-specifications",
                          "ResourceType=volume,Tags=[{Key=Name,Value=e2e},{Key=team,Value=dba}]")
        volume_id = volume["VolumeId"]
        self.aws("ec2", "wait", "volume-available", "--volume-ids", volume_id)
        self.aws("ec2", "attach-volume", "--volume-id", volume_id, "--device", device,
                 "--instance-id", instance or self.env["CLOUDSIM_INSTANCE"])
        self.device(volume_id)
        return volume_id

    def device(self, volume_id):
        """The block device of an attached volume."""
        link = self.by_id / ("nvme-Amazon_Elastic_Block_Store_" + volume_id.replace("-", ""))
        for _ in range(200):
            if link.exists():
                return str(link.resolve())
            time.sleep(0.05)
        raise AssertionError(f"no device appeared for {volume_id}")

    def now(self):
        """The simulated instant."""
        with self.hold() as clock:
            word, ms = clock.makefile().readline().split()
        assert word == "now"
        return datetime.datetime.fromtimestamp(int(ms) / 1000, datetime.timezone.utc)

    def hold(self):
        """A session with the clock: until it is closed, simulated time passes no faster than ours."""
        clock = socket.socket(socket.AF_UNIX)
        clock.connect(self.env["EBSHIFT_CLOCK"])
        return clock

    def objects(self, region=None):
        """Ids of all snapshots and volumes of the account in a region."""
        snapshots = self.aws("ec2", "describe-snapshots", "--owner-ids", "self", region=region)
        volumes = self.aws("ec2", "describe-volumes", region=region)
        return ({s["SnapshotId"] for s in snapshots["Snapshots"]} |
                {v["VolumeId"] for v in volumes["Volumes"]})

    def ebshift(self, *words, code=0, timeout=400, env=()):
        """Runs ebshift, checks its exit code; (stdout, stderr)."""
        done = subprocess.run([BIN / "ebshift", *[str(w) for w in words]], text=True,
                              capture_output=True, timeout=timeout,
                              env={**self.environ(), **dict(env)})
        if done.returncode != code:
            raise AssertionError(f"ebshift {words[0]} ended with {done.returncode}, not {code}:\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done.stdout, done.stderr


class Disk:
    """A filesystem on a volume, mounted at a fixed path; the volume behind it may change."""

    def __init__(self, place, cloud, name):
        self.cloud = cloud
        self.path = place.path / name
        self.path.mkdir()
        place.callback(self.unmount)

    def make(self, volume_id, filesystem="ext4"):
        """A new filesystem, tables laid lazily, since the volume may be terabytes."""
        how = {"ext4": ["-m", "0", "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1"],
               "xfs": ["-K"]}[filesystem]
        run("mkfs." + filesystem, "-q", *how, self.cloud.device(volume_id))
        self.mount(volume_id)

    def mount(self, volume_id):
        run("mount", "-o", "noatime", self.cloud.device(volume_id), self.path)

    def unmount(self):
        for _ in range(50):
            if not os.path.ismount(self.path):
                return
            if subprocess.run(["umount", self.path], stderr=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(0.1)
        subprocess.run(["umount", "-l", self.path], check=False)


class Postgres:
    """A server of Debian's PostgreSQL 15 with checksums, on its own port and socket directory."""

    def __init__(self, place, data_disk, wal_disk=None):
        self.place = place
        self.data = data_disk.path / "pgdata"
        self.wal = wal_disk.path / "pg_wal" if wal_disk else None
        self.port = free_port()
        self.sockets = place.path / "sockets"
        self.log = place.path / "postgres.log"
        self.sockets.mkdir(exist_ok=True)
        shutil.chown(self.sockets, "postgres", "postgres")
        self.log.touch()
        shutil.chown(self.log, "postgres", "postgres")
        for disk in filter(None, (data_disk, wal_disk)):
            shutil.chown(disk.path, "postgres", "postgres")
        place.callback(self.stop)

    def _as_postgres(self, *words, **options):
        return run("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *words,
                   cwd="/", **options)

    def create(self):
        wal = ["--waldir", self.wal] if self.wal else []
        self._as_postgres(PG_BIN / "initdb", "--data-checksums", "--auth=trust", "--username=postgres",
                          "--encoding=UTF8", "--locale=C", *wal, self.data)
        with open(self.data / "postgresql.conf", "a") as config:
            config.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n"
                         f"unix_socket_directories = '{self.sockets}'\n"
                         "shared_buffers = 64MB\nmax_wal_size = 256MB\n"
                         "checkpoint_timeout = 30s\n")
        self.start()

    def start(self):
        self._as_postgres(PG_BIN / "pg_ctl", "-w", "-t", "120", "-D", self.data, "-l", self.log,
                          "start")

    def stop(self, mode="immediate"):
        if (self.data / "postmaster.pid").exists():
            self._as_postgres(PG_BIN / "pg_ctl", "-w", "-D", self.data, "-m", mode, "stop",
                              check=False, stderr=subprocess.DEVNULL)

    def checksums(self):
        """pg_checksums over the stopped cluster."""
        return self._as_postgres(PG_BIN / "pg_checksums", "--check", "-D", self.data)

    @property
    def conninfo(self):
        return f"host={self.sockets} port={self.port} user=postgres dbname=postgres"

    def connect(self, dbname="postgres"):
        connection = psycopg2.connect(host=str(self.sockets), port=self.port, user="postgres",
                                      dbname=dbname, connect_timeout=10)
        connection.autocommit = True
        return connection

    def query(self, sql, dbname="postgres"):
        connection = self.connect(dbname)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def psql_file(self, path):
        return run(PG_BIN / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.sockets,
                   "-p", self.port, "-U", "postgres", "-d", "template1", "-f", path)

    def bench(self, scale=5, rate=None, clients=2):
        """pgbench in the background until the place ends."""
        tool = PG_BIN / "pgbench"
        common = ["-h", self.sockets, "-p", str(self.port), "-U", "postgres"]
        run(tool, "-i", "-q", "-s", str(scale), *common, "postgres", stderr=subprocess.DEVNULL)
        rated = ["-R", str(rate)] if rate else []
        process = subprocess.Popen([tool, "-n", "-T", "3600", "-c", str(clients), *rated, *common,
                                    "postgres"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.place.callback(self.place.stop, process)
        return process


class Ledger:
    """Commits numbered rows as fast as it can and remembers each one acknowledged, in memory: that
    is outside every volume. Also remembers what was tried, so that a row nobody sent stands out."""

    def __init__(self, server):
        self.server = server
        self.tried = 0
        self.acknowledged = []
        self.times = []
        self.stopping = threading.Event()
        server.query("CREATE TABLE ledger (id bigint PRIMARY KEY, at timestamptz DEFAULT now())")
        self.go_on()

    def go_on(self):
        """Begins to commit, or goes on after stop()."""
        self.stopping.clear()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        while not self.stopping.is_set():
            try:
                connection = self.server.connect()
            except psycopg2.Error:
                time.sleep(0.1)
                continue
            with contextlib.suppress(psycopg2.Error):
                self._commit_until_refused(connection)
            connection.close()

    def _commit_until_refused(self, connection):
        cursor = connection.cursor()
        while not self.stopping.is_set():
            self.tried += 1
            cursor.execute("INSERT INTO ledger (id) VALUES (%s)", (self.tried,))
            self.acknowledged.append(self.tried)
            self.times.append(time.monotonic())

    def wait_for(self, count, seconds=60):
        """Until so many more rows were acknowledged."""
        want = len(self.acknowledged) + count
        end = time.monotonic() + seconds
        while len(self.acknowledged) < want:
            if time.monotonic() > end:
                raise AssertionError("the ledger makes no progress")
            time.sleep(0.02)

    def stop(self):
        self.stopping.set()
        self.thread.join(30)


def rows_of(server):
    return {row[0] for row in server.query("SELECT id FROM ledger")}


def last_document(text):
    """The last line of standard output, which is the result."""
    return json.loads(text.strip().splitlines()[-1])


def leftovers(place):
    """Mounts and loop devices that still refer to the place."""
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    loops = run("losetup", "-a")
    return [line for line in (mounts + loops).splitlines() if str(place.path) in line]


def main(test):
    """Runs a test in a place of its own and checks that it left nothing behind."""
    need_real_machine()
    with Place() as place:
        try:
            test(place)
        except BaseException:
            log = place.path / "cloudsim.log"
            if log.exists():
                print("cloudsim: " + log.read_text()[-2000:])
            raise
    # Whoever looks at mounts in this moment, in a namespace of its own, holds a device for another.
    for _ in range(30):
        left = leftovers(place)
        if not left:
            break
        time.sleep(0.1)
    check(not left, f"nothing is left behind {left or ''}")
