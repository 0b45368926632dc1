"""AWS Signature Version 4 for GET, as S3 wants it. Pure: a request in, its headers out.

The steps are those of "Authenticating Requests: Using the Authorization Header" in the S3 API
reference; the examples there are the test.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

EMPTY = hashlib.sha256(b"").hexdigest()
ALGORITHM = "AWS4-HMAC-SHA256"
PLAIN = "-_.~"


@dataclass(frozen=True)
class Keys:
    access: str
    secret: str
    token: str = ""
    """Of a session; empty for keys that last."""


def signed(
    url: str, extra: Mapping[str, str], keys: Keys | None, region: str, now: datetime
) -> dict[str, str]:
    """The headers to send, `extra` among them. `url` is quoted already; `now` is UTC."""
    if keys is None:
        return dict(extra)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    own = {"x-amz-content-sha256": EMPTY, "x-amz-date": stamp}
    if keys.token:
        own["x-amz-security-token"] = keys.token
    sent = {**{name.lower(): value for name, value in extra.items()}, **own}
    parts = urlsplit(url)
    covered = dict(sorted({**sent, "host": parts.netloc}.items()))
    names = ";".join(covered)
    request = [
        "GET",
        parts.path or "/",
        query(parse_qsl(parts.query, keep_blank_values=True)),
        *(f"{name}:{' '.join(value.split())}" for name, value in covered.items()),
        "",
        names,
        EMPTY,
    ]
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    digest = hashlib.sha256("\n".join(request).encode()).hexdigest()
    signature = hmac.new(
        _key(keys.secret, stamp[:8], region),
        "\n".join([ALGORITHM, stamp, scope, digest]).encode(),
        hashlib.sha256,
    ).hexdigest()
    credential = f"Credential={keys.access}/{scope}"
    authorization = f"{ALGORITHM} {credential},SignedHeaders={names},Signature={signature}"
    return {**sent, "Authorization": authorization}


def query(pairs: list[tuple[str, str]]) -> str:
    """In the one form that can be signed: sorted, every other letter quoted."""
    quoted = sorted((quote(name, safe=PLAIN), quote(value, safe=PLAIN)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in quoted)


def path(*parts: str) -> str:
    return "/" + "/".join(quote(part, safe=PLAIN + "/") for part in parts)


def _key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
