"""A time-based copy is asked for where a standard one is foretold to take longer: the full copy of two
terabytes, and no difference of some gigabytes. The world's own account is the judge, as Debian's
awscli is older than such copies."""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fault"))
import fault_rig as rig  # noqa: E402  pylint: disable=wrong-import-position

h = rig.h


def planned(site, case, limit):
    out, _ = site.cloud.ebshift("plan", *case.words, "--window", case.window, "--confidence", "0.5",
                                "--json", env={"EBSHIFT_PLAN_COPY_DURATION": limit})
    return json.loads(out)


def check_plan(site, case):
    standard, timed = planned(site, case, "0s"), planned(site, case, "1h")
    saved = [plan["rounds"][0]["duration_seconds"]["p50"] for plan in (standard, timed)]
    h.check(saved[1] < saved[0] - 3600, f"plan: the full round takes {saved[1]:.0f} s, not {saved[0]:.0f}")
    h.check(timed["expected_cost_usd"] > standard["expected_cost_usd"], "plan: and costs more")


def copies(site, case):
    """The minutes asked for each copy of the run, oldest first."""
    return [s["completion_duration_min"] for s in site.truth(case.run_id())[0] if s["is_copy"]]


def check_run(site, case):
    case.environ = {**case.environ, "EBSHIFT_PLAN_COPY_DURATION": "1h"}
    process = case.start("migrate")
    end = time.monotonic() + 60
    while case.ask("SELECT count(*) FROM object WHERE kind = 1 AND id <> ''") < [(4,)]:
        assert process.poll() is None and time.monotonic() < end, f"no fourth copy: {case.state()}"
        time.sleep(0.05)
    case.kill(process)
    asked = copies(site, case)
    h.check(len(asked) >= 4 and asked[0] == 75 and not asked[3] and set(asked[1:3]) <= {0, None, 60},
            f"the full copy is asked for in 75 minutes, at 500 MiB/s, small ones are not: {asked}")
    h.check(case.run("abort") == 0, "abort")
    case.expect_gone()


def test(place, _):
    site = rig.Site(place, time_scale=20000, world="seeded")
    now = h.datetime.datetime.fromtimestamp(site.clock.hold() / 1000, h.datetime.timezone.utc)
    case = rig.Case(site, site.cloud.env["CLOUDSIM_VOLUME"].split()[0], place.path / "store")
    case.window = h.rfc3339(now + rig.hours(80)) + "/14h"
    check_plan(site, case)
    check_run(site, case)


if __name__ == "__main__":
    rig.main(test)
