"""Local stand-ins for the two services that give a machine its keys, as strict as the real ones.

Each server runs in a thread on loopback, hands out what a function mints, and remembers what it was
asked. The instance's service speaks version 2 only; the container's wants its token."""

import http.server
import json
import threading
import time
import uuid


class Service:
    """A server of one kind of handler; `mint` returns (key id, secret, token, expiration)."""

    def __init__(self, handler, mint, address=("127.0.0.1", 0)):
        self.asked = []
        self.minted = 0
        self.mint = mint
        self.server = http.server.ThreadingHTTPServer(address, handler)
        self.server.service = self
        self.url = f"http://{self.server.server_address[0]}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def keys(self):
        self.minted += 1
        key_id, secret, token, expiration = self.mint()
        return {"AccessKeyId": key_id, "SecretAccessKey": secret, "Token": token,
                "Expiration": expiration}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b""):
        self.server.service.asked.append((self.command, self.path, status))
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class InstanceHandler(_Handler):
    """Instance metadata, version 2: a PUT gives a token, every GET needs it."""

    root = "/latest/meta-data/"
    keys_path = root + "iam/security-credentials/"

    def do_PUT(self):  # pylint: disable=invalid-name
        service = self.server.service
        time.sleep(service.late_seconds)
        ttl = self.headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
        if self.path != "/latest/api/token":
            self.answer(404)
        elif service.only_version_1:
            self.answer(405)
        elif not ttl.isdigit() or not 1 <= int(ttl) <= 21600 or "X-Forwarded-For" in self.headers:
            self.answer(400)
        else:
            service.tokens.add(token := uuid.uuid4().hex)
            self.answer(200, token)

    def do_GET(self):  # pylint: disable=invalid-name
        service = self.server.service
        token = self.headers.get("x-aws-ec2-metadata-token")
        if service.deaf or (token not in service.tokens and not service.only_version_1):
            self.answer(401)
        elif self.path == self.keys_path:
            self.answer(*((200, service.role) if service.role else (404, "")))
        elif self.path == self.keys_path + service.role:
            if service.forgets:
                service.forgets = False
                service.tokens.clear()
                self.answer(401)
                return
            self.answer(200, json.dumps({"Code": "Success", "Type": "AWS-HMAC", **service.keys()}))
        elif self.path == self.root + "placement/region":
            self.answer(200, "eu-central-1")
        else:
            self.answer(404)


def instance(mint, address=("127.0.0.1", 0)):
    service = Service(InstanceHandler, mint, address)
    service.tokens, service.role = set(), "pod-of-the-test"
    service.only_version_1 = service.forgets = service.deaf = False
    service.late_seconds = 0
    return service


class ContainerHandler(_Handler):
    """Credentials of a container: one path, and the Authorization header must hold its token."""

    def do_GET(self):  # pylint: disable=invalid-name
        service = self.server.service
        if self.path != "/v2/credentials/7":
            self.answer(404)
        elif service.broken > 0:
            service.broken -= 1
            self.answer(500)
        elif service.token and self.headers.get("Authorization") != service.token:
            self.answer(401)
        else:
            self.answer(200, json.dumps({"RoleArn": "task", **service.keys()}))


def container(mint, token="", address=("127.0.0.1", 0)):
    service = Service(ContainerHandler, mint, address)
    service.token, service.broken = token, 0
    return service
