"""The files of the page over a socket, and in the wheel. In a browser: tests/services/page."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from services.roles.page import HEADERS, assets

from tests.services.house import Rag
from tests.support import machine
from tests.support.raw_http import send

PAGE = machine.ROOT / "compose" / "services" / "page"
TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "index.html": "text/html; charset=utf-8",
}


async def test_the_page(rag: Rag):
    reply = await rag.get("chatqna", "/")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.body == (PAGE / "index.html").read_bytes()
    for name, value in HEADERS.items():
        assert reply.headers[name.lower()] == value
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", TYPES)
async def test_its_files(rag: Rag, name: str):
    reply = await rag.get("chatqna", f"/page/{name}")
    assert reply.headers["content-type"] == TYPES[name]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.body == (PAGE / name).read_bytes()


async def test_the_head_alone(rag: Rag):
    for path in ("/", "/page/page.js"):
        reply = await send(rag.url("chatqna"), "HEAD", path)
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers["etag"]


async def test_a_file_that_is_known_is_not_sent_again(rag: Rag):
    tag = (await rag.get("chatqna", "/page/page.js")).headers["etag"]
    for given in (tag, f'"other", W/{tag}', "*"):
        reply = await rag.get("chatqna", "/page/page.js", headers={"If-None-Match": given})
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", tag)
        assert reply.headers["cache-control"] == "no-cache"
    reply = await rag.get("chatqna", "/page/page.js", headers={"If-None-Match": '"other"'})
    assert reply.status == 200


@pytest.mark.parametrize("name", ["no.js", "..%2frunning.py", "%2e%2e/settings.py", "__init__.py"])
async def test_what_is_no_file_of_the_page(rag: Rag, name: str):
    assert (await rag.get("chatqna", f"/page/{name}")).status == 404


async def test_only_chatqna_has_it(rag: Rag):
    assert (await rag.get("dataprep", "/")).status == 404


async def test_what_the_page_must_know(rag: Rag):
    reply = await rag.get("chatqna", "/page/facts.json")
    assert reply.json == {"index": "rag"}
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", sorted(assets()))
def test_it_needs_nothing_from_elsewhere(name: str):
    text = (PAGE / name).read_text()
    assert set(re.findall(r"https?://[^\s\"']+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", text)
    for asked in re.findall(r'(?:from |src=|href=)"(?:\./|page/)([\w.]+)"', text):
        assert asked in assets()


def test_it_is_in_the_wheel(tmp_path: Path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    source = machine.ROOT / "compose" / "services"
    subprocess.run(build, cwd=source, check=True, capture_output=True, env=machine.clean_environ())
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = {Path(name).name for name in packed.namelist() if "services/page/" in name}
    assert names == {*assets()}
