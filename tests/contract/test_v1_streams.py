"""Streams below /v1: whole events however the reads fall, and no end that only looks like one."""

import asyncio
import json

import pytest

from tests.support import plays
from tests.support.machine import PROMPTLY
from tests.support.raw_http import Connection
from tests.support.recordings import recording
from tests.support.serve import IMPATIENT, serving

HI = [{"role": "user", "content": "hi"}]
RUNNING = "an error was encountered while running the model: "
STREAMS = {
    "/v1/chat/completions": "chat_stream_usage",
    "/v1/completions": "compl_stream_usage",
    "/v1/responses": "responses_stream",
    "/v1/messages": "messages_stream",
}
ROUTES = pytest.mark.parametrize("path", STREAMS)


def asked(path: str, prompt: str = "hi", model: str = "tiny-chat", **fields: object) -> dict:
    request = {"model": model, "stream": True}
    if path == "/v1/responses":
        return request | {"input": prompt} | fields
    if path == "/v1/completions":
        return request | {"prompt": prompt} | fields
    turns = [{"role": "user", "content": prompt}]
    limit = {"max_tokens": 50} if path == "/v1/messages" else {}
    return request | {"messages": turns} | limit | fields


def payloads(text: str) -> list[dict]:
    events = [event for event in text.split("\n\n") if event]
    found = [event.partition("data: ")[2] for event in events]
    return [json.loads(payload) for payload in found if payload != "[DONE]"]


def check_told(path: str, text: str, message: str, kind: str = "api_error") -> None:
    """The stream ends with the error, as the route's clients understand it."""
    assert "[DONE]" not in text
    assert "message_stop" not in text
    assert "response.completed" not in text
    last = payloads(text)[-1]
    if path == "/v1/messages":
        assert text.rpartition("\n\nevent: ")[2].startswith("error\n")
        assert (last["type"], last["error"]) == ("error", {"type": kind, "message": message})
        assert last["request_id"].startswith("req_")
    elif path == "/v1/responses":
        error = payloads(text)[-2]
        assert (error["type"], error["message"]) == ("error", message)
        assert error["error"]["message"] == message
        assert last["type"] == "response.failed"
        assert last["response"]["status"] == "failed"
        assert last["response"]["id"].startswith("resp_")
        assert last["response"]["error"] == {"code": "server_error", "message": message}
        numbers = [event["sequence_number"] for event in payloads(text)]
        assert numbers[-2:] == [numbers[-3] + 1, numbers[-3] + 2]
    else:
        assert last == {
            "error": {"message": message, "type": "api_error", "param": None, "code": None}
        }


@ROUTES
async def test_however_the_reads_fall(scripted, adapter, path):
    """Cut at every byte around the names, and in many other places."""
    name = STREAMS[path]
    body = recording(name).body
    at = body.index(b'"model"')
    scripted.play = plays.recorded(name)
    request = asked(path, model="TINY-chat") | {"stream_options": {"include_usage": True}}
    whole = (await adapter.post(path, request)).body
    assert whole.count(b'"TINY-chat"') == body.count(b'"tiny-chat"')
    assert b"tiny-chat" not in whole
    for cut in (*range(at - 3, at + 25), *range(1, len(body), 211)):
        scripted.play = plays.cut_at(name, cut, min(cut + 7, len(body)))
        assert (await adapter.post(path, request)).body == whole


async def test_a_messages_id_is_anthropics(scripted, adapter):
    scripted.play = plays.recorded("messages_tool_stream")
    reply = await adapter.post("/v1/messages", asked("/v1/messages"))
    first, block, *_ = payloads(reply.text)
    assert first["message"]["id"] == "msg_b4cb3843c8baaf4a"
    assert block["content_block"]["id"] == "chatcmpl-tool-a8507a36802db71a"
    told = {"model": "tiny-chat:latest"}
    assert await adapter.metric("adapter_prompt_tokens_total", **told) == 157
    assert await adapter.metric("adapter_generated_tokens_total", **told) == 119


@ROUTES
@pytest.mark.parametrize("word", ["MIDERR", "DIE"])
async def test_an_engine_that_breaks_is_told_of(scripted, adapter, path, word):
    reply = await adapter.post(path, asked(path, word))
    assert (reply.status, reply.ended) == (200, True)
    told = "EngineCore encountered an issue. See stack trace (above) for the root cause."
    message = "the engine engine0 broke off its answer"
    kind = "api_error"
    if word == "MIDERR" and path != "/v1/responses":
        message = "the engine stopped" if path == "/v1/messages" else told
    check_told(path, reply.text, RUNNING + message, kind)
    assert "Hello" in reply.text
    labels = {"route": path, "outcome": "upstream_fault"}
    assert await adapter.metric("adapter_requests_total", **labels) == 1


@ROUTES
async def test_an_end_without_its_mark_is_none(scripted, adapter, path):
    name = STREAMS[path]
    scripted.play = plays.stream(recording(name).events[:-1])
    reply = await adapter.post(path, asked(path))
    check_told(path, reply.text, RUNNING + "unexpected EOF")


@ROUTES
async def test_silence_is_told_of_whatever_the_comments_say(scripted, path):
    async with serving(scripted.url, timeouts=IMPATIENT) as adapter:
        await adapter.until_ready()
        scripted.play = plays.comments_after(STREAMS[path], 3, 0.1)
        reply = await adapter.post(path, asked(path))
    assert "keep-alive" not in reply.text
    message = RUNNING + "the engine engine0 was silent for 0.5 s"
    check_told(path, reply.text, message)


@pytest.mark.parametrize("name", ["stream_abort", "stream_engine_killed", "stream_sigkill"])
async def test_recorded_ends_of_engines(scripted, adapter, name):
    scripted.play = plays.recorded(name)
    path = "/v1/chat/completions"
    text = (await adapter.post(path, asked(path))).text
    assert "[DONE]" not in text
    assert payloads(text)[-1]["error"]["message"].startswith(RUNNING)


@pytest.mark.parametrize("name", ["messages_engine_killed", "responses_engine_killed"])
async def test_recorded_ends_of_other_streams(scripted, adapter, name):
    path = f"/v1/{name.partition('_')[0]}"
    events = recording(name).events
    scripted.play = plays.drop_after(name, len(b"".join(events)))
    text = (await adapter.post(path, asked(path))).text
    if path == "/v1/messages":
        check_told(path, text, RUNNING + "the engine stopped")
    else:
        check_told(path, text, RUNNING + "the engine engine0 broke off its answer")


@ROUTES
async def test_an_error_before_anything_keeps_its_status(scripted, adapter, path):
    error = b'data: {"error": {"message": "boom", "code": 503}}\n\n'
    scripted.play = plays.stream([b": keep-alive\n\n", error])
    reply = await adapter.post(path, asked(path))
    assert reply.status == 503
    assert reply.json["error"]["message"] == RUNNING + "boom"


@ROUTES
@pytest.mark.parametrize("stream", [True, False])
async def test_a_refusal_keeps_its_status(scripted, adapter, path, stream):
    reply = await adapter.post(path, asked(path, "ERR400", stream=stream))
    assert reply.status == 400
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.json["error"]["type"] == "invalid_request_error"
    assert reply.json["error"]["message"].startswith("the prompt is longer than the context")


@ROUTES
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("play", [plays.hang_before_headers, plays.hang_after("messages", 0)])
async def test_a_client_that_leaves_frees_the_engine(scripted, adapter, path, stream, play):
    scripted.play = play
    connection = await Connection.open(adapter.url)
    await connection.send("POST", path, json.dumps(asked(path, stream=stream)).encode())
    await scripted.until(lambda: scripted.in_flight == 1)
    await connection.close()
    await scripted.until(lambda: (scripted.in_flight, scripted.gone) == (0, 1), within=PROMPTLY)
    await asyncio.sleep(0)


@ROUTES
async def test_a_client_that_leaves_in_the_middle(scripted, adapter, path):
    scripted.play = plays.endless(STREAMS[path], 5)
    connection = await Connection.open(adapter.url)
    await connection.send("POST", path, json.dumps(asked(path)).encode())
    await connection.head()
    await connection.chunk()
    await connection.close()
    await scripted.until(lambda: (scripted.in_flight, scripted.gone) == (0, 1), within=PROMPTLY)
    gone = {"route": path, "outcome": "client_gone"}
    async with asyncio.timeout(PROMPTLY):
        while await adapter.metric("adapter_requests_total", **gone) != 1:  # noqa: ASYNC110  # HTTP
            await asyncio.sleep(0.01)


@ROUTES
@pytest.mark.parametrize("name", ["messages", "embed_single"])
async def test_half_a_whole_answer_is_none(scripted, adapter, path, name):
    scripted.play = plays.half_an_answer(name)
    reply = await adapter.post(path, asked(path, stream=False))
    assert reply.status == 502
    assert reply.json["error"]["message"] == "the engine engine0 broke off its answer"


@ROUTES
@pytest.mark.parametrize("stream", [True, False])
async def test_what_is_no_answer_is_none(scripted, adapter, path, stream):
    scripted.play = plays.a_web_page
    reply = await adapter.post(path, asked(path, stream=stream))
    assert reply.status == 502
    assert reply.json["error"]["message"] == "the engine sent a malformed answer"


@ROUTES
async def test_text_is_no_answer_to_a_question_for_one_object(scripted, adapter, path):
    scripted.play = plays.plain_text
    reply = await adapter.post(path, asked(path, stream=False))
    assert (reply.status, reply.json["error"]["message"]) == (
        502,
        "the engine sent a malformed answer",
    )


async def test_a_whole_answer_that_was_given_up_is_none(scripted, adapter):
    """finish_reason abort: half an answer is no answer."""
    whole = json.loads(recording("chat_nonstream").body)
    whole["choices"][0]["finish_reason"] = "abort"
    scripted.play = plays.refuse(200, whole)
    reply = await adapter.post("/v1/chat/completions", {"model": "tiny-chat", "messages": HI})
    assert reply.status == 500
    assert reply.json["error"]["message"] == RUNNING + "the engine aborted the request"


async def test_line_separators_are_escaped(scripted, adapter):
    """httpx splits lines at them, so many a client would see half an event."""
    event = recording("chat_stream_usage").events[1]
    odd = event.replace(b'"content":"', '"content":"\u2028\u2029\x85'.encode())
    events = recording("chat_stream_usage").events
    scripted.play = plays.stream([events[0], odd, *events[2:]])
    text = (await adapter.post("/v1/chat/completions", asked("/v1/chat/completions"))).text
    assert r'"content":"\u2028\u2029\u0085' in text
    assert payloads(text)[1]["choices"][0]["delta"]["content"].startswith("\u2028\u2029\x85")
