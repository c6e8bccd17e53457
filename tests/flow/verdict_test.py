"""What `plan` says fits together: a window that would be missed has no start that keeps it, and the
rounds that are told are not the last word."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness as h  # noqa: E402  pylint: disable=wrong-import-position

START = "2026-11-23T23:50:00Z"
# What a window promises, and the exit code.
WINDOWS = (
    ("2026-11-25T20:00Z/8h", "go", 0),
    ("2026-11-26T20:00Z/8h", "go", 0),
    ("2026-11-24T09:00Z/4h", "NO-GO", 5),
)


def test(place):
    cloud = h.Cloud(place, seed=1, world="seeded", options=["--start", START])
    place.enter_context(cloud.hold())
    config = place.path / "ebshift.conf"
    config.write_text(
        f"[source]\nregion = us-east-1\ninstance = {cloud.env['CLOUDSIM_INSTANCE']}\n"
        f"volume = {cloud.env['CLOUDSIM_VOLUME'].split()[0]}\n"
        "[target]\nregion = eu-west-1\nzone = eu-west-1a\n"
        f"[store]\ndirectory = {place.path}/store\n")
    for window, verdict, code in WINDOWS:
        out, _ = cloud.ebshift("plan", "--config", config, "--window", window, code=code)
        told = {line.split()[0]: line for line in out.splitlines() if line.strip()}
        h.check(told["verdict"].split()[1].rstrip(":") == verdict, f"{window}: {told['verdict']}")
        h.check("rounds in all" in told.get("after", ""), told.get("after", "none").strip())
        h.check(("start" in told) == (verdict == "go"), f"start: {told.get('start', 'none')}")
        out, _ = cloud.ebshift("plan", "--config", config, "--window", window, "--json", code=code)
        plan = json.loads(out.splitlines()[0])
        h.check((plan["start_by_at"] is None) == (verdict == "NO-GO"), "and so says JSON")


if __name__ == "__main__":
    h.main(test)
