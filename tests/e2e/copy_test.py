"""The same as a backup: no fence, writers go on, and every row acknowledged before the cut is
there. The second half does it in backup mode and keeps the label."""

import harness as h
from scene import Scene


def check_rows(server, ledger, before):
    rows = h.rows_of(server)
    h.check(not set(ledger.acknowledged[:before]) - rows,
            f"all {before} rows acknowledged before the run are there")
    gaps = set(range(1, max(rows) + 1)) - rows
    h.check(gaps <= set(range(1, ledger.tried + 1)) - set(ledger.acknowledged),
            "no acknowledged row is missing below the newest one: the cut is one instant")


def migrate(scene, *options):
    out, _ = scene.cloud.ebshift("migrate", "--config", scene.config, "--output", "json",
                                 "--no-fence", "--window", scene.window(), *options)
    return h.last_document(out)


def test(place):
    scene = Scene(place)
    server = scene.server
    scene.init()
    ledger = h.Ledger(server)
    server.bench(rate=100)
    ledger.wait_for(100)
    before = len(ledger.acknowledged)

    summary = migrate(scene, "--backup-mode")
    h.check(summary["consistency"] == "backup", "the label of the first is 'backup'")
    label = (scene.store / f"{summary['run_id']}.backup_label").read_text()
    h.check("START WAL LOCATION" in label and "BACKUP METHOD: streamed" in label,
            "backup_label is kept in the store")

    during = len(ledger.acknowledged)
    h.check(during > before, "writers went on meanwhile")
    summary = migrate(scene)
    h.check(summary["consistency"] == "frozen", "the label of the second is 'frozen'")
    ledger.wait_for(10)
    ledger.stop()
    h.check(True, "the old server still takes rows")

    scene.start_on_copies(summary)
    check_rows(server, ledger, during)
    scene.check_integrity()


if __name__ == "__main__":
    h.main(test)
