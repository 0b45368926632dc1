"""Recordings of older clients are of the pinned versions, and the recorder is exact."""

import asyncio
import json

import pytest

from tests.clients import recording
from tests.clients.recording import FAMILIES, FOLDER, Relay, file_of
from tests.clients.running import title
from tests.support.raw_http import send
from tests.support.serve import Adapter


@pytest.mark.parametrize("family", FAMILIES)
def test_a_recording_is_of_the_pinned_client(family: str):
    first, *rows = map(json.loads, (FOLDER / file_of(family)).read_text().splitlines())
    assert first == {"client": title(family)}
    assert all([*row] == ["step", "method", "path", "headers", "body"] for row in rows)
    for row in rows:
        lengths = {k.lower(): v for k, v in row["headers"].items()}
        assert len((row["body"] or "").encode()) == int(lengths.get("content-length", "0"))


async def test_what_goes_through_the_relay_is_kept_as_it_was_sent(adapter: Adapter):
    relay = Relay(adapter.url)
    body = '{ "model":"tiny-chat",  "prompt":"h\u00ef", "stream":false}'
    async with await asyncio.start_server(relay.serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert (await send(url, "GET", recording.STEP + "one")).status == 204
        headers = {"X-Case": "Kept", "Connection": "keep-alive"}
        reply = await send(url, "POST", "/api/generate", body.encode(), headers)
    assert reply.json["response"] == "Hello <b>"
    [row] = relay.rows
    assert (row["step"], row["path"], row["body"]) == ("one", "/api/generate", body)
    assert row["headers"] == {
        "Host": recording.HOST,
        "X-Case": "Kept",
        "Connection": "keep-alive",
        "Content-Length": str(len(body.encode())),
    }
