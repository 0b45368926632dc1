"""A model on the hub, read file by file at the commit that was found first."""

from __future__ import annotations

import urllib.error
from collections.abc import Mapping
from http.client import HTTPResponse
from urllib.parse import urlsplit

from launcher import hub, ports, remote, sources, web, weights
from launcher.errors import CannotRun, LauncherError, TryAgain
from launcher.remote import File, Listing
from launcher.settings import Hub

TIMEOUT = 30.0


class HubSource:
    def __init__(self, place: Hub, named: sources.Named) -> None:
        self._place = place
        self._named = named
        self._commit = named.revision or "main"
        self.label = named.model
        self.host = urlsplit(place.endpoint).netloc.rpartition("@")[2]

    def listing(self) -> Listing:
        url = hub.about_url(self._place, self._named.model, self._named.revision)
        with self._get(url) as reply:
            answer = web.Answer(reply.status, reply.read(web.LIMIT))
        rows, about = hub.siblings(answer.json()), answer.json()
        if rows is None:  # a log-in page of the network's own
            raise self._strange()
        self._commit = str(about.get("sha") or self._commit)
        files = (self._file(row) for row in rows if row.get("rfilename"))
        return Listing(self._commit, tuple(files))

    def open(self, file: File, extra: Mapping[str, str]) -> HTTPResponse:
        return self._get(self._url(file.name), extra)

    def refusal(self, error: urllib.error.HTTPError) -> LauncherError | None:
        code, model = error.headers.get("X-Error-Code", ""), self._named.model
        if code == "GatedRepo":
            return weights.refusal(self._place, model, "closed", sources.EXAMPLE)
        if code == "RevisionNotFound":
            return CannotRun(f"{model} has no revision {self._named.revision}; see MODEL_REVISION")
        if code == "EntryNotFound":
            return TryAgain(f"a file of {model} is gone that was listed before; start again")
        if error.code == 403:
            return CannotRun(
                f"HF_TOKEN may not read {model}: give the token that right on "
                f"{self._place.endpoint}/settings/tokens"
                if self._place.token
                else f"{self.host} refuses {model} without a token: set HF_TOKEN"
            )
        if error.code == 401 and self._place.token and code != "RepoNotFound":
            return CannotRun(
                f"{self.host} does not accept HF_TOKEN (expired, or not copied whole?): "
                f"make a new one on {self._place.endpoint}/settings/tokens"
            )
        if error.code in (400, 401, 404):
            return weights.refusal(self._place, model, "unknown", sources.EXAMPLE)
        return None

    def _file(self, row: dict[str, object]) -> File:
        name, size, lfs = str(row["rfilename"]), row.get("size"), row.get("lfs")
        sha256 = str(lfs.get("sha256") or "") if isinstance(lfs, dict) else ""
        if not isinstance(size, int) and remote.safe(name):
            size = self._size(name)
        length = size if isinstance(size, int) else 0
        if length < 0:
            raise self._strange()
        return File(name, length, sha256 or str(row.get("blobId") or self._commit), sha256)

    def _size(self, name: str) -> int:
        """For mirrors of the hub whose lists have no sizes."""
        with self._get(self._url(name), method="HEAD") as reply:
            size = ports.whole_number(reply.headers.get("Content-Length") or "0")
        if size is None:
            raise self._strange()
        return size

    def _strange(self) -> LauncherError:
        return TryAgain(f"{self.host} does not answer as a hub does; is HF_ENDPOINT right?")

    def _url(self, name: str) -> str:
        return hub.file_url(self._place, self._named.model, self._commit, name)

    def _get(
        self, url: str, extra: Mapping[str, str] | None = None, method: str = "GET"
    ) -> HTTPResponse:
        headers = {**hub.headers(self._place), **(extra or {})}
        return web.opened(url, TIMEOUT, headers, proxies=True, method=method)
