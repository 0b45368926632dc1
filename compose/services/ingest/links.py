"""A link → a file: fetched with bounds of size and time, from where links may lead only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import aiohttp
import orjson
from yarl import URL

import services
from services.errors import Refused, TooLarge, Unsupported
from services.ingest.addresses import Allowed, Guard, Lookup, addresses_of, is_public
from services.ingest.ingest import File
from services.ingest.spool import Spool
from services.settings import Settings

MOST_REDIRECTS = 5
MOST_LINKS = 100
_LONGEST = 2000
_REDIRECTS = (301, 302, 303, 307, 308)
_SUFFIX = ".txt"
"""Added to a link's address, that is its name among the documents: so OPEA lists them."""

KINDS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/plain": ".txt",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}
_UNTOLD = ("", "application/octet-stream", "binary/octet-stream", "text/plain")
"""Servers say these of files that they don't know: then the address's ending counts."""
_ENDINGS = (".md", ".markdown", ".csv", ".tsv", ".txt", ".html", ".htm", ".pdf", ".docx")


def links_of(text: str) -> list[str]:
    """OPEA's link_list: a JSON array of addresses.

    Raises:
        Refused: it is none, or one is no link.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refused("link_list: a JSON array of addresses")
    if len(value) > MOST_LINKS:
        raise Refused(f"link_list: more than {MOST_LINKS} links")
    return list(dict.fromkeys(str(address_of(one)) for one in value))


def address_of(link: str) -> URL:
    """Raises Refused for what is no address of a page, or has a password in it."""
    shown = link[:200]
    try:
        url = URL(link.strip()).with_fragment(None)
        fit = url.scheme in ("http", "https") and bool(url.host) and bool(url.port)
    except ValueError:
        fit = False
    if not fit or len(str(url)) > _LONGEST or not link.isprintable():
        raise Refused(f"{shown}: this is no link to http or https")
    if url.user is not None or url.password is not None:
        raise Refused("a link with a user's name or password in it is not followed")
    return url


def name_of(link: str) -> str:
    return f"{link}{_SUFFIX}"


@dataclass(frozen=True)
class Links:
    settings: Settings
    lookup: Lookup = field(default=addresses_of)
    public: Allowed = field(default=is_public)

    async def fetch(self, link: str, spool: Spool) -> File:
        """Raises Refused: one sentence on what is wrong with the link or the server's answer."""
        seconds = self.settings.link_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._fetched(link, spool)
        except TimeoutError:
            raise Refused(f"{link}: it takes longer than {seconds:g} seconds") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = getattr(error, "os_error", error)
            raise Refused(f"{link}: it can't be fetched: {reason}") from None

    async def _fetched(self, link: str, spool: Spool) -> File:
        guard = Guard(self._allowed, self.lookup)
        async with self._session(guard) as session:
            url = address_of(link)
            for _ in range(MOST_REDIRECTS + 1):
                guard.check_literal(url.raw_host or "")
                async with session.get(url, allow_redirects=False) as response:
                    if response.status not in _REDIRECTS:
                        return await self._taken(link, response, spool)
                    url = address_of(str(url.join(URL(response.headers.get("Location", "")))))
        raise Refused(f"{link}: it is redirected more than {MOST_REDIRECTS} times")

    def _allowed(self, address: str) -> bool:
        return self.settings.allow_private_links or self.public(address)

    def _session(self, guard: Guard) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=guard, use_dns_cache=False, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"rag-services/{services.__version__}", "Accept": "*/*"},
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
        )

    async def _taken(self, link: str, response: aiohttp.ClientResponse, spool: Spool) -> File:
        if response.status != 200:
            raise Refused(f"{link}: the server answers with status {response.status}")
        limit = self.settings.file_limit
        if (response.content_length or 0) > limit:
            raise TooLarge(f"{link}: larger than {limit} bytes")
        kind = kind_of(link, response.headers.get("Content-Type", ""), response.url)
        pieces = response.content.iter_chunked(2**16)
        spooled = await spool.take(link, pieces, limit)
        metadata: dict[str, Any] = {"url": link}
        charset = (response.charset or "") if kind not in (".pdf", ".docx") else ""
        return File(name_of(link), spooled, metadata, kind, charset)


def kind_of(link: str, content_type: str, url: URL) -> str:
    """The ending whose reader reads it.

    Raises:
        Unsupported: nothing reads such a page.
    """
    told = content_type.partition(";")[0].strip().lower()
    ending = PurePosixPath(url.path.lower()).suffix
    if told in _UNTOLD and ending in _ENDINGS:
        return ending
    if told not in KINDS:
        raise Unsupported(f"{link}: what is there ({told or 'of no told kind'}) can't be read")
    return KINDS[told]
