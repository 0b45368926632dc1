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


@dataclass(frozen=True)
class Models:
    names: list[str]
    status: int = 0
    """Of the answer; 0 when there is none."""
    lacking: str = ""
    """Why there are no names."""


class NoAnswer(Exception):
    """Its text says why."""


def get(
    url: str,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    *,
    proxies: bool = False,
    method: str = "GET",
) -> Answer | None:
    try:
        return ask(url, timeout, headers, proxies=proxies, method=method)
    except NoAnswer:
        return None


def ask(
    url: str,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    *,
    proxies: bool = False,
    method: str = "GET",
) -> Answer:
    """`proxies`: whether the user's proxy settings count; never for our own processes."""
    handlers = [] if proxies else [urllib.request.ProxyHandler({})]
    try:
        request = urllib.request.Request(url, headers=dict(headers or {}), method=method)
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as reply:
            return Answer(reply.status, reply.read(LIMIT))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, b"")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(_reason(error)) from error


def served_models(base: str, timeout: float, key: str = "") -> list[str]:
    """Names in /v1/models; none while the server is not there yet."""
    return models(base, timeout, key).names


def models(base: str, timeout: float, key: str = "") -> Models:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = ask(f"{base}/v1/models", timeout, headers)
    except NoAnswer as error:
        return Models([], lacking=str(error))
    if answer.status != 200:
        return Models([], answer.status, f"/v1/models answers {answer.status}")
    names = _names(answer.json())
    return Models(names, answer.status, "" if names else "/v1/models names no model")


def _names(body: object) -> list[str]:
    data = body.get("data") if isinstance(body, dict) else None
    rows = data if isinstance(data, list) else []
    return [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    strerror = inner.strerror if isinstance(inner, OSError) else None
    return (strerror or str(inner) or type(inner).__name__).lower()
