"""boto3 judges cloudsim: Debian's, and a newer one if this machine has it."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import harness as h  # noqa: E402  pylint: disable=wrong-import-position

# group of rows, world, time scale
GROUPS = (("quick", "empty", 600), ("seeded", "seeded", 60), ("old", "seeded", 40000))


def pythons():
    """Interpreters with boto3, each version once."""
    probe = "import sys, boto3; print(boto3.__version__, sys.executable)"
    found = {}
    for python in ("/usr/bin/python3", "python3"):
        done = subprocess.run([python, "-c", probe], text=True, capture_output=True, check=False)
        if done.returncode == 0:
            version, path = done.stdout.split()
            found.setdefault(version, path)
    return found


def main():
    found = pythons()
    if not found:
        h.skip("no boto3 (python3-boto3)")
    for version, python in found.items():
        for group, world, scale in GROUPS:
            with h.Place() as place:
                cloud = h.Cloud(place, time_scale=scale, world=world, options=["--run-commands"])
                done = subprocess.run([python, HERE / "sdk_rows.py", group], env=cloud.environ(),
                                      check=False, timeout=300)
                h.check(done.returncode == 0, f"boto3 {version}, {group}")


if __name__ == "__main__":
    main()
