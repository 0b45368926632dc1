"""Recorded bytes of vLLM in, lines of Ollama out."""

import json
from dataclasses import dataclass

import pytest

from tests.support import plays, words
from tests.support.masks import masked
from tests.support.recordings import recording

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hello there"}]}
GENERATE = {"model": "tiny-chat", "prompt": "hello there"}
HEAD = b'{"model":"tiny-chat","created_at":"T",'


def chat_line(content: str) -> bytes:
    text = json.dumps(content, ensure_ascii=False).encode()
    return HEAD + b'"message":{"role":"assistant","content":' + text + b'},"done":false}\n'


def generate_line(content: str) -> bytes:
    text = json.dumps(content, ensure_ascii=False).encode()
    return HEAD + b'"response":' + text + b',"done":false}\n'


def closing(reason: str, prompt: int, completion: int, cached: int | None = None) -> bytes:
    known = b"" if cached is None else b'"prompt_eval_cached_count":%d,' % cached
    return (
        b'"done":true,"done_reason":"%b","total_duration":1,"load_duration":1,'
        b'"prompt_eval_count":%d,%b"prompt_eval_duration":1,"eval_count":%d,"eval_duration":1}'
    ) % (reason.encode(), prompt, known, completion)


@dataclass(frozen=True)
class Case:
    recording: str
    texts: tuple[str, ...]
    end: bytes


CASES = [
    Case("chat_stream_usage", ("\n",) * 6, closing("length", 13, 6)),
    Case("chat_eos_stream", (), closing("stop", 13, 1)),
    Case(
        "stream_force_usage_interval2_dummy",
        ("boot", " against BASIS", " against BASIS"),
        closing("length", 10, 5),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.recording)
class TestACompleteStream:
    async def test_chat_streamed(self, scripted, adapter, case: Case):
        scripted.play = plays.recorded(case.recording)
        reply = await adapter.post("/api/chat", CHAT)
        assert reply.status == 200
        assert reply.headers["content-type"] == "application/x-ndjson"
        last = HEAD + b'"message":{"role":"assistant","content":""},' + case.end + b"\n"
        assert [masked(chunk) for chunk in reply.chunks] == [*map(chat_line, case.texts), last]

    async def test_generate_streamed(self, scripted, adapter, case: Case):
        scripted.play = plays.recorded(case.recording)
        reply = await adapter.post("/api/generate", GENERATE)
        assert reply.headers["content-type"] == "application/x-ndjson"
        last = HEAD + b'"response":"",' + case.end + b"\n"
        assert [masked(chunk) for chunk in reply.chunks] == [*map(generate_line, case.texts), last]

    async def test_chat_as_one_object(self, scripted, adapter, case: Case):
        scripted.play = plays.recorded(case.recording)
        reply = await adapter.post("/api/chat", CHAT | {"stream": False})
        assert reply.status == 200
        assert reply.headers["content-type"].startswith("application/json")
        assert "content-length" in reply.headers
        text = json.dumps("".join(case.texts)).encode()
        whole = HEAD + b'"message":{"role":"assistant","content":' + text + b"}," + case.end
        assert masked(reply.body) == whole

    async def test_generate_as_one_object(self, scripted, adapter, case: Case):
        scripted.play = plays.recorded(case.recording)
        reply = await adapter.post("/api/generate", GENERATE | {"stream": False})
        text = json.dumps("".join(case.texts)).encode()
        assert masked(reply.body) == HEAD + b'"response":' + text + b"," + case.end


@pytest.mark.parametrize("stream", [True, False])
async def test_durations_are_those_that_vllm_measured(scripted, adapter, stream: bool):
    scripted.play = plays.recorded("q3_reason_stream")
    reply = await adapter.post("/api/chat", CHAT | {"stream": stream})
    last = json.loads(reply.chunks[-1])
    assert last["load_duration"] == round(0.00883300003806653e6)
    assert last["prompt_eval_duration"] == round((2.055274999975154 - 0.00883300003806653) * 1e6)
    assert last["eval_duration"] == round(4.851481000059721e6)
    assert (last["prompt_eval_count"], last["eval_count"]) == (13, 4)
    assert last["prompt_eval_cached_count"] == 0
    assert last["total_duration"] > 0


async def test_durations_add_up_by_the_adapters_own_clock(scripted, adapter):
    scripted.play = plays.slow("chat_stream_usage", 0.02)
    last = (await adapter.post("/api/chat", CHAT)).lines[-1]
    parts = last["load_duration"] + last["prompt_eval_duration"] + last["eval_duration"]
    assert 0.16e9 <= last["total_duration"] < 5e9
    assert parts <= last["total_duration"]
    assert last["eval_duration"] >= 0.08e9


async def test_the_engine_is_not_known_to_the_client(scripted, adapter):
    """Ids, models and fingerprints of vLLM stay inside."""
    scripted.play = plays.recorded("chat_stream_usage")
    body = (await adapter.post("/api/chat", CHAT)).body
    assert b"chatcmpl" not in body
    assert b"fingerprint" not in body
    assert b"null" not in body


async def test_text_that_looks_like_an_event_stays_text(scripted, adapter):
    texts = ['"}}]}', 'data: {"error":{"message":"x"}}\n\n', "data: [DONE]\n\n", "\\", '\\"', "{}"]
    scripted.play = plays.stream(words.answer("first", *texts))
    lines = (await adapter.post("/api/chat", CHAT)).lines
    assert [line["message"]["content"] for line in lines] == ["first", *texts, ""]
    assert lines[-1]["done"] is True


async def test_line_separators_are_escaped(scripted, adapter):
    """Clients that split lines as str.splitlines does would break on them."""
    texts = ("a\u2028b", "c\u2029d", "e\x85f", "😀é")
    scripted.play = plays.stream(words.answer("first", *texts))
    reply = await adapter.post("/api/chat", CHAT)
    assert len(reply.text.splitlines()) == len(texts) + 2
    assert [line["message"]["content"] for line in reply.lines] == ["first", *texts, ""]
    whole = await adapter.post("/api/chat", CHAT | {"stream": False})
    assert len(whole.text.splitlines()) == 1
    assert whole.json["message"]["content"] == "first" + "".join(texts)


async def test_a_token_without_text_makes_no_line(scripted, adapter):
    events = words.answer("a", "b")
    scripted.play = plays.stream([*events[:2], words.text(""), *events[2:]])
    contents = [
        line["message"]["content"] for line in (await adapter.post("/api/chat", CHAT)).lines
    ]
    assert contents == ["a", "b", ""]


async def test_every_reason_to_end_has_ollamas_name(scripted, adapter):
    for reason, expected in {
        "stop": "stop",
        "length": "length",
        "tool_calls": "stop",
        "repetition": "stop",
    }.items():
        events = [words.role(), words.text("a"), words.finish(reason), words.usage(7, 3)]
        scripted.play = plays.stream([*events, words.DONE])
        last = (await adapter.post("/api/chat", CHAT)).lines[-1]
        assert (last["done"], last["done_reason"]) == (True, expected)


async def test_a_long_answer_is_whole(scripted, adapter):
    texts = [f"{number} " for number in range(3000)]
    scripted.play = plays.stream(words.answer(*texts, counts=(7, 3001)))
    lines = (await adapter.post("/api/chat", CHAT)).lines
    assert [line["message"]["content"] for line in lines] == [*texts, ""]
    assert lines[-1]["eval_count"] == 3001


async def test_a_very_long_event_is_whole(scripted, adapter):
    text = "x" * 1_000_000
    scripted.play = plays.stream(words.answer(text))
    assert (await adapter.post("/api/chat", CHAT)).lines[0]["message"]["content"] == text


async def test_comments_and_foreign_fields_are_skipped(scripted, adapter):
    noise = [b": keep-alive\n\n", b"event: ping\n\n", b"id: 7\nretry: 10\n\n", b"\n\n"]
    events = words.answer("a", "b")
    scripted.play = plays.stream([*noise, events[0], *noise, *events[1:3], *noise, *events[3:]])
    lines = (await adapter.post("/api/chat", CHAT)).lines
    assert [line["message"]["content"] for line in lines] == ["a", "b", ""]


async def test_the_recorded_logprobs_stream_reads_as_text(scripted, adapter):
    scripted.play = plays.recorded("chat_logprobs_stream")
    lines = (await adapter.post("/api/chat", CHAT)).lines
    events = [json.loads(event[6:]) for event in recording("chat_logprobs_stream").events[:-1]]
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    texts = [delta["content"] for delta in deltas if delta.get("content")]
    assert [line["message"]["content"] for line in lines] == [*texts, ""]
