"""The stand-in must itself be true: what it serves is what was recorded."""

import asyncio
import json

import pytest

from tests.support import plays, words
from tests.support.raw_http import Connection, get, post
from tests.support.recordings import recording
from tests.support.scripted_vllm import ScriptedVLLM

CHAT = "/v1/chat/completions"
ASK = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}], "stream": True}


@pytest.fixture
async def server():
    scripted = ScriptedVLLM(plays.recorded("chat_stream_usage"))
    await scripted.up()
    yield scripted
    await scripted.down()


async def test_a_recording_is_played_byte_for_byte(server):
    reply = await post(server.url, CHAT, ASK)
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.body == recording("chat_stream_usage").body
    assert reply.chunks == recording("chat_stream_usage").events
    assert server.bodies == [ASK]


async def test_only_the_endpoints_of_the_task_exist(server):
    wrong_verb = await get(server.url, CHAT)
    assert (wrong_verb.status, wrong_verb.text) == (405, '{"detail":"Method Not Allowed"}')
    assert wrong_verb.headers["allow"] == "POST"
    missing = await get(server.url, "/v1/embeddings")
    assert (missing.status, missing.text) == (404, '{"detail":"Not Found"}')


async def test_the_model_list_has_the_recorded_shape(server):
    listed = (await get(server.url, "/v1/models")).json
    recorded = json.loads(recording("models").body)
    assert list(listed) == list(recorded)
    assert list(listed["data"][0]) == list(recorded["data"][0])
    assert [model["id"] for model in listed["data"]] == ["tiny-chat"]


async def test_down_refuses_and_up_listens_on_the_same_port(server):
    port = server.port
    await server.down()
    with pytest.raises(ConnectionRefusedError):
        await get(server.url, "/health")
    await server.up()
    assert server.port == port
    assert (await get(server.url, "/health")).status == 200


async def test_a_client_that_leaves_is_counted(server):
    server.play = plays.hang_after("chat_stream_usage", 2)
    async with asyncio.timeout(5), await Connection.open(server.url) as connection:
        await connection.send("POST", CHAT, json.dumps(ASK).encode())
        await connection.head()
        await connection.chunk()
        assert (server.in_flight, server.gone) == (1, 0)
    await server.until(lambda: server.gone == 1)
    assert server.in_flight == 0


@pytest.mark.parametrize(
    ("play", "ended"),
    [
        (plays.end_after("chat_stream_usage", 700), True),
        (plays.drop_after("chat_stream_usage", 700), False),
        (plays.reset_after("chat_stream_usage", 700), False),
    ],
)
async def test_a_body_can_end_in_three_ways(server, play, ended: bool):
    server.play = play
    reply = await post(server.url, CHAT, ASK)
    assert reply.body == recording("chat_stream_usage").body[:700]
    assert reply.ended is ended


async def test_words_are_answered_in_recorded_shapes(server):
    server.play = words.words
    reply = await post(server.url, CHAT, ASK)
    payloads = [json.loads(chunk[6:]) for chunk in reply.chunks[:-1]]
    recorded = [json.loads(event[6:]) for event in recording("chat_stream_usage").events[:-1]]
    assert list(payloads[0]) == list(recorded[0])
    assert list(payloads[1]) == list(recorded[1])
    assert [p["choices"][0]["delta"].get("content") for p in payloads[:3]] == ["", "Hello", " <b>"]
    assert reply.chunks[-1] == b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("word", "status", "last"),
    [
        ("LIMIT", 200, b"data: [DONE]\n\n"),
        ("MIDERR", 200, b"data: [DONE]\n\n"),
        ("DIE", 200, words.text("Hello")),
        ("ERR400", 400, recording("err_context").body),
    ],
)
async def test_words_in_the_prompt_are_obeyed(server, word: str, status: int, last: bytes):
    server.play = words.words
    reply = await post(server.url, CHAT, ASK | {"messages": [{"role": "user", "content": word}]})
    assert reply.status == status
    assert reply.chunks[-1] == last
    assert reply.ended is (word != "DIE")
