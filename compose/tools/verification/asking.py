"""Requests, as clients make them."""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Iterator
from typing import Any

CHAT_PATIENCE = 300


def ask(url: str, body: Any = None, patience: float = 30) -> Any:
    with urllib.request.urlopen(request(url, body), timeout=patience) as answer:
        return json.loads(answer.read())


def upload(url: str, name: str, data: bytes, fields: dict[str, str]) -> Any:
    """The answer to a form with one file."""
    mark = secrets.token_hex(8)
    disposition = f"--{mark}\r\nContent-Disposition: form-data; name"
    parts = [f'{disposition}="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields.items()]
    file = f'{disposition}="files"; filename="{name}"\r\n\r\n'.encode()
    body = b"".join([*parts, file, data, f"\r\n--{mark}--\r\n".encode()])
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    with urllib.request.urlopen(
        urllib.request.Request(url, body, headers), timeout=CHAT_PATIENCE
    ) as answer:
        return json.loads(answer.read())


def stream(url: str, body: Any) -> Iterator[dict[str, Any]]:
    with urllib.request.urlopen(request(url, body), timeout=CHAT_PATIENCE) as answer:
        for line in answer:
            yield json.loads(line)


def request(url: str, body: Any) -> urllib.request.Request:
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.Request(url, data, {"Content-Type": "application/json"})
