from __future__ import annotations

import contextlib
import itertools
import tracemalloc
from collections.abc import AsyncIterator

import orjson
import pytest
from aiohttp import web
from services.errors import ServiceError
from services.ingest.ingest import File
from services.ingest.spool import Spool
from services.kit.replies import failed, json_reply
from services.roles import uploads
from services.roles.uploads import name_of, read_form

from tests.services.house import form
from tests.support.raw_http import Connection, Reply, send

LIMIT = 100


def beginning(file: File) -> str:
    with file.spooled.path.open() as opened:
        return opened.read(LIMIT)


@contextlib.asynccontextmanager
async def server(limit: int = LIMIT) -> AsyncIterator[str]:
    """Answers with what it read, and with the beginning of each file."""

    async def answer(request: web.Request) -> web.Response:
        with Spool() as spool:
            try:
                read = await read_form(request, spool, limit)
            except ServiceError as error:
                return failed(error)
            files = [[file.name, beginning(file)] for file in read.files]
            refused = [[step.file, step.error, step.status] for step in read.refused]
            return json_reply({"files": files, "fields": read.fields, "refused": refused})

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def sent(*files: tuple[str, bytes], **fields: str) -> Reply:
    body, content_type = form(files, fields)
    async with server() as url:
        return await send(url, "POST", "/", body, {"Content-Type": content_type})


async def test_files_and_fields():
    reply = await sent(("a.md", b"A"), ("b.md", b"B"), index_name="x")
    assert reply.json == {
        "files": [["a.md", "A"], ["b.md", "B"]],
        "fields": {"index_name": "x"},
        "refused": [],
    }


async def test_of_two_files_of_one_name_the_second_does_not_replace_the_first():
    reply = await sent(("x/a.md", b"A"), ("y/a.md", b"B"), ("b.md", b"C"))
    assert reply.json["files"] == [["a.md", "A"], ["b.md", "C"]]
    assert reply.json["refused"] == [["a.md", "a.md: two files of this name in one request", 400]]


async def test_what_is_too_large_keeps_nothing_else_out():
    reply = await sent(("a.md", b"A" * 2_000_000), ("b.md", b"B"), c="d")
    assert reply.json == {
        "files": [["b.md", "B"]],
        "fields": {"c": "d"},
        "refused": [["a.md", f"a.md: larger than {LIMIT} bytes", 413]],
    }


@pytest.mark.parametrize(("limit", "kept"), [(1_000_000, 0), (100_000_000, 1)])
async def test_however_much_is_sent_little_is_in_memory(limit: int, kept: int):
    body, content_type = form((("a.txt", b""),), {})
    before, _, after = body.partition(b"\r\n\r\n\r\n")
    length = len(body) + 400 * 2**16
    headers = {"Content-Type": content_type, "Content-Length": str(length)}
    async with server(limit) as url, await Connection.open(url) as client:
        await client.send("POST", "/", None, headers)
        tracemalloc.start()
        for piece in (before + b"\r\n\r\n", *itertools.repeat(b"x" * 2**16, 400), b"\r\n" + after):
            client.writer.write(piece)
            await client.writer.drain()
        await client.head()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        reply = orjson.loads(await client.chunk())
    assert len(reply["files"]) == kept
    assert len(reply["refused"]) == 1 - kept
    assert most < 10_000_000


async def test_nor_is_all_of_it_together_without_bounds():
    reply = await sent(*((f"{n}.md", b"x" * LIMIT) for n in range(11)))
    assert len(reply.json["files"]) == 10
    assert [row[0] for row in reply.json["refused"]] == ["10.md"]


async def test_too_many_files(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    assert (await sent(("a", b""), ("b", b""), ("c", b""))).status == 413


async def test_a_request_that_says_it_is_too_large_is_not_read():
    async with server() as url, await Connection.open(url) as client:
        headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": "40000000"}
        await client.send("POST", "/", None, headers)
        assert (await client.head()).status == 413


@pytest.mark.parametrize(
    "fields", [{"a": "x" * 300_000}, {f"f{number}": "x" for number in range(101)}]
)
async def test_fields_are_bounded(fields: dict[str, str]):
    assert (await sent(**fields)).status == 413


async def test_a_form_without_files_may_be_a_plain_one():
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with server() as url:
        reply = await send(url, "POST", "/", b"link_list=%5B%5D&b=c", headers)
    assert reply.json["fields"] == {"link_list": "[]", "b": "c"}


# Said of the two with semicolons, by aiohttp.
@pytest.mark.filterwarnings("ignore::aiohttp.multipart.BadContentDispositionHeader")
@pytest.mark.parametrize(
    ("sent_as", "name"),
    [
        ('filename="Ä; b; c=d.md"', "Ä; b; c=d.md"),
        (r'filename="a \"b\"; c.md"', 'a "b"; c.md'),
        (r'filename="C:\a\b.md"', "b.md"),
        ("filename=a.md", "a.md"),
        ('filename="notes filename*; b; c.md"', "notes filename*; b; c.md"),
        ('Filename = "A; b; c.md"', "A; b; c.md"),
        ("filename*=UTF-8''a%3B%22b%22.md", 'a;"b".md'),
        ("filename=\"x.md\"; filename*=UTF-8''%C3%A4.md", "ä.md"),
        ('filename=""', "unnamed"),
    ],
)
async def test_names_as_clients_write_them(sent_as: str, name: str):
    body, content_type = form((("*", b"A"),), {})
    body = body.replace(b'filename="*"', sent_as.encode())
    async with server() as url:
        reply = await send(url, "POST", "/", body, {"Content-Type": content_type})
    assert reply.json["files"] == [[name, "A"]]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a.md", "a.md"),
        ("../../etc/a.md", "a.md"),
        (r"C:\a\b.md", "b.md"),
        ("a\n\0\ud800.md", "a.md"),
        ("", "unnamed"),
        ("/", "unnamed"),
        ("x" * 300 + ".md", "x" * 197 + ".md"),
    ],
)
def test_names(given: str, name: str):
    assert name_of(given) == name


async def test_a_header_of_a_part_that_is_none():
    head = b'Content-Disposition: form-data; name="files"; filename="a.md\x00.pdf"\r\n\r\n'
    body = b"--B\r\n" + head + b"cats\r\n--B--\r\n"
    async with server() as url:
        headers = {"Content-Type": "multipart/form-data; boundary=B"}
        reply = await send(url, "POST", "/", body, headers)
    assert reply.status == 400
    assert "the body is no form" in reply.json["error"]["message"]
