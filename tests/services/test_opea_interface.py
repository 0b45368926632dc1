"""OPEA's own user interfaces (Svelte and React) before our ports: what they send, how they read.

Both are read at GenAIExamples 15b0d46 and the versions before it; the requests are the bytes that a
browser makes of them. Behind nginx the two services are one origin; here they have a port each.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from services.grounding.opea import pieces

from tests.services.house import Rag, Stack, in_chat
from tests.services.web import pages
from tests.support import plays, words
from tests.support.machine import PROMPTLY
from tests.support.raw_http import Connection, Reply, send

ORIGIN = "http://10.0.0.5:5173"
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0.0.0",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "en-US,en;q=0.9",
    "Origin": ORIGIN,
    "Referer": ORIGIN + "/",
    "Connection": "keep-alive",
}
MARK = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
CATS = ("cats.md", "# Cats\n\nCats sleep all day.\n\n## Food\n\nCats eat fish at noon.\n")
QUESTION = {"role": "user", "content": "When do cats eat?"}


def form_field(name: str, value: str) -> bytes:
    head = f'--{MARK}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return f"{head}{value}\r\n--{MARK}--\r\n".encode()


def form_file(name: str, text: str, kind: str = "text/markdown") -> bytes:
    """A browser's `FormData.append("files", file)`; the name is in UTF-8, quotes are escaped."""
    escaped = name.replace('"', "%22")
    head = f'Content-Disposition: form-data; name="files"; filename="{escaped}"'
    return f"--{MARK}\r\n{head}\r\nContent-Type: {kind}\r\n\r\n{text}\r\n--{MARK}--\r\n".encode()


async def posted(rag: Rag, role: str, path: str, body: Any) -> Reply:
    """By fetch, axios or sse.js: a form, or JSON as JavaScript writes it."""
    if isinstance(body, bytes):
        kind, raw = f"multipart/form-data; boundary={MARK}", body
    else:
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        kind = "application/json"
    return await send(rag.url(role), "POST", path, raw, {**BROWSER, "Content-Type": kind})


async def dataprep(rag: Rag, path: str, body: Any) -> Reply:
    return await posted(rag, "dataprep", f"/v1/dataprep/{path}", body)


def chat_body(*messages: dict[str, str]) -> dict[str, Any]:
    """No `stream`; the model is that of the page's own settings, not of ours."""
    return {"model": "meta-llama/Meta-Llama-3-8B-Instruct", "messages": list(messages)}


@dataclass
class Svelte:
    """What its page shows of a stream, read as it reads: with sse.js, event by event."""

    text: str = ""
    loading: bool = True
    notices: list[str] = field(default_factory=list)

    def read(self, body: bytes) -> Svelte:
        for part in re.split(r"\r?\n\r?\n", body.decode()):
            lines = dict(line.split(": ", 1) for line in part.splitlines())
            if lines.get("event") == "error":
                self.notices.append("Failed to load chat content.")
                self.loading = False
            elif "data" in lines:
                self.message(lines["data"])
        return self

    def message(self, data: str) -> None:
        if data == "[DONE]":
            self.loading = False
        elif data.startswith("b"):
            self.show(unescaped(data[2:-1]))
        else:
            self.show(unescaped(data).replace('"', ""))

    def show(self, text: str) -> None:
        self.text += text.replace("\\n", "\n")


def unescaped(text: str) -> str:
    """As the page has it: where there is one `\\xHH`, it sees nothing else."""
    if not re.search(r"\\x[0-9A-Fa-f]{2}", text):
        return text
    leading = [re.match(r"[0-9A-Fa-f]+", part) for part in text.split("\\x")[1:]]
    return bytes(int(found[0], 16) & 0xFF for found in leading if found).decode(errors="replace")


@pytest.mark.parametrize(
    "text", ["C:\\xab\\new \\x41", "a\tb\r\n", "\\frac{1}{2}'\"", "猫\\x猫", "\x00\u2028🐈"]
)
def test_the_page_shows_every_character(text: str):
    assert Svelte().read(b"".join(pieces(text))).text == text


@pytest.fixture
async def rag(stack: Stack) -> AsyncIterator[Rag]:
    """All services, told of the page's origin."""
    async with stack.up(origins=ORIGIN) as running:
        yield running


@pytest.fixture
async def filled(rag: Rag) -> Rag:
    reply = await dataprep(rag, "ingest", form_file(*CATS))
    assert (reply.status, reply.json["status"]) == (200, 200)
    return rag


async def asked(rag: Rag, *messages: dict[str, str]) -> Reply:
    return await posted(rag, "chatqna", "/v1/chatqna", chat_body(*messages))


async def test_an_answer_as_the_page_shows_it(filled: Rag):
    shown = Svelte().read((await asked(filled, QUESTION)).body)
    assert shown.text == (
        "Hello <b>\n\nConsulted, not cited:\n[1] cats.md, Cats\n[2] cats.md, Cats > Food"
    )
    assert (shown.loading, shown.notices) == (False, [])


@pytest.mark.parametrize(
    "text",
    [
        "Bücher über Zürich",
        "猫は正午に魚を食べる。",
        "It's “noon” at 12 °C",
        'They say "it\'s noon"',
        "a\nb\n\n- c",
        "b starts with b",
        "🐈‍⬛ and ½",
    ],
)
async def test_no_character_is_lost_on_the_page(stack: Stack, rag: Rag, text: str):
    """Neither in the answer nor in the list of sources, whatever pieces the engine makes."""
    await dataprep(rag, "ingest", form_file("Kätzchen 猫.md", "Cats eat."))
    half = len(text) // 2
    stack.chat.play = in_chat(plays.stream(words.answer(text[:half], text[half:])))
    shown = Svelte().read((await asked(rag, QUESTION)).body)
    assert shown.text == f"{text}\n\nConsulted, not cited:\n[1] Kätzchen 猫.md"


async def test_a_conversation_with_what_the_page_stored(stack: Stack, filled: Rag):
    """It sends all turns again, the list of sources within."""
    first = Svelte().read((await asked(filled, QUESTION)).body).text
    again = {"role": "user", "content": "And when do cats sleep?"}
    shown = Svelte().read(
        (await asked(filled, QUESTION, {"role": "assistant", "content": first}, again)).body
    )
    assert shown.text.startswith("Hello <b>\n\nConsulted")
    turns = stack.chat.bodies[-1]["messages"]
    assert "Consulted, not cited" not in json.dumps(turns)
    assert turns[-1]["content"].endswith("And when do cats sleep?")


@pytest.mark.parametrize("word", ["MIDERR", "DIE"])
async def test_a_failure_is_shown_and_the_page_is_ready_again(filled: Rag, word: str):
    """OPEA's own service ends as if all were well."""
    reply = await asked(filled, {"role": "user", "content": f"cats {word}"})
    shown = Svelte().read(reply.body)
    assert (shown.text, shown.loading) == ("Hello", False)
    assert shown.notices == ["Failed to load chat content."]


async def test_a_refusal_has_the_words_that_the_react_page_shows(filled: Rag):
    """It reads `error.message` of a 4xx."""
    reply = await asked(filled, {"role": "user", "content": "cats ERR400"})
    assert reply.status == 400
    assert isinstance(reply.json["error"]["message"], str)


async def test_a_page_that_is_closed_frees_the_model(stack: Stack, filled: Rag):
    raw = json.dumps(chat_body({"role": "user", "content": "cats SLOW"})).encode()
    headers = {**BROWSER, "Content-Type": "application/json"}
    async with await Connection.open(filled.url("chatqna")) as page:
        await page.send("POST", "/v1/chatqna", raw, headers)
        assert (await page.head()).status == 200
        assert await page.chunk() == b"data: b'Hello'\n\n"
    await stack.chat.until(lambda: stack.chat.in_flight == 0, within=PROMPTLY)
    assert stack.chat.gone == 1


async def test_files_are_listed_by_name_and_deleted_by_name(filled: Rag):
    listed = (await dataprep(filled, "get", {"knowledge_base_id": "default"})).json
    assert [row["name"] for row in listed] == ["cats.md"]
    reply = await dataprep(filled, "delete", {"file_path": listed[0]["name"]})
    assert (reply.status, reply.json) == (200, {"status": True})
    assert (await dataprep(filled, "get", {"knowledge_base_id": "default"})).json == []


@pytest.mark.parametrize("name", ["Kätzchen 猫.md", "two words.txt", "it's.md"])
async def test_a_name_comes_back_as_it_was_sent(rag: Rag, name: str):
    assert (await dataprep(rag, "ingest", form_file(name, "Cats eat."))).status == 200
    [row] = (await dataprep(rag, "get", {})).json
    assert (row["name"], row["type"], row["parent"]) == (name, "File", "")
    assert (await dataprep(rag, "delete", {"file_path": name})).json == {"status": True}


async def test_a_link_is_deleted_by_the_name_that_the_page_shows(stack: Stack):
    table = {"/cats": ("text/html", b"<title>Cats</title><p>Cats eat fish.")}
    async with (
        pages(table) as site,
        stack.up(allow_private_links=True, origins=ORIGIN) as rag,
    ):
        links = form_field("link_list", json.dumps([f"{site}/cats"]))
        reply = await dataprep(rag, "ingest", links)
        assert reply.status == 200, reply.text
        [row] = (await dataprep(rag, "get", {"knowledge_base_id": "default"})).json
        assert row["name"] == f"{site}/cats.txt"
        deleted = await dataprep(rag, "delete", {"file_path": row["name"]})
        assert deleted.json == {"status": True}


@pytest.mark.parametrize(
    ("role", "path"),
    [("chatqna", "/v1/chatqna"), ("dataprep", "/v1/dataprep/ingest")],
)
async def test_a_browser_may_ask_from_another_origin(rag: Rag, role: str, path: str):
    """The page is on another port: without nginx in front, a browser asks first."""
    asks = {"Access-Control-Request-Method": "POST"}
    asks["Access-Control-Request-Headers"] = "content-type"
    reply = await send(rag.url(role), "OPTIONS", path, None, {**BROWSER, **asks})
    assert reply.status in (200, 204)
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["access-control-allow-headers"] == "content-type"
    reply = await dataprep(rag, "get", {})
    assert reply.headers["access-control-allow-origin"] == ORIGIN


async def test_behind_nginx_a_page_needs_no_leave(stack: Stack):
    """One origin for all, whose Host nginx hands on; any other is told how to be let in."""
    async with stack.up() as services:
        raw = json.dumps(chat_body(QUESTION)).encode()
        headers = {**BROWSER, "Content-Type": "application/json"}
        proxied = headers | {"Host": "10.0.0.5", "Origin": "http://10.0.0.5"}
        url = services.url("chatqna")
        assert (await send(url, "POST", "/v1/chatqna", raw, proxied)).status == 200
        refused = await send(url, "POST", "/v1/chatqna", raw, headers)
        assert refused.status == 403
        assert "see RAG_ORIGINS" in refused.json["error"]["message"]
