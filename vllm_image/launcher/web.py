"""HTTP GET, small and patient: the answer, or None when nobody answers."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LIMIT = 8_000_000


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def get(
    url: str,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    *,
    proxies: bool = False,
    method: str = "GET",
) -> Answer | None:
    """`proxies`: whether the user's proxy settings count; never for our own processes."""
    handlers = [] if proxies else [urllib.request.ProxyHandler({})]
    request = urllib.request.Request(url, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as reply:
            return Answer(reply.status, reply.read(LIMIT))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, b"")
    except (OSError, http.client.HTTPException):
        return None


def served_models(base: str, timeout: float, key: str = "") -> list[str]:
    """Names in /v1/models; none while the server is not there yet."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = get(f"{base}/v1/models", timeout, headers)
    body = answer.json() if answer and answer.status == 200 else None
    data = body.get("data") if isinstance(body, dict) else None
    rows = data if isinstance(data, list) else []
    return [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]
