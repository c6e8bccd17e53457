"""Ten thousand snapshots that others took of a volume, from a server that answers as badly as it may:
pages that are empty, pages that repeat what the one before told, elements nobody knows and in any order.

ebshift must learn what it learns from the same snapshots told well, in seconds, in bounded memory
and with as few calls as there are pages; the second time it must not ask again what it knows."""

import datetime
import http.server
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness as h  # noqa: E402  pylint: disable=wrong-import-position

VOLUME = "vol-0a11ce0fb10c5000f"
COUNT, PAGE = 10010, 1000  # the last pages meet among the gaps whose blocks are listed
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
# A sanitizer keeps what was freed.
MEMORY_MIB, SECONDS = 640 if b"__asan_init" in (h.BIN / "ebshift").read_bytes() else 160, 40


def text_of(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Service(http.server.ThreadingHTTPServer):
    """EC2, EBS direct and CloudWatch, as much of them as a plan asks; `bad` answers badly."""

    daemon_threads = True

    def __init__(self, bad):
        super().__init__(("127.0.0.1", 0), Handler)
        self.bad, self.calls = bad, {}
        self.dice = random.Random(11)
        first = NOW - datetime.timedelta(minutes=30 * COUNT)
        self.items = [self.snapshot(i, first + datetime.timedelta(minutes=30 * i))
                      for i in range(COUNT)]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def snapshot(self, number, at):
        done = at + datetime.timedelta(seconds=150 + number * 7 % 40)
        parts = [f"<snapshotId>snap-{number:017x}</snapshotId>", f"<volumeId>{VOLUME}</volumeId>",
                 "<status>completed</status>", f"<startTime>{text_of(at)}</startTime>",
                 f"<completionTime>{text_of(done)}</completionTime>", "<progress>100%</progress>",
                 "<ownerId>111122223333</ownerId>", "<volumeSize>500</volumeSize>",
                 "<description>Created by DLM &amp; others</description>",
                 "<fullSnapshotSizeInBytes>300000000000</fullSnapshotSizeInBytes>"]
        if self.bad:
            parts += ["<dream><item><snapshotId>snap-0</snapshotId></item></dream>",
                      "<storageTier>standard</storageTier>"]
            self.dice.shuffle(parts)
        return "<item>" + "".join(parts) + "</item>"

    def snapshots(self, form):
        """A page; the token says where it begins. Filtered by a tag there are none."""
        if any(value.startswith("tag:") for name, value in form.items() if name.endswith(".Name")):
            return "<snapshotSet/>"
        start, empty = (int(part) for part in form.get("NextToken", "0.0").split("."))
        if self.bad and empty == 0:
            return f"<snapshotSet/><nextToken>{start}.1</nextToken>"
        again = 5 if self.bad and start > 0 else 0
        body = "".join(self.items[start - again:start + PAGE])
        token = f"<nextToken>{start + PAGE}.0</nextToken>" if start + PAGE < COUNT else ""
        return token + f"<snapshotSet>{body}</snapshotSet>"

    def volumes(self, _):
        return (f"<volumeSet><item><volumeId>{VOLUME}</volumeId><size>500</size><status>available"
                "</status><volumeType>gp3</volumeType><availabilityZone>us-east-1a"
                "</availabilityZone></item></volumeSet>")

    def metrics(self, _):
        return ("<GetMetricDataResult><MetricDataResults><member><Id>m</Id><Timestamps/><Values/>"
                "<StatusCode>Complete</StatusCode></member></MetricDataResults>"
                "</GetMetricDataResult>")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        data = body.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def count(self, action):
        self.server.calls[action] = self.server.calls.get(action, 0) + 1

    def do_GET(self):  # pylint: disable=invalid-name
        self.count("ListChangedBlocks")
        blocks = [{"BlockIndex": i, "SecondBlockToken": "t"} for i in range(0, 6000, 3)]
        self.answer(json.dumps({"BlockSize": 524288, "VolumeSize": 500, "ChangedBlocks": blocks}))

    def do_POST(self):  # pylint: disable=invalid-name
        length = int(self.headers["Content-Length"])
        form = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode()))
        action = form["Action"]
        self.count(action)
        body = {"DescribeSnapshots": self.server.snapshots, "DescribeVolumes": self.server.volumes,
                "GetMetricData": self.server.metrics}[action](form)
        self.answer(f"<{action}Response>{body}<requestId>r</requestId></{action}Response>")

    def log_message(self, *_):
        pass


def run(service, store, verb, *words):
    """Runs a verb; its last document, the seconds it took and its memory in MiB."""
    service.calls.clear()
    begun = time.monotonic()
    process = subprocess.Popen(
        [h.BIN / "ebshift", verb, "--store", store, "--region", "us-east-1", "--volume", VOLUME,
         "--to-region", "eu-west-1", "--json", *words], stdout=subprocess.PIPE,
        env={"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S", "AWS_EC2_METADATA_DISABLED":
             "true", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{service.server_address[1]}",
             "HOME": str(store.parent)})
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    h.check(process.returncode == 0, f"{verb} ends well")
    seconds, mib = time.monotonic() - begun, usage.ru_maxrss / 1024
    h.check(seconds < SECONDS and mib < MEMORY_MIB,
            f"{verb}: {seconds:.1f} s (at most {SECONDS}), {mib:.0f} MiB (at most {MEMORY_MIB}), "
            f"calls {dict(service.calls)}")
    return h.last_document(out.decode()), service.calls.copy()


def rows(store):
    """What was learned."""
    database = sqlite3.connect(store / "ebshift.db")
    tables = [database.execute(f"SELECT * FROM {name} ORDER BY 1, 2, 3").fetchall()
              for name in ("duration", "dirty")]
    database.close()
    return tables


def test(place):
    window = h.rfc3339(NOW + datetime.timedelta(days=2)) + "/8h"
    learned, told = [], []
    for bad in (False, True):
        service, store = Service(bad), place.path / f"store-{bad}"
        _, calls = run(service, store, "history")
        pages = (COUNT // PAGE + 1) * (2 if bad else 1)
        h.check(calls["DescribeSnapshots"] <= pages + 1, "a call for each page, and one for copies")
        plan, again = run(service, store, "plan", "--window", window, "--confidence", "0.5")
        h.check(again.get("ListChangedBlocks", 0) == 0 < calls["ListChangedBlocks"],
                "the blocks between snapshots are not asked for again")
        learned.append(rows(store))
        told.append(plan["downtime_seconds"])
        service.shutdown()
        service.server_close()
    h.check(len(learned[0][0]) == COUNT, f"{COUNT} durations are learned")
    h.check(learned[0] == learned[1], "told well or badly, the same is learned")
    h.check(abs(told[0]["p50"] / told[1]["p50"] - 1) < 0.05, f"and the same told: {told[0]}")


def main():
    if not (h.BIN / "ebshift").exists():
        h.skip("needs ebshift")
    with h.Place() as place:
        test(place)


if __name__ == "__main__":
    main()
