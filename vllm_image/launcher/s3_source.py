"""A model below a prefix of a bucket, on any server that speaks S3; addressed by path.

Only the settings named in `read` count: no profile files, no questions to a cloud's metadata.
"""

from __future__ import annotations

import hashlib
import re
import urllib.error
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPResponse
from urllib.parse import urlsplit
from xml.etree import ElementTree

from launcher import ports, s3, secret, settings, sources, web
from launcher.errors import CannotRun, LauncherError, TryAgain
from launcher.remote import File, Listing

TIMEOUT = 30.0
ERROR_LIMIT = 65_536
PAGE = 1000
REGION = "us-east-1"
WORD = re.compile(r"[\w-]{1,60}", re.ASCII)

REFUSALS = {
    "NoSuchBucket": "there is no bucket {bucket} on {host}: look at MODEL and AWS_ENDPOINT_URL",
    "InvalidAccessKeyId": "{host} does not know AWS_ACCESS_KEY_ID: look at it and at "
    "AWS_ENDPOINT_URL",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY does not fit AWS_ACCESS_KEY_ID, says {host}",
    "AccessDenied": "the keys may not read {label}: they need s3:ListBucket on the bucket and "
    "s3:GetObject on its objects",
    "ExpiredToken": "AWS_SESSION_TOKEN has expired: get new keys",
    "InvalidToken": "{host} does not accept AWS_SESSION_TOKEN; keys that last have none",
    "RequestTimeTooSkewed": "the clock of this machine differs from that of {host}: set it",
}
ANONYMOUS = (
    "{host} wants keys for {label}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
    "(or the same with _FILE)"
)
ELSEWHERE = {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"}


@dataclass(frozen=True)
class Settings:
    endpoint: str
    region: str
    keys: s3.Keys | None
    """None: requests are not signed, for buckets that are open to everybody."""


def read(environ: Mapping[str, str]) -> Settings:
    """Raises CannotRun."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or REGION
    if not WORD.fullmatch(region):
        raise CannotRun(f"AWS_REGION is no region: {region}; one looks like {REGION}")
    access = secret.read(environ, "AWS_ACCESS_KEY_ID")
    key = secret.read(environ, "AWS_SECRET_ACCESS_KEY")
    if bool(access) != bool(key):
        lacking = "AWS_SECRET_ACCESS_KEY" if access else "AWS_ACCESS_KEY_ID"
        raise CannotRun(f"{lacking} is not set (nor {lacking}_FILE), but its other half is")
    token = secret.read(environ, "AWS_SESSION_TOKEN")
    tail = ".cn" if region.startswith("cn-") else ""
    aws = f"https://s3.{region}.amazonaws.com{tail}"
    given = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or aws
    endpoint = settings.server("AWS_ENDPOINT_URL", given.rstrip("/"), "http://minio:9000")
    return Settings(endpoint, region, s3.Keys(access, key, token) if access else None)


class S3Source:
    def __init__(self, chosen: Settings, named: sources.Named) -> None:
        self._settings = chosen
        self.label = named.model
        self.host = urlsplit(chosen.endpoint).netloc.rpartition("@")[2]
        self._bucket, _, prefix = named.model.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""

    def listing(self) -> Listing:
        files = tuple(self._files())
        if not files:
            raise CannotRun(f"nothing lies below {self.label}/ on {self.host}: look at MODEL")
        whole = "".join(f"{file.name}\0{file.size}\0{file.identity}\n" for file in files)
        return Listing(hashlib.sha256(whole.encode()).hexdigest()[:40], files)

    def open(self, file: File, extra: Mapping[str, str]) -> HTTPResponse:
        url = self._settings.endpoint + s3.path(self._bucket, self._prefix + file.name)
        return self._get(url, {**extra, "If-Match": file.identity} if file.identity else extra)

    def refusal(self, error: urllib.error.HTTPError) -> LauncherError | None:
        code, region = _told(error)
        region = region or error.headers.get("x-amz-bucket-region", "")
        if error.code == 412 or code == "NoSuchKey":
            return TryAgain(f"{self.label} was changed while it was fetched; start again")
        if error.code in (429, 503) or error.code >= 500 or code == "RequestTimeout":
            return None
        if code in ELSEWHERE or error.code in (301, 302, 307, 308):
            found = f"AWS_REGION={region}" if WORD.fullmatch(region) else "another AWS_REGION"
            return CannotRun(f"the bucket {self._bucket} is elsewhere: set {found}")
        text = REFUSALS.get(code, f"{{host}} refuses {{label}}: {error.code} {code}".rstrip())
        if error.code in (401, 403) and self._settings.keys is None:
            text = ANONYMOUS
        return CannotRun(text.format(host=self.host, label=self.label, bucket=self._bucket))

    def _files(self) -> Iterator[File]:
        """All pages of ListObjectsV2, without the empty objects that stand for folders."""
        asked = [("list-type", "2"), ("max-keys", str(PAGE)), ("prefix", self._prefix)]
        after: list[tuple[str, str]] = []
        while True:
            page = self._page(asked + after)
            for row in page.iter("Contents"):
                name = row.findtext("Key", "").removeprefix(self._prefix)
                size = ports.whole_number(row.findtext("Size", ""))
                if size is None:
                    raise self._strange()
                if name and not name.endswith("/"):
                    yield File(name, size, _etag(row))
            token = page.findtext("NextContinuationToken", "")
            if not token:
                return
            after = [("continuation-token", token)]

    def _page(self, pairs: list[tuple[str, str]]) -> ElementTree.Element:
        url = f"{self._settings.endpoint}{s3.path(self._bucket)}?{s3.query(pairs)}"
        with self._get(url, {}) as reply:
            root = _xml(reply.read(web.LIMIT))
        if root is None or root.tag != "ListBucketResult":
            raise self._strange()
        return root

    def _strange(self) -> LauncherError:
        return TryAgain(f"{self.host} does not answer as S3 does; is AWS_ENDPOINT_URL right?")

    def _get(self, url: str, extra: Mapping[str, str]) -> HTTPResponse:
        now = datetime.now(UTC)
        headers = s3.signed(url, extra, self._settings.keys, self._settings.region, now)
        return web.opened(url, TIMEOUT, headers, proxies=True, redirects=False)


def _etag(row: ElementTree.Element) -> str:
    """In quotes, which some servers leave out. Of a file uploaded in parts it is no checksum."""
    bare = row.findtext("ETag", "").strip('"')
    return f'"{bare}"' if bare else ""


def _told(error: urllib.error.HTTPError) -> tuple[str, str]:
    """Code and region in S3's answer; empty for what is not there."""
    try:
        root = _xml(error.read(ERROR_LIMIT))
    except web.FAULTS:
        root = None
    if root is None:
        return "", ""
    code = root.findtext("Code", "")
    return code if WORD.fullmatch(code) else "", root.findtext("Region", "")


def _xml(body: bytes) -> ElementTree.Element | None:
    """With the namespaces taken off, which differ from server to server."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
    return root
