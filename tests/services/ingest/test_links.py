"""Pages on real sockets."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence

import pytest
from aiohttp import web
from services.errors import Refused, TooLarge, Unsupported
from services.ingest.links import Links, address_of, kind_of, links_of
from services.ingest.spool import Spool
from services.settings import Settings
from yarl import URL

from tests.services.web import pages

HTML = ("text/html; charset=utf-8", b"<p>Hello")
OPEN = Links(Settings(allow_private_links=True))


@pytest.fixture
def spool() -> AsyncIterator[Spool]:
    with Spool() as opened:
        yield opened


def only(*addresses: str) -> Links:
    """As if these addresses of this machine were the public internet."""
    return Links(Settings(), public=lambda address: address in addresses)


async def test_a_page_is_a_file(spool: Spool):
    async with pages({"/a": HTML}) as url:
        file = await OPEN.fetch(f"{url}/a", spool)
    assert file.name == f"{url}/a.txt"
    assert (file.kind, file.charset, file.metadata) == (".html", "utf-8", {"url": f"{url}/a"})
    assert file.spooled.path.read_bytes() == b"<p>Hello"


@pytest.mark.parametrize("path", ["", "/", "/a", "/b?c=d"])
async def test_addresses_of_this_network_are_not_followed(path: str, spool: Spool):
    seen: list[str] = []
    async with pages({"/a": HTML}, seen) as url:
        port = URL(url).port
        for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"):
            told = "is not on the public internet|is not a canonical IPv4 address"
            with pytest.raises(Refused, match=told):
                await Links(Settings()).fetch(f"http://{host}:{port}{path}", spool)
    assert seen == []


async def test_a_name_is_looked_up_once_and_connected_to_where_it_led(spool: Spool):
    """A second answer, that leads elsewhere, is never asked for."""
    async with pages({"/a": HTML}) as url:
        answers, asked = [["127.0.0.2"], ["127.0.0.1"]], []

        async def changing(name: str, port: int) -> Sequence[str]:
            asked.append(name)
            return answers.pop()

        links = Links(Settings(), changing, lambda address: address == "127.0.0.1")
        file = await links.fetch(f"http://a.example:{URL(url).port}/a", spool)
        assert file.spooled.size == 8
        assert asked == ["a.example"]


async def test_a_name_with_one_private_address(spool: Spool):
    async def lookup(name: str, port: int) -> Sequence[str]:
        return ["127.0.0.1", "127.0.0.2"]

    async with pages({"/a": HTML}) as url:
        links = Links(Settings(), lookup, lambda address: address == "127.0.0.1")
        with pytest.raises(Refused, match=r"a\.example is not on the public internet"):
            await links.fetch(f"http://a.example:{URL(url).port}/a", spool)


async def test_redirects_are_followed(spool: Spool):
    table = {"/a": "/b/", "/b/": "../c#top", "/c": HTML}
    async with pages(table) as url:
        file = await OPEN.fetch(f"{url}/a", spool)
    assert file.name == f"{url}/a.txt"
    assert file.spooled.size == 8


async def test_but_each_is_checked(spool: Spool):
    seen: list[str] = []
    async with pages({"/secret": HTML}, seen, "127.0.0.2") as private:
        table = {"/a": f"{private}/secret", "/b": "file:///etc/passwd", "/c": "http://u:p@a/"}
        async with pages(table) as url:
            for path, told in (("a", "public"), ("b", "no link"), ("c", "password")):
                with pytest.raises(Refused, match=told):
                    await only("127.0.0.1").fetch(f"{url}/{path}", spool)
    assert seen == []


async def test_five_redirects_and_no_more(spool: Spool):
    table = {f"/{n}": f"/{n + 1}" for n in range(10)}
    async with pages(table | {"/10": HTML}) as url:
        assert (await OPEN.fetch(f"{url}/5", spool)).spooled.size == 8
        with pytest.raises(Refused, match="redirected more than 5 times"):
            await OPEN.fetch(f"{url}/4", spool)


async def test_a_large_page(spool: Spool):
    links = Links(Settings(allow_private_links=True, file_limit=100_000))
    packed = web.Response(body=gzip.compress(b"x" * 10_000_000))
    packed.headers.update({"Content-Type": "text/plain", "Content-Encoding": "gzip"})
    endless = web.Response(body=b"x" * 200_000, headers={"Content-Type": "text/plain"})
    endless.enable_chunked_encoding()
    table = {"/a": ("text/plain", b"x" * 100_001), "/b": packed, "/c": endless}
    async with pages(table) as url:
        for path in table:
            with pytest.raises(TooLarge, match="larger than 100000 bytes"):
                await links.fetch(f"{url}{path}", spool)


async def test_a_slow_page(spool: Spool):
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        links = Links(Settings(allow_private_links=True, link_seconds=0.3))
        with pytest.raises(Refused, match="it takes longer than"):
            await links.fetch(f"http://127.0.0.1:{port}/", spool)


async def test_what_goes_wrong_is_one_sentence(spool: Spool):
    table = {"/gone": 410, "/picture": ("image/png", b"x"), "/loop": web.Response(status=302)}
    async with pages(table) as url:
        for path, told in (("/gone", "status 410"), ("/", "status 404"), ("/picture", "image/png")):
            with pytest.raises(Refused, match=told):
                await OPEN.fetch(f"{url}{path}", spool)
    with pytest.raises(Refused, match="can't be fetched"):
        await OPEN.fetch(f"{url}/closed", spool)


async def test_a_name_that_nobody_knows(spool: Spool):
    async def lookup(name: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    with pytest.raises(Refused, match="can't be fetched: Name or service"):
        await Links(Settings(), lookup).fetch("http://a.example/", spool)


def test_lists():
    given = '["http://A.example/x#y", "http://a.example/x", "https://b/"]'
    assert links_of(given) == ["http://a.example/x", "https://b/"]
    for bad in ("x", "{}", '"http://a"', "[1]", '["http://a", null]', str(["http://a"] * 101)):
        with pytest.raises(Refused):
            links_of(bad)


@pytest.mark.parametrize(
    "link",
    [
        *("ftp://a/", "file:///etc/passwd", "http://", "http:///a", "//a", "a", "", "http://a:x/"),
        *("javascript:alert(1)", "http://a:99999/", "http://[::1", "http://u@a/", "http://u:p@a/"),
        *("http://a/\nb", "http://a/\0", "gopher://a/", "http://" + "a" * 3000),
    ],
)
def test_no_link(link: str):
    with pytest.raises(Refused):
        address_of(link)


@pytest.mark.parametrize(
    ("content_type", "path", "kind"),
    [
        ("text/html; charset=x", "/a.pdf", ".html"),
        ("TEXT/PLAIN", "/a", ".txt"),
        ("text/plain", "/README.md", ".md"),
        ("text/plain", "/a.php", ".txt"),
        ("application/octet-stream", "/a.PDF", ".pdf"),
        ("", "/a.csv", ".csv"),
        ("application/pdf", "/", ".pdf"),
    ],
)
def test_kinds(content_type: str, path: str, kind: str):
    assert kind_of("l", content_type, URL(f"http://a{path}")) == kind


@pytest.mark.parametrize("content_type", ["", "application/octet-stream", "image/png", "x"])
def test_no_kind(content_type: str):
    with pytest.raises(Unsupported):
        kind_of("l", content_type, URL("http://a/b.exe"))
