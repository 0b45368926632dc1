"""Recorded answers of vLLM, as bytes. The format is told in tests/recordings/vllm/README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

RECORDINGS = Path(__file__).parent.parent / "recordings" / "vllm"

_STATUS = re.compile(rb"HTTP(?:/1\.1)? (\d{3}) ([^\r\n]*)\r?\n")
_CUT = re.compile(rb"^\.\.\. \([^\n]*\)\n(?:\n|\Z)", re.MULTILINE)
_TOOK = re.compile(rb"\n# took [\d.]+s\n\Z")
_CURL = re.compile(rb"(?:curl: \(\d+\)[^\n]*\n)?curl rc \d+[^\n]*\n?\Z")


@dataclass(frozen=True)
class Recording:
    name: str
    method: str
    path: str
    request: bytes
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def content_type(self) -> str:
        return dict(self.headers)["content-type"]

    @property
    def events(self) -> list[bytes]:
        """The events of a stream, each with the blank line that ends it."""
        return [event + b"\n\n" for event in self.body.split(b"\n\n")[:-1]]


@cache
def recording(name: str) -> Recording:
    return parse(name, (RECORDINGS / f"{name}.txt").read_bytes())


def names() -> list[str]:
    return sorted(path.stem for path in RECORDINGS.glob("*.txt"))


def parse(name: str, text: bytes) -> Recording:
    method = path = ""
    request = b""
    if text.startswith(b"> "):
        first, _, text = text.partition(b"\n")
        second, _, text = text.partition(b"\n")
        method, path = first[2:].decode().split(" ", 1)
        request = second[2:]
        text = text.removeprefix(b"\n")
    status, reason, headers = 200, "OK", [("content-type", "text/event-stream; charset=utf-8")]
    if match := _STATUS.match(text):
        status, reason = int(match[1]), match[2].decode()
        head, text = re.split(rb"\r?\n\r?\n", text[match.end() - 1 :], maxsplit=1)
        lines = head.replace(b"\r", b"").decode().strip("\n").split("\n")
        headers = [(key, value) for key, _, value in (line.partition(": ") for line in lines)]
    body = _CUT.sub(b"", _CURL.sub(b"", _TOOK.sub(b"", text)))
    return Recording(name, method, path, request, status, reason, tuple(headers), body)
