"""A real S3 server: moto's, which checks signatures and rights once `enforce` says so."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from launcher import ports
from launcher.s3 import Keys

READS = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}


class Server:
    def __init__(self, url: str) -> None:
        self.url = url

    def enforce(self, on: bool = True) -> None:
        self._send("POST", "/moto-api/reset-auth", b"0" if on else b"inf")

    def reset(self) -> None:
        self.enforce(False)
        self._send("POST", "/moto-api/reset")

    def bucket(self, name: str) -> None:
        self._send("PUT", f"/{name}")

    def put(self, key: str, data: bytes = b"", access: str = "private") -> None:
        """`key` begins with the bucket."""
        self._send("PUT", f"/{quote(key)}", data, {"x-amz-acl": access})

    def delete(self, key: str) -> None:
        self._send("DELETE", f"/{quote(key)}")

    def user(self, name: str, *statements: dict[str, object]) -> Keys:
        self._ask("iam", Action="CreateUser", UserName=name)
        if statements:
            self._ask("iam", Action="PutUserPolicy", UserName=name, **policy(*statements))
        made = self._ask("iam", Action="CreateAccessKey", UserName=name)
        return Keys(_text(made, "AccessKeyId"), _text(made, "SecretAccessKey"))

    def session(self, name: str) -> Keys:
        """Keys that come with a token."""
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        self._ask("iam", Action="CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)
        self._ask("iam", Action="PutRolePolicy", RoleName=name, **policy(READS))
        role = f"arn:aws:iam::123456789012:role/{name}"
        made = self._ask("sts", Action="AssumeRole", RoleArn=role, RoleSessionName="s")
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        return Keys(*(_text(made, one) for one in names))

    def _ask(self, service: str, **form: str) -> ElementTree.Element:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **_signed(service)}
        return ElementTree.fromstring(self._send("POST", "/", urlencode(form).encode(), headers))

    def _send(
        self, method: str, path: str, data: bytes = b"", headers: dict[str, str] | None = None
    ) -> bytes:
        usual = {"Content-Type": "application/octet-stream", **_signed("s3")}
        headers = {**usual, **(headers or {})}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=20) as reply:
            body: bytes = reply.read()
        return body


def _signed(service: str) -> dict[str, str]:
    """Enough for a server that doesn't check yet."""
    scope = f"Credential=x/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=x"}


def policy(*statements: dict[str, object]) -> dict[str, str]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"PolicyName": "p", "PolicyDocument": json.dumps(document)}


@contextmanager
def running() -> Iterator[Server]:
    port = ports.free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        try:
            server = Server(f"http://127.0.0.1:{port}")
            _wait(server, process, log)
            yield server
        finally:
            process.kill()


def _wait(server: Server, process: subprocess.Popen[bytes], log: IO[str]) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return server.reset()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"the S3 server does not come up: {log.read()[-2000:]}")


def _text(node: ElementTree.Element, name: str) -> str:
    found = next(one for one in node.iter() if one.tag.rpartition("}")[2] == name)
    return found.text or ""
