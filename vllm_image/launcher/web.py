"""HTTP GET, small and patient: the answer, or None when nobody answers.

A secret goes to the host it is meant for, and to no other one that this host points to.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

LIMIT = 8_000_000


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """With the names in lower case."""

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


FAULTS = (OSError, http.client.HTTPException, ValueError)
"""What a request may end with when there is no answer."""


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
    """`proxies`: whether the user's proxy settings count; never for our own processes.

    Raises NoAnswer. The body of an error is not read.
    """
    try:
        with opened(url, timeout, headers, proxies=proxies, method=method) as reply:
            return Answer(reply.status, reply.read(LIMIT), lower(reply.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, b"", lower(error.headers))
    except FAULTS as error:
        raise NoAnswer(reason(error)) from error


def opened(
    url: str,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    *,
    proxies: bool = False,
    method: str = "GET",
    redirects: bool = True,
) -> http.client.HTTPResponse:
    """The answer, its body unread; raises HTTPError for 400 and above, or one of FAULTS."""
    handlers: list[urllib.request.BaseHandler] = [Redirects() if redirects else NoRedirects()]
    if not proxies:
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers=dict(headers or {}), method=method)
    reply = urllib.request.build_opener(*handlers).open(request, timeout=timeout)
    assert isinstance(reply, http.client.HTTPResponse)
    return reply


class Redirects(urllib.request.HTTPRedirectHandler):
    """Followed, but a hub's token does not come along to the storage that it points to."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None and req.get_method() == "HEAD":
            new.method = "HEAD"
        if new is not None and _origin(req.full_url) != _origin(new.full_url):
            new.remove_header("Authorization")
        return new


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an HTTPError like any other: what was signed for one host fits no other."""

    def redirect_request(self, *_: object) -> None:
        return None


def lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


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


def reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    strerror = inner.strerror if isinstance(inner, OSError) else None
    return (strerror or str(inner) or type(inner).__name__).lower()
