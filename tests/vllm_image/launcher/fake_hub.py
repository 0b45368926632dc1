"""A model hub on loopback: one open model, one that needs a licence; a real socket, real paths."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

OPEN, GATED = "org/tiny-0.1B-Instruct", "org/gated"
COMMIT = hashlib.sha1(b"commit").hexdigest()
FILES = {
    "config.json": b'{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}',
    "tokenizer.json": b"{}",
    "model.safetensors": b"w" * 3_000_000,
    "pytorch_model.bin": b"w" * 5_000_000,
    "model.gguf": b"w" * 7_000_000,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        for model in (OPEN, GATED):
            if path.startswith(f"api/models/{model}"):
                return self.about(model, path.removeprefix(f"api/models/{model}").strip("/"))
            if path.startswith(f"{model}/resolve/"):
                return self.file(model, path.rpartition("/")[2])
        return self.refuse(401, "RepoNotFound")

    def about(self, model: str, rest: str) -> None:
        if rest.startswith("tree/"):
            return self.reply(
                [
                    {"type": "file", "path": name, "size": len(data), "oid": etag(data)}
                    for name, data in FILES.items()
                ]
            )
        siblings = [{"rfilename": name, "size": len(data)} for name, data in FILES.items()]
        return self.reply(
            {
                "id": model,
                "sha": COMMIT,
                "siblings": siblings,
                "private": False,
                "gated": False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": [],
            }
        )

    def file(self, model: str, name: str) -> None:
        if model == GATED:
            return self.refuse(403, "GatedRepo")
        if name not in FILES:
            return self.refuse(404, "EntryNotFound")
        data = FILES[name]
        begin = 0
        asked = self.headers.get("Range")
        if asked and self.command == "GET":
            begin = int(asked.removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("ETag", f'"{etag(data)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        return self.end(data[begin:])

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
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return None


def etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def running() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
