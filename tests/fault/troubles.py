"""What the surroundings do to a run: a second ebshift, a service that stands still or restarts,
credentials that expire, a disk that fills. Each is ridden out, or told clearly and then resumed.
"""

import os
import signal
import socket
import subprocess
import time

import fault_rig as rig

h = rig.h


def wait_for(case, process, *states):
    while case.state() not in states:
        assert process.poll() is None, f"ended in '{case.state()}':\n{process.communicate()[1]}"


def told(case):
    """The one line that says what went wrong."""
    lines = [line for line in case.told.splitlines() if line.startswith("ebshift: ")]
    assert len(lines) == 1, case.told
    return lines[0]


def a_second_ebshift_is_told_who_is_at_work(site):
    case = site.case()
    process = case.start("migrate")
    wait_for(case, process, "round-wait", "round-complete")
    site.clock.hold()
    process.send_signal(signal.SIGSTOP)
    for verb in ("migrate", "resume", "abort"):
        other = rig.Case(site, case.volume, case.store)
        code = other.run(verb)
        h.check(code == 11 and f"process {process.pid}" in other.told,
                f"{verb} beside a run: exit {code}, {told(other)}")
    process.send_signal(signal.SIGCONT)
    site.clock.let_run()
    h.check(case.finish(process) == 0, "the first one goes on to its end")
    case.expect_done()


def of_several_at_once_one_wins(site):
    case = site.case()
    site.clock.hold()
    processes = [case.spawn("migrate") for _ in range(4)]
    site.clock.let_run()
    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    site.clock.hold()
    codes = sorted(code for _, code in ends)
    h.check(codes == [0, 11, 11, 11], f"of four at once one wins: {codes}")
    winner = next(process.pid for process in processes if process.returncode == 0)
    for text, code in ends:
        assert code == 0 or f"process {winner} on host '{socket.gethostname()}' since 20" in text, text
    case.expect_done()


def the_lease_of_the_dead_is_taken_over(site):
    case = site.case()
    case.kill_when("migrate", lambda: case.state() == "round-wait")
    h.check(case.run("resume") == 0, "the lease of one that was killed is taken over")
    case.expect_done()


def a_service_that_stands_still_is_ridden_out(site):
    case = site.case()
    process = case.start("migrate")
    wait_for(case, process, "round-complete", "round-copied")
    os.kill(site.cloud.process.pid, signal.SIGSTOP)
    time.sleep(5)
    os.kill(site.cloud.process.pid, signal.SIGCONT)
    h.check(case.finish(process) == 0, "a service that stood still for 5 s is ridden out")
    case.expect_done()


def expired_credentials_are_told_and_replaced(site):
    keys = site.role_keys(900)
    case = rig.Case(site, site.new_volume(site.client(keys=keys)), site.place.path / "expired")
    case.take_keys(keys)
    code = case.run("migrate")
    h.check(code == rig.REFUSED and "RequestExpired" in case.told,
            f"keys that expire on the way: exit {code}, {told(case)}")
    for _ in range(5):
        case.take_keys(site.role_keys(900))
        code = case.run("resume")
        if code != rig.REFUSED:
            break
    h.check(code == 0, "with new ones the run goes on to its end")
    case.expect_done()


def a_full_disk_is_told_and_survived(site):
    if os.geteuid() != 0:
        print("SKIP: a full disk needs root, for a tmpfs")
        return
    for state in ("round-wait", "round-complete", "round-copied", "final-complete"):
        disk = site.place.path / f"disk-{state}"
        disk.mkdir()
        h.run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk)
        try:
            check_full_disk(site, disk, state)
        finally:
            h.run("umount", "-l", disk)


def check_full_disk(site, disk, state):
    case = site.case(store=disk / "store")
    process = case.start("migrate")
    wait_for(case, process, state, "done")
    site.clock.hold()
    process.send_signal(signal.SIGSTOP)
    with open(disk / "filler", "wb", buffering=0) as filler:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                pass
    process.send_signal(signal.SIGCONT)
    site.clock.let_run()
    code = case.finish(process)
    if code == 0:  # the log of the database had room enough for the rest
        h.check(True, f"a disk full in '{state}' went unnoticed")
        return
    h.check(code == 1 and "store" in case.told,
            f"a disk full in '{state}': {told(case)}")
    (disk / "filler").unlink()
    code = case.run("resume")
    h.check(code == 0, f"with room again the run goes on to its end: exit {code}")
    case.expect_done()


def a_restarted_service_is_ridden_out(site):
    """Without the simulator's clock, which goes away too: ebshift lives in our time, in which the
    volume is small enough to be cut at once."""
    case = rig.Case(site, site.new_volume(site.ec2, size_gib=1), site.place.path / "restart")
    environ = {name: value for name, value in site.environ.items() if name != "EBSHIFT_CLOCK"}
    now = h.datetime.datetime.now(h.datetime.timezone.utc)
    process = subprocess.Popen(
        [str(word) for word in
         (h.BIN / "ebshift", "migrate", *case.words, "--to-zone", "eu-west-1a", "--no-fence",
          "--force", "--verbose", "--window", h.rfc3339(now) + "/8h")],
        env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(case, process, "final-complete")
    site.restart(pause_s=6)
    site.clock.let_run()
    h.check(case.finish(process) == 0 and "cannot reach" in case.told,
            "a service that was gone for 6 s is ridden out")
    case.expect_done()


def test(place, _):
    site = rig.Site(place)
    a_second_ebshift_is_told_who_is_at_work(site)
    of_several_at_once_one_wins(site)
    the_lease_of_the_dead_is_taken_over(site)
    a_service_that_stands_still_is_ridden_out(site)
    expired_credentials_are_told_and_replaced(site)
    a_full_disk_is_told_and_survived(site)
    a_restarted_service_is_ridden_out(site)


if __name__ == "__main__":
    rig.main(test)
