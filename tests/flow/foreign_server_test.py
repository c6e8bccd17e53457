"""ebshift against a server that nobody here wrote: moto, where a Python on this machine carries it.

It completes snapshots at once, tells no completion time, cuts no pages and knows nothing of EBS
direct's changed blocks; ebshift must collect, copy, make volumes and clean up all the same. Real
time passes, so this takes some minutes."""

import datetime
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness as h  # noqa: E402  pylint: disable=wrong-import-position

SERVE = """
import sys, threading
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]))
server.start()
print("ready", flush=True)
sys.stdin.read()
"""
SNAPSHOTS = 12


def moto_python():
    """The interpreter on PATH that has moto, or None."""
    done = subprocess.run(["python3", "-c", "import sys, moto.server; print(sys.executable)"],
                          text=True, capture_output=True, check=False)
    return done.stdout.strip() or None


class Server:
    """A moto server with an instance and a volume on it."""

    def __init__(self, place, python):
        import boto3  # pylint: disable=import-outside-toplevel
        self.boto3 = boto3
        port = h.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(place.path / "moto.log", "w", encoding="utf-8")
        process = subprocess.Popen([python, "-c", SERVE, str(port)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=self.log, text=True)
        place.callback(place.stop, process)
        while "ready" not in (line := process.stdout.readline()):
            h.check(line, "the server starts")
        self.place = place
        ec2 = self.ec2("us-east-1")
        image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        self.instance = ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, InstanceType="m5.large",
            Placement={"AvailabilityZone": "us-east-1a"})["Instances"][0]["InstanceId"]
        self.volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=10,
                                        VolumeType="gp3")["VolumeId"]
        ec2.attach_volume(VolumeId=self.volume, InstanceId=self.instance, Device="/dev/sdf")

    def ec2(self, region):
        return self.boto3.client("ec2", endpoint_url=self.url, region_name=region,
                                 aws_access_key_id="A", aws_secret_access_key="S")

    def start(self, verb, *words):
        store = self.place.path / "store"
        return subprocess.Popen(
            [h.BIN / "ebshift", verb, "--json", "--store", store, "--region", "us-east-1",
             "--volume", self.volume, "--instance", self.instance, "--to-region", "eu-west-1",
             "--to-zone", "eu-west-1a", *words], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S", "AWS_REGION": "us-east-1",
                 "AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true",
                 "HOME": str(self.place.path)})

    def ebshift(self, verb, *words, limit=400):
        process = self.start(verb, *words)
        out, err = process.communicate(timeout=limit)
        if process.returncode != 0:
            raise AssertionError(f"{verb} ended with {process.returncode}:\n{out}\n{err}")
        return h.last_document(out)

    def made_by(self, run_id):
        """What of a run is there, in both regions."""
        tagged = [{"Name": "tag:ebshift:run", "Values": [run_id]}]
        found = []
        for region in ("us-east-1", "eu-west-1"):
            ec2 = self.ec2(region)
            found += [s["SnapshotId"] for s in ec2.describe_snapshots(
                OwnerIds=["self"], Filters=tagged)["Snapshots"]]
            found += [v["VolumeId"] for v in ec2.describe_volumes(Filters=tagged)["Volumes"]]
        return found


def window(after_seconds):
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=after_seconds)
    return h.rfc3339(start) + "/8h"


def test(place):
    server = Server(place, moto_python())
    source = server.ec2("us-east-1")
    for _ in range(SNAPSHOTS):
        source.create_snapshot(VolumeId=server.volume)
    server.ebshift("history")
    h.check(len(source.describe_snapshots()["Snapshots"]) > SNAPSHOTS,
            "there are snapshots of others")

    summary = server.ebshift("migrate", "--no-fence", "--window", window(20))
    h.check(summary["state"] == "done", "a volume moves to another region")
    copies = server.ec2("eu-west-1").describe_volumes(
        VolumeIds=[v["volume_id"] for v in summary["volumes"]])["Volumes"]
    h.check([v["AvailabilityZone"] for v in copies] == ["eu-west-1a"] and copies[0]["SnapshotId"],
            "and is made there from the copy")
    made = server.made_by(summary["run_id"])
    h.check(len(made) >= 3, f"all of it carries the run's tag: {len(made)} objects")

    process = server.start("migrate", "--no-fence", "--window", window(1200))
    # It begins with its snapshots: one more round at least, or the wait for the cut.
    time.sleep(15)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    h.check(process.returncode == 130, "a second run is stopped before its cut")
    aborted = server.ebshift("abort")
    h.check(aborted["state"] == "aborted" and not server.made_by(aborted["run_id"]),
            "abort leaves nothing of it")
    h.check(len(server.made_by(summary["run_id"])) == len(made), "and all of the first")


def main():
    if not (h.BIN / "ebshift").exists():
        h.skip("needs ebshift")
    if moto_python() is None:
        h.skip("no python3 on PATH has moto")
    try:
        import boto3  # noqa: F401  pylint: disable=import-outside-toplevel,unused-import
    except ImportError:
        h.skip("needs boto3 (python3-boto3)")
    with h.Place() as place:
        test(place)


if __name__ == "__main__":
    main()
