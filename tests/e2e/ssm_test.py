"""The database runs on an instance that only SSM reaches: it moves all the same. Debian's awscli
judges the service that runs the commands."""

import json
import pathlib
import subprocess
import time

import far
import harness as h
from freeze_loop_test import Stalls
from scene import Scene


def invoke(cloud, instance, command):
    """What awscli gets for a command, as soon as it is over."""
    sent = cloud.aws("ssm", "send-command", "--instance-ids", instance, "--document-name",
                     "AWS-RunShellScript", "--parameters", json.dumps({"commands": [command]}))
    command_id = sent["Command"]["CommandId"]
    words = [h.AWS, "--endpoint-url", cloud.env["AWS_ENDPOINT_URL"], "ssm",
             "get-command-invocation", "--command-id", command_id, "--instance-id", instance]
    h.run(*words[:3], "ssm", "wait", "command-executed", *words[5:], env=cloud.environ(),
          check=False, stderr=subprocess.DEVNULL)
    return json.loads(h.run(*words, env=cloud.environ()))


def check_service(cloud, instance):
    done = invoke(cloud, instance, "echo seen; echo told >&2; exit 3")
    h.check((done["Status"], done["ResponseCode"], done["StandardOutputContent"],
             done["StandardErrorContent"]) == ("Failed", 3, "seen\n", "told\n"),
            "awscli sends a command, waits for it and sees how it failed")
    done = invoke(cloud, instance, "head -c 30000 /dev/zero | tr '\\0' x")
    h.check(len(done["StandardOutputContent"]) == 24000, "long output is cut off at 24,000")
    refused = subprocess.run(
        [h.AWS, "--endpoint-url", cloud.env["AWS_ENDPOINT_URL"], "ssm", "send-command",
         "--instance-ids", "i-00000000000000000", "--document-name", "AWS-RunShellScript",
         "--parameters", '{"commands":["true"]}'], env=cloud.environ(), text=True,
        capture_output=True, check=False)
    h.check("InvalidInstanceId" in refused.stderr, "an instance without agent is refused")


def kill_inside(scene):
    """SIGKILL of ebshift inside a freeze: over SSM nobody tells the far side, its watchdog acts."""
    cloud = scene.cloud
    h.run(h.BIN / "cloudsim", "fault", "--state", cloud.state, "slow-reply:CreateSnapshots")
    stalls = Stalls(scene.place, scene.data.path)
    process = subprocess.Popen(
        [h.BIN / "ebshift", "migrate", "--config", scene.config, "--no-fence", "--window",
         scene.window(after_hours=0, length="48h")], env=cloud.environ(),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 90
    while not stalls.is_stalled():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "nothing was frozen"
        time.sleep(0.005)
    began = time.monotonic()
    process.kill()
    process.communicate()
    while stalls.is_stalled():
        assert time.monotonic() < began + 30, "still frozen after 30 s"
        time.sleep(0.01)
    h.check(time.monotonic() - began < 9, f"ebshift killed: the far watchdog thawed "
                                          f"{time.monotonic() - began:.1f} s later")
    h.run(h.BIN / "cloudsim", "fault", "--state", cloud.state, "none")
    cloud.ebshift("abort", "--config", scene.config)


def end_keepers(before):
    """The conversation of an ebshift that was killed would wait ten minutes for its next word."""
    for path in set(pathlib.Path("/run/ebshift").glob("hold.*")) - before:
        h.run(h.BIN / "ebshift-hold", path.name.removeprefix("hold."), "bye", check=False)


def check_preflight(cloud, scene):
    """What it asks goes over SSM too, and a limit that this way cannot keep is told beforehand."""
    out, _ = cloud.ebshift("preflight", "--config", scene.config, "--json", "--freeze-limit", "1s",
                           code=3)
    found = {row["name"]: row for row in json.loads(out.splitlines()[0])["checks"]}
    failed = {name for name, row in found.items() if row["verdict"] == "fail"}
    h.check(failed == {"freeze"} and "must be" in found["freeze"]["finding"],
            "preflight measures the way: " + found["freeze"]["finding"])
    h.check("free, at most" in found["wal-space"]["finding"] and "glibc" in
            found["libraries"]["finding"] and "the clock of 'i-" in found["clock"]["finding"],
            "and asks the instance for room, libraries and clock")


def test(place):
    place.callback(far.forget_records, place)
    scene = Scene(place, time_scale=200, options=["--run-commands"])
    cloud, server = scene.cloud, scene.server
    instance = cloud.env["CLOUDSIM_INSTANCE"]
    check_service(cloud, instance)
    cloud.env.update({"EBSHIFT_HOST_QUIESCE": "ssm",
                      "EBSHIFT_HOST_COMMAND": str(h.BIN / "ebshift-hold")})
    place.callback(end_keepers, set(pathlib.Path("/run/ebshift").glob("hold.*")))
    out, _ = cloud.ebshift("init", "--config", scene.config, "--conninfo", server.conninfo,
                           "--instance", instance, "--freeze-limit", "8s",
                           "--to-region", "eu-west-1", "--to-zone", "eu-west-1a",
                           "--to-instance", cloud.env["CLOUDSIM_TARGET_INSTANCE"],
                           "--store", scene.store, "--output", "json")
    h.check(set(h.last_document(out)["volumes"]) == set(scene.volumes),
            "init finds the volumes of data and WAL from afar")
    _, told = cloud.ebshift("migrate", "--config", scene.config, "--volume", scene.volumes[0],
                            "--window", scene.window(), code=9)
    h.check("pg_wal" in told and scene.volumes[1] in told,
            "a set without the WAL volume is refused by name")
    check_preflight(cloud, scene)
    ledger = h.Ledger(server)
    ledger.wait_for(20)
    _, told = cloud.ebshift("migrate", "--config", scene.config, "--freeze-limit", "1s",
                            "--no-fence", "--window", scene.window(after_hours=0), code=9)
    h.check("must be" in told and "a word to host" in told,
            "a limit that a freeze over SSM cannot keep is refused: " + told.splitlines()[-2])
    cloud.ebshift("abort", "--config", scene.config)
    kill_inside(scene)
    ledger.wait_for(3)

    out, _ = cloud.ebshift("migrate", "--config", scene.config, "--output", "json",
                           "--window", scene.window(after_hours=0.1))
    ledger.stop()
    summary = h.last_document(out)
    h.check(summary["consistency"] == "frozen", "the label is 'frozen'")
    h.check(0 < summary["round_trip_us"] < summary["freeze_us"] - summary["request_us"],
            f"the way to the database is told apart: {summary['round_trip_us']} of "
            f"{summary['freeze_us']} us frozen, request {summary['request_us']} us")
    scene.start_on_copies(summary)
    server.psql_file(scene.store / f"{summary['run_id']}.unfence.sql")
    rows = h.rows_of(server)
    h.check(not set(ledger.acknowledged) - rows, f"all {len(ledger.acknowledged)} rows are there")
    server.stop()


if __name__ == "__main__":
    h.main(test)
