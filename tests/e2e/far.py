"""A machine of its own for the database, as near as one machine can show it: a real sshd on
loopback with its own keys, in the place; no config of the system is read or written."""

import contextlib
import socket
import subprocess
import threading
import time

import harness as h

SSHD = "/usr/sbin/sshd"


class Link:
    """A way to a port that can stop carrying anything without a word: nothing is refused or ended, as
    when packets are dropped on the way."""

    def __init__(self, place, port):
        self.port = port
        self.carries = threading.Event()
        self.carries.set()
        self.ends = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.listener.getsockname()[1]
        place.callback(self.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            self.ends.append(near)
            if not self.carries.is_set():
                continue  # the first packet is lost already
            try:
                far = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                near.close()
                continue
            self.ends.append(far)
            lost = threading.Event()
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(*ends, lost), daemon=True).start()

    def _carry(self, source, sink, lost):
        try:
            while data := source.recv(65536):
                if not self.carries.is_set():
                    lost.set()  # what has lost a byte never finds back
                if not lost.is_set():
                    sink.sendall(data)
            if not lost.is_set() and self.carries.is_set():
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def drop(self):
        self.carries.clear()

    def mend(self):
        """For new connections; what was under way stays lost."""
        self.carries.set()

    def close(self):
        self.listener.close()
        for end in self.ends:
            with contextlib.suppress(OSError):  # wakes whoever reads it, as closing would not
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Far:
    """An sshd that lets root in by one key, and the config of ssh that reaches it as 'database',
    over a link that can be made to drop all it should carry."""

    def __init__(self, place):
        self.path = place.path / "ssh"
        self.path.mkdir(mode=0o700)
        self.port = h.free_port()
        for name in ("host_key", "user_key"):
            h.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path / name)
        self.config = self.path / "config"
        self.link = Link(place, self.port)
        self._write()
        log = open(self.path / "sshd.log", "w")
        h.pathlib.Path("/run/sshd").mkdir(exist_ok=True)  # where sshd goes to be powerless
        self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.path / "sshd_config"],
                                        stdout=log, stderr=log)
        place.callback(place.stop, self.process)
        self._wait_ready()

    def _write(self):
        (self.path / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {self.path}/host_key\n"
            f"AuthorizedKeysFile {self.path}/user_key.pub\nPidFile none\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin prohibit-password\nStrictModes no\n")
        key = (self.path / "host_key.pub").read_text()
        (self.path / "known_hosts").write_text(f"[127.0.0.1]:{self.link.own_port} {key}")
        self.config.write_text(
            f"Host database\n HostName 127.0.0.1\n Port {self.link.own_port}\n User root\n"
            f" IdentityFile {self.path}/user_key\n IdentitiesOnly yes\n"
            f" UserKnownHostsFile {self.path}/known_hosts\n StrictHostKeyChecking yes\n")

    def _wait_ready(self):
        for _ in range(100):
            done = subprocess.run(["ssh", "-F", self.config, "-o", "BatchMode=yes", "database",
                                   "true"], capture_output=True, check=False)
            if done.returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError("sshd does not let us in: " + done.stderr.decode() +
                             (self.path / "sshd.log").read_text())

    def environ(self):
        """What tells ebshift of it."""
        return {"EBSHIFT_HOST_QUIESCE": "ssh", "EBSHIFT_HOST_SSH": "database",
                "EBSHIFT_HOST_SSH_CONFIG": str(self.config),
                "EBSHIFT_HOST_COMMAND": str(h.BIN / "ebshift-hold")}


def forget_records(place):
    """What a killed program noted as frozen, for `ebshift thaw`; here its watchdog has thawed."""
    for record in h.pathlib.Path("/run/ebshift").glob("frozen.*"):
        try:
            if str(place.path) in record.read_text():
                record.unlink()
        except FileNotFoundError:
            continue


def need_sshd():
    if not h.os.path.exists(SSHD):
        h.skip("needs sshd")
