"""A model hub on loopback: one open model, one that needs a licence; a real socket, real paths.

What a test wants to go wrong stands in a `Hub`; what was asked is noted there.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from tests.vllm_image.launcher.tensors import safetensors

OPEN, GATED = "org/tiny-0.1B-Instruct", "org/gated"
COMMIT = hashlib.sha1(b"commit").hexdigest()
FILES = {
    "config.json": b'{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}',
    "tokenizer.json": b"{}",
    "model.safetensors": safetensors(3_000_000),
    "pytorch_model.bin": b"w" * 5_000_000,
    "model.gguf": b"w" * 7_000_000,
}


@dataclass
class Hub:
    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    commit: str = COMMIT
    token: str = ""
    """Any other one is refused."""
    storage: str = ""
    """Files are redirected there, to a server with the same paths."""
    cuts: list[int] = field(default_factory=list)
    """Bytes after which the connection is cut, one number for each of the next answers."""
    busy: int = 0
    """How many of the next requests are answered 503."""
    sizes: bool = True
    """Whether the list tells the files' sizes and hashes."""
    size: object = None
    """Of every file in the list, instead of its own."""
    ranges: bool = True
    etag: str = ""
    """Of all files, instead of each file's own."""
    slow: float = 0.0
    """Seconds for each 64 KiB."""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and headers (their names in lower case)."""
    lock: Lock = field(default_factory=Lock)

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]

    def sent(self, name: str) -> list[dict[str, str]]:
        """Headers of the requests for one file."""
        return [headers for _, path, headers in self.asked if path.endswith(f"/{name}")]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.hub.lock:
            self.hub.asked.append((self.command, self.path, headers))
            busy, self.hub.busy = self.hub.busy > 0, max(self.hub.busy - 1, 0)
        if busy:
            return self.refuse(503, "Busy")
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if self.hub.token and bearer and bearer != self.hub.token:
            return self.refuse(401, "")
        path = self.path.partition("?")[0].strip("/")
        for model in (OPEN, GATED):
            if path.startswith(f"api/models/{model}"):
                return self.about(model, path.removeprefix(f"api/models/{model}").strip("/"))
            if path.startswith(f"{model}/resolve/"):
                return self.file(model, path.removeprefix(f"{model}/resolve/").partition("/")[2])
        return self.refuse(401, "RepoNotFound")

    def about(self, model: str, rest: str) -> None:
        if rest.startswith("tree/"):
            return self.reply(
                [
                    {"type": "file", "path": name, "size": len(data), "oid": etag(data)}
                    for name, data in self.hub.files.items()
                ]
            )
        if rest.startswith("revision/no-such"):
            return self.refuse(404, "RevisionNotFound")
        return self.reply(
            {
                "id": model,
                "sha": self.hub.commit,
                "siblings": [self.row(name, data) for name, data in self.hub.files.items()],
                "private": False,
                "gated": False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": [],
            }
        )

    def row(self, name: str, data: bytes) -> dict[str, object]:
        if not self.hub.sizes:
            return {"rfilename": name}
        lfs = {"sha256": etag(data), "size": len(data), "pointerSize": 134}
        size = len(data) if self.hub.size is None else self.hub.size
        return {"rfilename": name, "size": size, "blobId": etag(data)[:40], "lfs": lfs}

    def file(self, model: str, name: str) -> None:
        if model == GATED:
            return self.refuse(403, "GatedRepo")
        if name not in self.hub.files:
            return self.refuse(404, "EntryNotFound")
        if self.hub.storage:
            return self.redirect(f"{self.hub.storage}{self.path}?X-Amz-Signature=secret")
        data = self.hub.files[name]
        tag = f'"{self.hub.etag or etag(data)}"'
        begin, end = self.span(len(data), tag)
        self.send_response(200 if begin is None else 206)
        if begin is not None:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        self.send_header("ETag", tag)
        self.send_header("X-Repo-Commit", self.hub.commit)
        self.send_header("Accept-Ranges", "bytes")
        return self.end(data[begin or 0 : end])

    def span(self, size: int, tag: str) -> tuple[int | None, int]:
        """What was asked for; None for the whole, also when it is another file by now."""
        asked = self.headers.get("Range", "")
        if not asked or not self.hub.ranges or self.headers.get("If-Range", tag) != tag:
            return None, size
        begin, _, last = asked.removeprefix("bytes=").partition("-")
        return int(begin), int(last) + 1 if last else size

    def redirect(self, url: str) -> None:
        self.send_response(302)
        self.send_header("Location", url)
        self.end(b"")

    def refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        self.end(b"")

    def reply(self, value: object) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end(json.dumps(value).encode())

    def end(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        with self.hub.lock:
            cut = self.hub.cuts.pop(0) if self.hub.cuts and "/resolve/" in self.path else -1
        if cut >= 0:
            body = body[:cut]
            self.close_connection = True
        for at in range(0, len(body), 1 << 16):
            self.wfile.write(body[at : at + (1 << 16)])
            time.sleep(self.hub.slow)

    def log_message(self, *_: object) -> None:
        return None


def etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle is what some tests are about."""


@contextmanager
def running(hub: Hub | None = None, handler: type[Handler] = Handler) -> Iterator[str]:
    server = QuietServer(("127.0.0.1", 0), type("Bound", (handler,), {"hub": hub or Hub()}))
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
