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


def watch_mount(mount_point, beat_fd):
    """The process that measures: removing what is not there changes nothing, but waits while the
    mount is frozen. Says how long, whenever it waited."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    beat = mmap.mmap(int(beat_fd), 8)  # in memory: a file would have us wait for its disk
    absent = os.path.join(mount_point, ".absent")
    while True:
        began = time.monotonic()
        beat[:] = struct.pack("d", began)
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(absent)
        ended = time.monotonic()
        if ended - began > 0.02:
            print(began, ended, flush=True)
        time.sleep(0.001)


class Stalls:
    """What writers to a mount met with."""

    def __init__(self, place, mount_point):
        fd = os.memfd_create("beat")
        os.ftruncate(fd, 8)
        self.beat = mmap.mmap(fd, 8)
        self.process = subprocess.Popen([sys.executable, __file__, mount_point, str(fd)],
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


def start(scene, verb):
    h.run(h.BIN / "cloudsim", "fault", "--state", scene.cloud.state, "slow-reply:CreateSnapshots")
    words = [h.BIN / "ebshift", verb, "--config", scene.config, "--freeze-limit", "1s"]
    if verb == "migrate":
        words += ["--window", scene.window(after_hours=0.5, length="48h"), "--no-fence"]
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
    """One kill; how long the wait of writers was that it fell into, and how much of that came after
    the kill; None if it missed the freeze."""
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
    time.sleep(0.01)
    began, ended = stalls.past()[-1]
    inside = began < killed_at < ended or stop_first
    return (ended - began, ended - killed_at) if inside else None


def loop(place, filesystem, kills, dice):
    scene = Scene(place, time_scale=2000, filesystem=filesystem)
    scene.init()
    scene.server.bench(scale=5, rate=100)
    ledger = h.Ledger(scene.server)
    ledger.wait_for(20)
    stalls = Stalls(place, scene.data.path)
    lengths, thaws, tries = [], [], 0
    while len(lengths) < kills:
        tries += 1
        assert tries <= 2 * kills + 2, f"only {len(lengths)} of {tries} kills fell into a freeze"
        verb = "resume" if scene.newest_run()[0] else "migrate"
        found = kill(scene, stalls, verb, dice.uniform(0, 0.6 * LIMIT_S), len(lengths) % 4 == 3)
        ledger.wait_for(3)
        if found is not None:
            lengths.append(found[0])
            thaws.append(found[1])
            assert found[0] <= LIMIT_S + SLACK_S, f"writers were shut out for {found[0]:.3f} s"
            print(f"   {verb}: {found[0]:.3f} s, {found[1]:.3f} s after the kill", flush=True)
    h.check(True, f"{filesystem}: {kills} kills inside the freeze, the longest lasted "
                  f"{max(lengths):.3f} s of {LIMIT_S:.0f} s, thawed at most {max(thaws):.3f} s after the "
                  "kill; PostgreSQL wrote on after each")
    h.run(h.BIN / "cloudsim", "fault", "--state", scene.cloud.state, "none")
    told, _ = scene.cloud.ebshift("thaw")
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
        watch_mount(*sys.argv[1:])
    h.main(test)
