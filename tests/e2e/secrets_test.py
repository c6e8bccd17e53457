"""Nothing of ours shows a secret: not the arguments of any process, the log at its highest level,
standard output, the store, the config that others may read, an error, or a core file.
"""

import os
import pathlib
import resource
import signal
import subprocess
import threading
import time

import harness as h
from scene import Scene

PASSWORD = "pw-7f3Kq9-database"
WRONG = "pw-Zx81-of-somebody"


class Arguments:
    """Looks at the command lines of all processes as often as it can."""

    def __init__(self):
        self.seen = set()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.stopping.is_set():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                except OSError:
                    continue
                if b"ebshift" in words:
                    self.seen.add(words.replace(b"\0", b" "))
            time.sleep(0.005)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        return b"\n".join(self.seen)


def expect_none(secrets, text, what):
    if isinstance(text, str):
        text = text.encode()
    for name, secret in secrets.items():
        h.check(secret.encode() not in text, f"{what}: no {name}")


def ask_for_passwords(scene):
    """A role that has to give one."""
    scene.server.query(f"CREATE ROLE mover SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    rules = scene.server.data / "pg_hba.conf"
    rules.write_text("local all mover scram-sha-256\nhost all mover all scram-sha-256\n" +
                     rules.read_text())
    scene.server.query("SELECT pg_reload_conf()")


def set_conninfo(scene, conninfo, mode=0o600):
    lines = [line for line in scene.config.read_text().splitlines()
             if not line.startswith("conninfo")]
    lines.insert(lines.index("[postgres]") + 1, f"conninfo = {conninfo}")
    scene.config.write_text("\n".join(lines) + "\n")
    scene.config.chmod(mode)


def files_of(scene):
    return b"".join(path.read_bytes() for path in sorted(scene.store.rglob("*")) if path.is_file())


def check_whole_run(scene, secrets):
    arguments = Arguments()
    out, err = scene.cloud.ebshift("migrate", "--config", scene.config, "--verbose", "--output",
                                   "json", "--window", scene.window(after_hours=1))
    h.check(h.last_document(out)["state"] == "done", "a run with a password is done")
    expect_none(secrets, arguments.stop(), "arguments of all processes")
    expect_none(secrets, out, "its result")
    expect_none(secrets, err, "its log")
    expect_none(secrets, files_of(scene), "its store")
    for form in ("json", "text"):
        out, err = scene.cloud.ebshift("status", "--config", scene.config, "--output", form)
        expect_none(secrets, out + err, f"status as {form}")


def check_failure(scene, secrets, what, code, conninfo=None, env=(), mode=0o600, words=()):
    if conninfo:
        set_conninfo(scene, conninfo, mode)
    out, err = scene.cloud.ebshift("migrate", "--config", scene.config, "--verbose", "--output",
                                   "json", "--window", scene.window(), *words, code=code, env=env)
    told = [line for line in err.splitlines() if line.startswith("ebshift: ")]
    h.check(len(told) == 1, f"{what}: {told}")
    expect_none(secrets, out + err, what)


def check_failures(scene, secrets):
    at = f"host={scene.server.sockets} port={scene.server.port} user=mover dbname=postgres"
    uri = f"postgresql://mover:{WRONG}@127.0.0.1:{scene.server.port}/postgres"
    check_failure(scene, secrets, "wrong password", 8, f"{at} password={WRONG}")
    check_failure(scene, secrets, "wrong password in PGPASSWORD", 8, at, {"PGPASSWORD": WRONG})
    check_failure(scene, secrets, "wrong password in a URI", 8, uri)
    check_failure(scene, secrets, "a URI with a wrong port", 8,
                  f"postgresql://mover:a@b:{WRONG}@h:1:x/d")
    check_failure(scene, secrets, "a URI with two hosts", 8,
                  f"postgresql://mover:x@{WRONG}@127.0.0.1:1/d")
    check_failure(scene, secrets, "a URI that is none", 2,
                  f"postgresql://mover:%zz{WRONG}@h/d")
    check_failure(scene, secrets, "a password in two words", 2, f"{at} password=a {WRONG}")
    check_failure(scene, secrets, "a password with a comment", 2, f"{at} password='a ;{WRONG}'")
    check_failure(scene, secrets, "a file that others may read", 2, f"{at} password={WRONG}",
                  mode=0o644)
    check_failure(scene, secrets, "a password on the command line", 2, at,
                  words=("--conninfo", f"{at} password={WRONG}"))
    set_conninfo(scene, f"{at} password={PASSWORD}")
    check_failure(scene, secrets, "wrong secret key", 6,
                  env={"AWS_SECRET_ACCESS_KEY": secrets["wrong secret key"]})
    check_failure(scene, secrets, "wrong session token", 6,
                  env={"AWS_SESSION_TOKEN": secrets["session token"]})


def check_no_core(scene):
    """Even where cores are wanted."""
    place = scene.place.path / "cores"
    place.mkdir()
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    process = subprocess.Popen(
        [h.BIN / "ebshift", "migrate", "--config", scene.config, "--window", scene.window()],
        env=scene.cloud.environ(), cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    process.stderr.readline()  # it is at work
    process.send_signal(signal.SIGSEGV)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -os.WTERMSIG(status)
    process.stderr.close()
    h.check(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSEGV, "it crashes")
    h.check(not os.WCOREDUMP(status) and not list(place.iterdir()), "and leaves no core")


def test(place):
    scene = Scene(place)
    scene.init()
    ask_for_passwords(scene)
    keys = scene.cloud.aws("sts", "assume-role", "--role-arn", scene.cloud.env["CLOUDSIM_ROLE_B"],
                           "--role-session-name", "secrets")["Credentials"]
    secrets = {"secret key": scene.cloud.env["AWS_SECRET_ACCESS_KEY"],
               "wrong secret key": keys["SecretAccessKey"], "session token": keys["SessionToken"],
               "password": PASSWORD, "wrong password": WRONG}
    check_failures(scene, secrets)
    check_no_core(scene)
    scene.cloud.ebshift("abort", "--config", scene.config)
    check_whole_run(scene, secrets)


if __name__ == "__main__":
    h.main(test)
