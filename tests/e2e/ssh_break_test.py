"""What breaks inside a freeze on another machine: ebshift, the program that freezes there, the link.
It thaws there each time, and a snapshot whose freeze was not seen to its end is called 'crash'.

A tablespace lies under a name that would be a program to any shell it came to.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import time

import far
import harness as h
from freeze_loop_test import Stalls
from scene import Scene

LIMIT_S = 4
HOSTILE = 'co ld";$(touch pwned)&touch pwned|%`touch pwned`'


def start(scene, verb):
    h.run(h.BIN / "cloudsim", "fault", "--state", scene.cloud.state, "slow-reply:CreateSnapshots")
    words = [h.BIN / "ebshift", verb, "--config", scene.config, "--output", "json"]
    if verb == "migrate":
        words += ["--window", scene.window(after_hours=0, length="48h"), "--no-fence"]
    return subprocess.Popen(words, env=scene.cloud.environ(), text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def wait_frozen(process, stalls):
    end = time.monotonic() + 90
    while not stalls.is_stalled():
        assert process.poll() is None, "ebshift ended: " + process.stderr.read()
        assert time.monotonic() < end, "nothing was frozen"
        time.sleep(0.005)


def wait_thawed(stalls):
    """Seconds until writers went on."""
    began = time.monotonic()
    while stalls.is_stalled():
        assert time.monotonic() < began + 20, "still frozen after 20 s"
        time.sleep(0.005)
    return time.monotonic() - began


def running(program, parent=None):
    """Ids of the processes of a program, of ours only."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            words = (stat.parent / "cmdline").read_bytes().split(b"\0")
            if words[0].decode() == program and parent in (None, int(stat.read_text().rsplit(")", 1)[1].split()[1])):
                found.append(int(stat.parent.name))
        except OSError:
            continue
    return found


def test(place):
    far.need_sshd()
    place.callback(far.forget_records, place)
    scene = Scene(place, time_scale=2000)
    cloud, server = scene.cloud, scene.server
    cold = h.Disk(place, cloud, HOSTILE)
    cold.make(cloud.new_volume(1, "/dev/sdh"))
    shutil.chown(cold.path, "postgres", "postgres")
    (cold.path / "lost+found").rmdir()
    server.query(f"CREATE TABLESPACE cold LOCATION '{cold.path}'")
    machine = far.Far(place)
    hold = place.path / "ebshift-hold"  # by a name of its own, so that it is told from others
    hold.symlink_to(h.BIN / "ebshift-hold")
    cloud.env.update(machine.environ(), EBSHIFT_HOST_COMMAND=str(hold))
    out, _ = cloud.ebshift("init", "--config", scene.config, "--conninfo", server.conninfo,
                           "--freeze-limit", f"{LIMIT_S}s", "--to-region", "eu-west-1",
                           "--to-zone", "eu-west-1a", "--store", scene.store, "--output", "json")
    h.check(len(h.last_document(out)["volumes"]) == 3, "the tablespace of a hostile name is found")
    ledger = h.Ledger(server)
    ledger.wait_for(20)
    stalls = Stalls(place, cold.path)

    process = start(scene, "migrate")
    wait_frozen(process, stalls)
    process.kill()
    took = wait_thawed(stalls)
    process.communicate()
    h.check(took < LIMIT_S - 1, f"ebshift killed: thawed {took:.2f} s later, before the limit")
    ledger.wait_for(3)

    process = start(scene, "resume")
    wait_frozen(process, stalls)
    victims = running(str(hold))
    assert len(victims) == 1, f"{victims} run"
    os.kill(victims[0], signal.SIGKILL)
    took = wait_thawed(stalls)
    h.check(took < LIMIT_S - 1, f"ebshift-hold killed: its watchdog thawed {took:.2f} s later")
    process.kill()
    process.communicate()
    ledger.wait_for(3)

    process = start(scene, "resume")
    wait_frozen(process, stalls)
    time.sleep(0.5)  # for the last of the mounts: else the request is never sent
    link = running("ssh", process.pid)
    assert len(link) == 1, f"{link} are the link"
    os.kill(link[0], signal.SIGKILL)
    took = wait_thawed(stalls)
    h.check(took < LIMIT_S - 1, f"link cut: thawed {took:.2f} s later, before the limit")
    out, told = process.communicate(timeout=200)
    assert process.returncode == 0, told
    h.check(h.last_document(out)["consistency"] == "crash", "and the snapshot is called 'crash'")
    ledger.wait_for(3)
    ledger.stop()
    h.check(not list(place.path.rglob("pwned")) and not pathlib.Path("/pwned").exists() and
            not (pathlib.Path.home() / "pwned").exists(), "no shell has read the hostile name")
    server.stop()


if __name__ == "__main__":
    h.main(test)
