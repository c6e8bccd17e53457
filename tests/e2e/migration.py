"""A migrate, resume or abort in the background, to be disturbed at a chosen moment."""

import pathlib
import subprocess
import time

import harness as h


class Migration:
    """The process of a verb, and how far it is."""

    def __init__(self, scene, verb, *options, env=()):
        words = [h.BIN / "ebshift", verb, "--config", scene.config, "--verbose"]
        if verb == "migrate":
            words += ["--window", scene.window(after_hours=0.15, length="48h")]
        self.scene = scene
        self.process = subprocess.Popen([*words, *options], text=True, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT,
                                        env={**scene.cloud.environ(), **dict(env)})
        scene.place.callback(scene.place.stop, self.process)

    def wait_until(self, due, seconds=60):
        end = time.monotonic() + seconds
        while not due():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"it never came so far: {self.process.communicate()[0]}")
            time.sleep(0.002)

    def wait_until_begun(self):
        self.wait_until(lambda: self.scene.newest_run()[1] not in ("", "done", "aborted"))

    def wait_for(self, state):
        self.wait_until(lambda: self.scene.newest_run()[1] == state)

    def record(self):
        """What it writes just before it freezes."""
        return pathlib.Path(f"/run/ebshift/frozen.{self.process.pid}")

    def end(self, code, seconds=90):
        """Its words, once it ended with `code`."""
        told, _ = self.process.communicate(timeout=seconds)
        if self.process.returncode != code:
            raise AssertionError(f"ended with {self.process.returncode}, not {code}: {told}")
        return told
