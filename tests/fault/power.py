"""The power of the store goes: its filesystem lies on a loop device, whose bytes are taken at some
instant of a run, as they had reached the disk by then, while ebshift stands still and then is no
more. Mounted again, its journal replayed, the run goes on or is aborted: no twin, no orphan.

And the store's own small filesystem fills up while a run is under way.
"""

import itertools
import random
import shutil
import signal
import subprocess
import time

import fault_rig as rig

h = rig.h


def unmount(mount_point):
    """Also when a process of a case that was given up still lives on it for a moment."""
    if subprocess.run(["umount", mount_point], stderr=subprocess.DEVNULL).returncode != 0:
        h.run("umount", "-l", mount_point)


class Disk:
    """An ext4 of 16 MiB in a file on a filesystem that clones files in one instant."""

    def __init__(self, pool, name):
        self.image = pool / f"{name}.img"
        self.mount_point = pool / name
        self.mount_point.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(16 << 20)
        h.run("mkfs.ext4", "-q", "-m", "0", "-O", "^metadata_csum_seed", self.image)
        self.mount()

    def mount(self):
        h.run("mount", "-o", "loop,commit=1", self.image, self.mount_point)

    def unmount(self):
        unmount(self.mount_point)

    def cut(self):
        """What is on the disk now; what is only in memory is lost."""
        left = self.image.with_suffix(".left")
        h.run("cp", "--reflink=always", self.image, left)
        return left

    def switch_on(self, left):
        self.unmount()
        left.rename(self.image)
        self.mount()


def make_pool(place):
    pool = place.path / "pool"
    image = place.path / "pool.img"
    pool.mkdir()
    with open(image, "wb") as file:
        file.truncate(512 << 20)
    h.run("mkfs.xfs", "-q", "-m", "reflink=1", image)
    h.run("mount", "-o", "loop", image, pool)
    place.callback(unmount, pool)
    return pool


def go_on(case, end):
    state = case.state()
    if state is None:
        end = "migrate"
    if state in ("hand-over", "done"):
        end = "resume"
    if state != "done":
        code = case.run(end)
        assert code == 0, f"{end} after '{state}' ended with {code}:\n{case.told[-1500:]}"
    if end == "abort":
        case.expect_gone()
    else:
        case.expect_done()
    return state


def check_cut(site, pool, number, delay, end):
    disk = Disk(pool, f"disk-{number}")
    try:
        case = site.case(store=disk.mount_point / "store")
        process = case.start("migrate")
        time.sleep(delay)
        site.clock.hold()
        process.send_signal(signal.SIGSTOP)
        left = disk.cut()
        run_id = case.run_id()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        case.forget()
        disk.switch_on(left)
        if run_id is not None and case.run_id() != run_id:
            made = [thing["id"] for things in site.truth(run_id) for thing in things]
            assert not made, f"'{run_id}' is forgotten, but made {made}"
        return go_on(case, end)
    finally:
        case.forget()
        disk.unmount()
        disk.image.unlink()


def check_full(site, pool, state):
    """Full from a state on; then room is made."""
    disk = Disk(pool, f"full-{state}")
    try:
        case = site.case(store=disk.mount_point / "store")
        process = case.start("migrate")
        while case.state() not in (state, "done"):
            assert process.poll() is None
        site.clock.hold()
        process.send_signal(signal.SIGSTOP)
        filler = disk.mount_point / "filler"
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k"], stderr=subprocess.DEVNULL)
        process.send_signal(signal.SIGCONT)
        site.clock.let_run()
        code = case.finish(process)
        assert code in (0, 1), case.told[-1500:]
        if code == 1:
            assert "disk is full" in case.told and "hint: check free space" in case.told, case.told
        filler.unlink()
        go_on(case, "resume")
        case.forget()
        h.run("mount", "-o", "remount,ro", disk.mount_point)
        site.cloud.ebshift("status", "--store", case.store)
        return code
    finally:
        case.forget()
        disk.unmount()


def plan(everything):
    dice = random.Random(20261123)
    ends = itertools.cycle(("resume", "abort"))
    for number in range(200 if everything else 10):
        yield number, dice.uniform(0.02, 0.6), next(ends)


def test(place, everything):
    h.need_real_machine()
    if shutil.which("mkfs.xfs") is None:
        h.skip("needs mkfs.xfs, for a filesystem that clones")
    site = rig.Site(place)
    pool = make_pool(place)
    failed, states, begun = [], {}, time.monotonic()
    for number, delay, end in plan(everything):
        try:
            state = check_cut(site, pool, number, delay, end)
            states[state] = states.get(state, 0) + 1
        except AssertionError as error:
            failed.append((number, delay, end))
            print(f"FAILED: {number} after {delay:.3f} s, {end}: {error}", flush=True)
    print(f"the power went {number + 1} times, {len(failed)} failed, found in {states}, "
          f"{time.monotonic() - begun:.0f} s")
    told = sum(check_full(site, pool, state) for state in ("round-complete", "final-complete"))
    print(f"full disks: {told} of 2 were told; looked at on a disk that is read-only")
    assert not failed, failed


if __name__ == "__main__":
    rig.main(test)
