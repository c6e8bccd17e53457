"""The link to the database's machine drops every packet inside a freeze, and says nothing: the far
watchdog thaws, ebshift learns of it over a new link, or says that it cannot. Then a backup from afar."""

import time

import far
import harness as h
from freeze_loop_test import Stalls
from scene import Scene
from ssh_break_test import LIMIT_S, start, wait_frozen, wait_thawed


def wait_until_held(stalls):
    """For the last of the mounts too: before that the request is not sent."""
    time.sleep(0.5)
    assert stalls.is_stalled()


def come_back(scene, machine, stalls):
    """The link is back before ebshift gives up: the snapshot stands, and is called what it is."""
    process = start(scene, "migrate")
    wait_frozen(process, stalls)
    wait_until_held(stalls)
    machine.link.drop()
    took = wait_thawed(stalls)
    h.check(took < LIMIT_S + 1, f"packets dropped: the far watchdog thawed {took:.2f} s later")
    time.sleep(3)
    machine.link.mend()
    out, told = process.communicate(timeout=200)
    assert process.returncode == 0, told
    h.check(h.last_document(out)["consistency"] == "crash",
            "over a new link it is seen to be thawed, and the snapshot is called 'crash'")
    h.check("the link to the database's machine broke inside the freeze" in told
            and "frozen for" not in told, "the run tells why, and no length that nobody saw")
    out, _ = scene.cloud.ebshift("status", "--config", scene.config)
    h.check("frozen" not in out and "consistency 'crash'" in out, "and so does status")


def stay_away(scene, machine, stalls):
    """The link stays dead: ebshift ends in time, by a code of its own and with the remedy."""
    process = start(scene, "migrate")
    wait_frozen(process, stalls)
    wait_until_held(stalls)
    machine.link.drop()
    began = time.monotonic()
    wait_thawed(stalls)
    _, told = process.communicate(timeout=200)
    h.check(process.returncode == 10 and "'database' is thawed" in told,
            f"it gives up {time.monotonic() - began:.0f} s later: {told.strip()[-300:]}")
    machine.link.mend()
    out, _ = scene.cloud.ebshift("resume", "--config", scene.config, "--output", "json")
    h.check(h.last_document(out)["state"] == "done", "resume goes on once the link is there again")


def backup(scene):
    """Backup mode over TCP, frozen over ssh; the copy starts from its backup_label."""
    ledger = h.Ledger(scene.server)
    ledger.wait_for(50)
    before = len(ledger.acknowledged)
    out, _ = scene.cloud.ebshift("migrate", "--config", scene.config, "--no-fence", "--backup-mode",
                                 "--output", "json", "--window",
                                 scene.window(after_hours=0.5, length="48h"))
    ledger.stop()
    summary = h.last_document(out)
    h.check(summary["consistency"] == "backup", "from afar the label is 'backup' too")
    label = scene.store / f"{summary['run_id']}.backup_label"
    h.check("START WAL LOCATION" in label.read_text(), "backup_label is kept in the store here")
    scene.start_on_copies(summary)
    h.check(not set(ledger.acknowledged[:before]) - h.rows_of(scene.server),
            f"all {before} rows acknowledged before are on the copy")
    scene.check_integrity()


def test(place):
    far.need_sshd()
    place.callback(far.forget_records, place)
    scene = Scene(place, time_scale=2000)
    machine = far.Far(place)
    scene.cloud.env.update(machine.environ())
    by_tcp = f"host=127.0.0.1 port={scene.server.port} user=postgres"
    scene.cloud.ebshift("init", "--config", scene.config, "--conninfo", by_tcp,
                        "--freeze-limit", f"{LIMIT_S}s", "--to-region", "eu-west-1",
                        "--to-zone", "eu-west-1a", "--to-instance",
                        scene.cloud.env["CLOUDSIM_TARGET_INSTANCE"], "--store", scene.store)
    stalls = Stalls(place, scene.data.path)
    come_back(scene, machine, stalls)
    stay_away(scene, machine, stalls)
    place.stop(stalls.process)
    backup(scene)


if __name__ == "__main__":
    h.main(test)
