"""SIGKILL of ebshift inside the freeze, again and again, under a PostgreSQL that writes: everything
thaws, at once when the process is dead and at the limit when it stands still, and the server writes on.

How long writers were shut out is measured from outside, by a process that tries to write all the time.
Four kills for each of ext4 and xfs; with --all fifty.
"""

import contextlib
import mmap
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import time

import harness as h
from scene import Scene

LIMIT_S = 1.0
SLACK_S = 0.2


def watch(path, beat_fd):
    """The process that measures: tries to write, and says how long it waited whenever it did. On a
    mount it removes what is not there, which changes nothing but waits while the mount is frozen;
    a block device is written to."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    beat = mmap.mmap(int(beat_fd), 8)  # in memory: a file would have us wait for its disk
    block = mmap.mmap(-1, 4096)
    device = None if os.path.isdir(path) else os.open(path, os.O_WRONLY | os.O_DSYNC | os.O_DIRECT)
    while True:
        began = time.monotonic()
        beat[:] = struct.pack("d", began)
        if device is not None:
            os.pwrite(device, block, 0)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(os.path.join(path, ".absent"))
        ended = time.monotonic()
        if ended - began > 0.02:
            print(began, ended, flush=True)
        time.sleep(0.001 if device is None else 0.01)


class Stalls:
    """What writers to a mount or a device met with."""

    def __init__(self, place, path):
        fd = os.memfd_create("beat")
        os.ftruncate(fd, 8)
        self.beat = mmap.mmap(fd, 8)
        self.process = subprocess.Popen([sys.executable, __file__, path, str(fd)],
                                        text=True, stdout=subprocess.PIPE, pass_fds=[fd])
        os.close(fd)
        os.set_blocking(self.process.stdout.fileno(), False)
        place.callback(place.stop, self.process)
        self.text = ""
        while self.began() == 0:
            time.sleep(0.01)

    def began(self):
        """When the write that is on its way was begun."""
        return struct.unpack("d", self.beat)[0]

    def is_stalled(self):
        return time.monotonic() - self.began() > 0.05

    def past(self):
        """(began, ended) of every wait."""
        with contextlib.suppress(BlockingIOError, TypeError):
            self.text += self.process.stdout.read()
        return [tuple(map(float, line.split())) for line in self.text.splitlines(keepends=True)
                if line.endswith("\n")]


    def within(self, from_s, to_s):
        """Seconds of waiting in a span of time."""
        return sum(max(0, min(ended, to_s) - max(began, from_s)) for began, ended in self.past())


def start(scene, verb):
    h.run(h.BIN / "cloudsim", "fault", "--state", scene.cloud.state, "slow-reply:CreateSnapshots")
    words = [h.BIN / "ebshift", verb, "--config", scene.config, "--freeze-limit", "1s"]
    if verb == "migrate":
        words += ["--window", scene.window(after_hours=0, length="48h"), "--no-fence"]
    return subprocess.Popen(words, env=scene.cloud.environ(), text=True, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)


def wait_until_frozen(process, stalls):
    """False if it never froze: the set was refused for a moment, say."""
    record = pathlib.Path(f"/run/ebshift/frozen.{process.pid}")
    end = time.monotonic() + 60
    while not (record.exists() and stalls.is_stalled()):
        if process.poll() is not None or time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def kill(scene, stalls, verb, delay_s, stop_first):
    """One kill; (began, killed, ended) of the wait of writers that it fell into, None if it missed
    the freeze."""
    process = start(scene, verb)
    frozen = wait_until_frozen(process, stalls)
    if frozen and stop_first:
        process.send_signal(signal.SIGSTOP)
        delay_s = LIMIT_S + 0.3
    time.sleep(delay_s if frozen else 0)
    killed_at = time.monotonic()
    process.kill()
    _, told = process.communicate()
    if not frozen:
        print(f"   missed: {told.strip()}")
        return None
    end = time.monotonic() + 10
    while stalls.is_stalled():
        assert time.monotonic() < end, "still frozen 10 s after the kill"
        time.sleep(0.002)
    time.sleep(0.03)
    began, ended = stalls.past()[-1]
    inside = began < killed_at < ended or stop_first
    return (began, killed_at, ended) if inside else None


def loop(place, filesystem, kills, dice):
    scene = Scene(place, time_scale=2000, filesystem=filesystem)
    spare = scene.cloud.device(scene.cloud.new_volume(1, "/dev/sdh"))
    scene.init()
    scene.server.bench(scale=5, rate=100)
    ledger = h.Ledger(scene.server)
    ledger.wait_for(20)
    # To thaw, the kernel writes the superblock: if disks stand still after the limit, so does the thaw.
    stalls, disk = Stalls(place, scene.data.path), Stalls(place, spare)
    # A first run makes history; those after it have no reason for rounds and go straight to the cut.
    scene.cloud.ebshift("migrate", "--config", scene.config, "--no-fence", "--window",
                        scene.window(after_hours=0.15, length="48h"))
    lengths, thaws, tries = [], [], 0
    while len(lengths) < kills:
        tries += 1
        assert tries <= 2 * kills + 2, f"only {len(lengths)} of {tries} kills fell into a freeze"
        verb = "migrate" if scene.newest_run()[1] == "done" else "resume"
        stop_first = len(lengths) % 4 == 3
        found = kill(scene, stalls, verb, dice.uniform(0, 0.6 * LIMIT_S), stop_first)
        ledger.wait_for(3)
        if found is None:
            continue
        began, killed_at, ended = found
        waited = disk.within(began + LIMIT_S, ended)
        lengths.append(ended - began)
        thaws.append(0 if stop_first else ended - killed_at)
        print(f"   {'stopped' if stop_first else 'killed'}: {ended - began:.3f} s"
              + (f", of which a disk stood still for {waited:.3f} s" if waited else ""), flush=True)
        assert ended - began - waited <= LIMIT_S + SLACK_S, "writers were shut out for too long"
    h.check(True, f"{filesystem}: {kills} kills inside the freeze, the longest lasted "
                  f"{max(lengths):.3f} s of {LIMIT_S:.0f} s, thawed at most {max(thaws):.3f} s after the "
                  "kill; PostgreSQL wrote on after each")
    h.run(h.BIN / "cloudsim", "fault", "--state", scene.cloud.state, "none")
    told = h.run("unshare", "--net", h.BIN / "ebshift", "thaw", env={}, cwd="/")
    h.check(": thawed" not in told, f"{filesystem}: nothing was left frozen")
    out, _ = scene.cloud.ebshift("resume", "--config", scene.config, "--output", "json")
    summary = h.last_document(out)
    snapshots, volumes = scene.made()
    h.check(summary["consistency"] == "frozen" and
            (len(snapshots), len(volumes)) == (4 * len(summary["rounds"]), 2),
            f"{filesystem}: the run ends with a frozen set, no twin and no orphan")
    ledger.stop()


def test(_):
    kills = 50 if "--all" in sys.argv else 4
    dice = random.Random(20261124)
    for filesystem in ("ext4", "xfs"):
        with h.Place() as place:
            loop(place, filesystem, kills, dice)
        left = h.leftovers(place)
        h.check(not left, f"nothing is left behind {left or ''}")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        watch(*sys.argv[1:])
    h.main(test)
