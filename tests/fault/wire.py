"""Something between ebshift and the service spoils answers, after the service has done its work: half
bodies, drips, resets, pages, garbage, answers too long or too late; and TLS that cannot be trusted.

One proxy with a script stands between; the run must end as if nothing had happened, with no twin.
"""

import http.client
import http.server
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import fault_rig as rig

h = rig.h

PAGE = b'<html xmlns="http://www.w3.org/1999/xhtml"><body>Please log in.</body></html>'


def whole(handler, status, body, content_type="text/xml"):
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def half(handler, status, body):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[:len(body) // 2])
    handler.close_connection = True


def drip(handler, status, body):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    with_patience = time.monotonic() + 60
    try:
        while time.monotonic() < with_patience:
            handler.wfile.write(body[:1])
            time.sleep(0.2)
    except OSError:
        handler.close_connection = True


def reset(handler, status, body):
    linger = b"\1\0\0\0\0\0\0\0"
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True


WAYS = {
    "half": half,
    "drip": drip,
    "reset": reset,
    "cut": lambda handler, status, body: whole(handler, status, body[:-20]),
    "page": lambda handler, status, body: whole(handler, 200, PAGE, "text/html"),
    "json": lambda handler, status, body: whole(handler, 200, b"{}", "application/json"),
    "empty": lambda handler, status, body: whole(handler, 200, b""),
    "other": lambda handler, status, body: whole(
        handler, 200, b"<DescribeRegionsResponse><regionInfo/></DescribeRegionsResponse>"),
    "noise": lambda handler, status, body: whole(handler, 200, bytes(range(256)) * 8),
    "huge": lambda handler, status, body: whole(handler, 200, b"<a>" + b" " * (40 << 20)),
    "busy-page": lambda handler, status, body: whole(handler, 503, PAGE, "text/html"),
    "broken-page": lambda handler, status, body: whole(handler, 500, PAGE, "text/html"),
    "gateway": lambda handler, status, body: whole(handler, 502, b"", "text/plain"),
    # Well-formed, of the right kind, but in another order and with what nobody knows.
    "strange": lambda handler, status, body: whole(
        handler, status, body.replace(b"<requestId>", b"<new>1</new><new/><requestId>", 1)),
}


class Proxy(http.server.ThreadingHTTPServer):
    """Hands every request on, and spoils the answers that it was told to."""

    daemon_threads = True

    def __init__(self, endpoint):
        super().__init__(("127.0.0.1", 0), Handler)
        self.endpoint = urllib.parse.urlsplit(endpoint).netloc
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.spoils = []  # [way, action, calls to let pass, calls to spoil]
        self.spoiled = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def arm(self, way, action, nth=1, times=1):
        self.spoils = [[WAYS[way], action, nth - 1, times]]
        self.spoiled = 0

    def way_for(self, action):
        for spoil in self.spoils:
            if spoil[1] not in (action, "*"):
                continue
            if spoil[2] > 0:
                spoil[2] -= 1
            elif spoil[3] > 0:
                spoil[3] -= 1
                self.spoiled += 1
                return spoil[0]
        return whole

    def handle_error(self, request, client_address):
        """A client that hung up is what this is about."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *words):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        action = urllib.parse.parse_qs(body.decode()).get("Action", ["ListChangedBlocks"])[0]
        way = self.server.way_for(action)
        service = http.client.HTTPConnection(self.server.endpoint)
        # Host is signed, so it goes on as it came.
        service.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            service.putheader(name, value)
        service.endheaders(body)
        answer = service.getresponse()
        way(self, answer.status, answer.read())
        service.close()

    do_GET = do_POST


def check_spoiled(site, proxy, way, action, nth, times):
    case = site.case()
    case.environ = {**case.environ, "AWS_ENDPOINT_URL": proxy.url}
    proxy.arm(way, action, nth, times)
    code = case.run("migrate", timeout=120)
    if code == rig.TRANSIENT and case.state() is None:
        proxy.arm("cut", "none")
        code = case.run("migrate")
    elif code == rig.TRANSIENT:
        proxy.arm("cut", "none")
        code = case.run("resume")
    assert code == 0, f"ended with {code}:\n{case.told[-1500:]}"
    case.expect_done()


def plan(everything):
    """(way, action, nth, times)"""
    for number, way in enumerate(WAYS):
        for kind, action in enumerate(("CreateSnapshot", "CopySnapshot", "CreateVolume")):
            if everything or (kind == number % 3 and way != "drip"):
                yield way, action, 1, 1
                if everything:
                    yield way, action, 2, 1
        for action in ("DescribeSnapshots", "DescribeVolumes", "GetMetricData", "ListChangedBlocks"):
            if everything:
                yield way, action, 3, 2
    # A portal that answers everything for a while, in the middle of a run.
    yield "page", "*", 30, 6
    yield "empty", "*", 40, 6


# ---- TLS ----

def certificate(folder, name, *words):
    """A key and a certificate of its own; their paths."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    h.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert,
          "-subj", "/CN=localhost", *words, stderr=subprocess.DEVNULL)
    return key, cert


def tls_server(key, cert):
    """Accepts, and shakes hands for as long as anybody asks; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            client, _ = listener.accept()
            try:
                context.wrap_socket(client, server_side=True).close()
            except OSError:
                client.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def check_tls(site):
    folder = site.place.path / "tls"
    folder.mkdir()
    own = ("-days", "1", "-addext", "subjectAltName=IP:127.0.0.1")
    cases = []
    key, cert = certificate(folder, "own", *own)
    cases.append(("a certificate of its own", key, cert, None, 6, "certificate"))
    key, cert = certificate(folder, "host", "-days", "1", "-addext", "subjectAltName=DNS:other.test")
    cases.append(("another host's certificate", key, cert, cert, 6, "127.0.0.1"))
    key, cert = certificate(folder, "old", *own)
    h.run("openssl", "x509", "-in", cert, "-signkey", key, "-days", "-1", "-out", cert,
          "-clrext", stderr=subprocess.DEVNULL)
    cases.append(("an expired certificate", key, cert, cert, 6, "expired"))
    for what, key, cert, trusted, code, words in cases:
        tell(site, what, f"https://127.0.0.1:{tls_server(key, cert)}", trusted, code, words)
    plain = urllib.parse.urlsplit(site.cloud.env["AWS_ENDPOINT_URL"]).netloc
    tell(site, "plain HTTP where TLS should be", f"https://{plain}", None, 7, "cannot reach")
    tell(site, "a bundle that is not there", f"https://127.0.0.1:{tls_server(key, cert)}",
         folder / "none.pem", 6, "AWS_CA_BUNDLE")


def tell(site, what, url, trusted, code, words):
    case = rig.Case(site, "vol-0123456789abcdef0", site.place.path / "tls-store")
    case.environ = {**case.environ, "AWS_ENDPOINT_URL": url,
                    **({"AWS_CA_BUNDLE": str(trusted)} if trusted else {})}
    got = case.run("migrate", timeout=60)
    line = [line for line in case.told.splitlines() if line.startswith("ebshift: ")]
    h.check(got == code and len(line) == 1 and words in line[0], f"{what}: exit {got}, {line}")


def test(place, everything):
    site = rig.Site(place)
    proxy = Proxy(site.cloud.env["AWS_ENDPOINT_URL"])
    failed, count, spoiled, begun = [], 0, 0, time.monotonic()
    for way, action, nth, times in plan(everything):
        count += 1
        try:
            check_spoiled(site, proxy, way, action, nth, times)
        except AssertionError as error:
            failed.append((way, action, nth))
            print(f"FAILED: {way} {action} {nth}: {error}", flush=True)
        spoiled += proxy.spoiled
    print(f"{count} cases, {spoiled} answers spoiled, {len(failed)} failed, "
          f"{time.monotonic() - begun:.0f} s")
    if shutil.which("openssl"):
        check_tls(site)
    assert not failed, failed


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    rig.main(test)
