"""A local EBS with one bare volume per case, ebshift driven through its real binary, and an audit of
what it left in the world: no twin, no orphan.

Volumes are not attached, so neither root nor a database is needed. Simulated time stands still (it
passes as ours does) unless an ebshift is at work and asleep.
"""

import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness as h  # noqa: E402

FAR_MS = 2 ** 52
TRANSIENT, REFUSED = 7, 6


def hours(count):
    return h.datetime.timedelta(hours=count)


class Clock:
    """Our own session with the simulator's clock: awake it holds time, asleep it lets it run."""

    def __init__(self, cloud):
        self.socket = cloud.hold()
        self.path = cloud.env["EBSHIFT_CLOCK"]
        self.lines = self.socket.makefile()
        self.lines.readline()

    def hold(self):
        self.socket.sendall(b"wake\n")
        return int(self.lines.readline().split()[1])

    def let_run(self):
        self.socket.sendall(f"sleep_until {FAR_MS}\n".encode())

    def sleep(self, seconds):
        """Lets so much simulated time pass."""
        until_ms = self.hold() + seconds * 1000
        self.socket.sendall(f"sleep_until {until_ms}\n".encode())
        self.lines.readline()

    def sessions(self):
        """How many sessions are open, ours included."""
        open_ones = pathlib.Path("/proc/net/unix").read_text().splitlines()
        return sum(1 for line in open_ones if line.endswith(self.path) and line.split()[5] == "03")


class Site:
    """One cloudsim for many cases."""

    def __init__(self, place, time_scale=100000, seed=7, world="empty"):
        self.place = place
        self.time_scale = time_scale
        self.cloud = h.Cloud(place, time_scale=time_scale, seed=seed, world=world)
        self.clock = Clock(self.cloud)
        self.environ = self.cloud.environ()
        # The outside judge's own library: starting the program for each call takes a second.
        from awscli.botocore.session import get_session
        self.session = get_session()
        self.ec2 = self.client()
        self.cases = 0

    def client(self, service="ec2", keys=None, region="us-east-1"):
        keys = keys or {"AccessKeyId": self.cloud.env["AWS_ACCESS_KEY_ID"],
                        "SecretAccessKey": self.cloud.env["AWS_SECRET_ACCESS_KEY"]}
        return self.session.create_client(
            service, region_name=region, endpoint_url=self.cloud.env["AWS_ENDPOINT_URL"],
            aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"))

    def restart(self, pause_s):
        """Ends the server and, after a while, starts it again on its state and port."""
        self.place.stop(self.cloud.process)
        time.sleep(pause_s)
        log = open(self.cloud.log, "a")
        self.cloud.process = subprocess.Popen(
            [h.BIN / "cloudsim", "--listen", "127.0.0.1:0", "--state", self.cloud.state,
             "--time-scale", str(self.time_scale)], stdout=log, stderr=log)
        while not self.is_up():
            time.sleep(0.02)
        self.clock = Clock(self.cloud)

    def is_up(self):
        try:
            self.cloud.now()
            return True
        except OSError:
            return False

    def arm(self, *specs):
        """Arms faults; the server takes them before its next request."""
        with open(self.cloud.state / "faults", "a") as faults:
            faults.writelines(spec + "\n" for spec in specs)

    def disarm(self):
        self.arm("none")

    def truth(self, run_id):
        """What is alive of a run: snapshots and volumes, also those that no call shows yet."""
        world = json.loads((self.cloud.state / "state.json").read_text())
        snapshots = [s for s in world["snapshots"]
                     if s["tags"].get("ebshift:run") == run_id and not s["gone"] and not s["doomed"]]
        volumes = [v for v in world["volumes"]
                   if v["tags"].get("ebshift:run") == run_id and not v["gone"]]
        return snapshots, volumes

    def new_volume(self, ec2, size_gib=400):
        volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=size_gib, VolumeType="gp3")
        self.clock.sleep(60)
        return volume["VolumeId"]

    def case(self, store=None):
        """A new volume with a store of its own."""
        self.cases += 1
        return Case(self, self.new_volume(self.ec2), store or self.place.path / f"s{self.cases}")

    def role_keys(self, seconds):
        """Keys of the role in the second account, which expire by simulated time."""
        return self.client("sts").assume_role(
            RoleArn=self.cloud.env["CLOUDSIM_ROLE_B"], RoleSessionName="fault",
            DurationSeconds=seconds)["Credentials"]


class Case:
    """One volume, one store, one run."""

    def __init__(self, site, volume, store):
        self.site, self.volume, self.store = site, volume, store
        self.environ = site.environ
        self.database = None
        now = h.datetime.datetime.fromtimestamp(site.clock.hold() / 1000, h.datetime.timezone.utc)
        self.window = h.rfc3339(now + hours(4)) + "/14h"
        self.words = ["--store", store, "--region", "us-east-1", "--volume", volume, "--to-region",
                      "eu-west-1"]

    # ---- processes ----

    def take_keys(self, keys):
        self.environ = {**self.environ, "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
                        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
                        "AWS_SESSION_TOKEN": keys["SessionToken"]}

    def spawn(self, verb):
        """Starts ebshift, whatever the clock does."""
        words = [h.BIN / "ebshift", verb, *self.words]
        if verb == "migrate":
            words += ["--to-zone", "eu-west-1a", "--no-fence", "--max-downtime", "30m", "--window",
                      self.window, "--force"]
        return subprocess.Popen([str(word) for word in words] + ["--verbose"], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environ)

    def start(self, verb):
        """Starts ebshift and lets simulated time run as soon as it takes part in it."""
        self.site.clock.hold()
        sessions = self.site.clock.sessions()
        process = self.spawn(verb)
        # The session of a process killed just now may be counted in, and go while the new one comes:
        # the count would never rise, and we would hold the clock for ever.
        end = time.monotonic() + 2
        while (self.site.clock.sessions() <= sessions and process.poll() is None and
               time.monotonic() < end):
            time.sleep(0.0005)
        self.site.clock.let_run()
        return process

    def finish(self, process, timeout=60):
        try:
            _, self.told = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill(process)
            raise AssertionError(f"ebshift hangs in '{self.state()}':\n{self.told[-2000:]}")
        self.site.clock.hold()
        return process.returncode

    def kill(self, process):
        """SIGKILL, with time at a stand, so that what is fresh stays fresh."""
        self.site.clock.hold()
        process.send_signal(signal.SIGKILL)
        _, self.told = process.communicate()

    def kill_when(self, verb, due):
        """SIGKILL as soon as due() says so; nothing is killed if the process ends before."""
        process = self.start(verb)
        end = time.monotonic() + 60
        while process.poll() is None and not due():
            assert time.monotonic() < end, f"the instant to kill never came in '{self.state()}'"
        self.kill(process)

    def left(self):
        """How much of the run is alive in the world."""
        snapshots, volumes = self.site.truth(self.run_id())
        return len(snapshots) + len(volumes)

    def run(self, verb, timeout=60):
        return self.finish(self.start(verb), timeout)

    # ---- journal ----

    def ask(self, sql):
        """Rows of the journal, read as an onlooker; none while there is no store."""
        try:
            if self.database is None:
                self.database = sqlite3.connect(f"file:{self.store}/ebshift.db?mode=ro", uri=True,
                                                timeout=1)
            return self.database.execute(sql).fetchall()
        except sqlite3.Error:
            return []

    def forget(self):
        """Closes the journal, whose filesystem is about to go."""
        if self.database is not None:
            self.database.close()
        self.database = None

    def state(self):
        rows = self.ask("SELECT state FROM run")
        return rows[0][0] if rows else None

    def run_id(self):
        rows = self.ask("SELECT id FROM run")
        return rows[0][0] if rows else None

    # ---- audit ----

    def expect_done(self):
        """Exactly what the journal calls ready is alive: per round a snapshot and a copy, and in
        the end one volume."""
        assert self.state() == "done", f"ended in '{self.state()}'"
        snapshots, volumes = self.site.truth(self.run_id())
        ready = [id for (id,) in self.ask("SELECT id FROM object WHERE state = 2")]
        alive = [thing["id"] for thing in snapshots + volumes]
        assert sorted(ready) == sorted(alive), f"journal has {sorted(ready)}, world {sorted(alive)}"
        ops = [thing["tags"]["ebshift:op"] for thing in snapshots + volumes]
        rounds = {}
        for op in ops:
            kind, number = op.split("/")[1][0], int(op.split("/")[1][1:].split(".")[0])
            rounds.setdefault(number, []).append(kind)
        last = max(rounds)
        for number, kinds in rounds.items():
            want = ["c", "s", "v"] if number == last else ["c", "s"]
            assert sorted(kinds) == want, f"round {number} has {sorted(kinds)}"

    def expect_gone(self):
        assert self.state() == "aborted", f"ended in '{self.state()}'"
        snapshots, volumes = self.site.truth(self.run_id())
        left = [(thing["id"], thing["tags"]["ebshift:op"]) for thing in snapshots + volumes]
        assert not left, f"abort left {left}"


def main(test):
    """Runs a test in a place of its own, with `--all` or only its slice."""
    os.environ.setdefault("EBSHIFT_BIN_DIR", "build/bin")
    for program in (h.BIN / "ebshift", h.BIN / "cloudsim", pathlib.Path(h.AWS)):
        if not program.exists():
            h.skip(f"needs {program.name}")
    # Told to end, the place is still cleared.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with h.Place() as place:
        test(place, "--all" in sys.argv)
