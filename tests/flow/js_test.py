"""The AWS SDK for JavaScript judges cloudsim.

Its packages, pinned in js/package.json, are fetched into the build directory by npm, from whatever
registry this machine uses; without node or a registry the test is skipped."""

import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import harness as h  # noqa: E402  pylint: disable=wrong-import-position


def fetch(folder):
    """The packages, in a folder that is kept; ends the test as skipped if they cannot be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        h.skip("needs node and npm")
    major = int(h.run("node", "-p", "process.versions.node").split(".")[0])
    if major < 20:
        h.skip(f"node {major} is too old for the SDK")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "js/package.json").read_text()
    if (folder / "node_modules").is_dir() and (folder / "package.json").read_text() == wanted:
        return
    (folder / "package.json").write_text(wanted)
    # No lock file: it would name the registry.
    done = subprocess.run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund",
                           "--ignore-scripts", "--fetch-retries=0"], cwd=folder, check=False,
                          text=True, capture_output=True, timeout=200)
    if done.returncode != 0:
        shutil.rmtree(folder)
        h.skip("npm cannot fetch the SDK here")


def main():
    folder = h.BIN.parent / "js"
    fetch(folder)
    shutil.copy(HERE / "js/rows.mjs", folder / "rows.mjs")
    with h.Place() as place:
        cloud = h.Cloud(place, time_scale=600, world="seeded", options=["--run-commands"])
        done = subprocess.run(["node", folder / "rows.mjs"], cwd=folder, env=cloud.environ(),
                              check=False, timeout=300)
        h.check(done.returncode == 0, "the SDK for JavaScript")


if __name__ == "__main__":
    main()
