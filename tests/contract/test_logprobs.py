"""logprobs and top_logprobs, of chats and of completions."""

import json

import pytest

from tests.support import plays
from tests.support.masks import masked
from tests.support.recordings import recording

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hello there"}]}
RAW = {"model": "tiny-chat", "prompt": "hello there", "raw": True}
HEAD = b'{"model":"tiny-chat","created_at":"T",'


def recorded_rows() -> list[dict]:
    """The tokens of the recording as Ollama has them."""
    events = [json.loads(event[6:]) for event in recording("chat_logprobs_stream").events[:-1]]
    choices = [choice for event in events for choice in event["choices"]]
    found = [choice["logprobs"]["content"] for choice in choices if choice["logprobs"]]
    return [row for rows in found for row in rows]


@pytest.mark.parametrize(
    ("top", "sent"), [({}, 0), ({"top_logprobs": 0}, 0), ({"top_logprobs": 3}, 3)]
)
async def test_what_vllm_is_asked(scripted, adapter, top, sent: int):
    await adapter.post("/api/chat", CHAT | {"logprobs": True} | top)
    await adapter.post("/api/generate", RAW | {"logprobs": True} | top)
    chat, raw = scripted.bodies
    assert (chat["logprobs"], chat["top_logprobs"]) == (True, sent)
    assert raw["logprobs"] == sent
    assert type(raw["logprobs"]) is int
    assert "top_logprobs" not in raw


@pytest.mark.parametrize("fields", [{}, {"logprobs": False}, {"top_logprobs": 3}])
async def test_without_logprobs_the_number_does_nothing(scripted, adapter, fields):
    for path, body in (("/api/chat", CHAT), ("/api/generate", RAW)):
        reply = await adapter.post(path, body | fields)
        assert "logprobs" not in reply.text
    assert all(not {"logprobs", "top_logprobs"} & body.keys() for body in scripted.bodies)


@pytest.mark.parametrize("number", [-1, 21])
async def test_a_number_out_of_range(scripted, adapter, number: int):
    for path in ("/api/chat", "/api/generate"):
        reply = await adapter.post(path, {"model": "nobody", "top_logprobs": number})
        assert reply.status == 400
        assert reply.json == {"error": "top_logprobs must be between 0 and 20"}


async def test_recorded_rows_line_by_line(scripted, adapter):
    scripted.play = plays.recorded("chat_logprobs_stream")
    reply = await adapter.post("/api/chat", CHAT | {"logprobs": True, "top_logprobs": 2})
    rows = recorded_rows()
    assert len(rows) == 6
    *lines, last = [masked(chunk) for chunk in reply.chunks]
    before = HEAD + b'"message":{"role":"assistant","content":"\\n"},"done":false,"logprobs":['
    for line, row in zip(lines, rows, strict=True):
        assert line.startswith(before + b'{"token":"\\n","logprob":-')
        assert json.loads(line)["logprobs"] == [row]
        assert list(json.loads(line)["logprobs"][0]) == [
            "token",
            "logprob",
            "bytes",
            "top_logprobs",
        ]
    assert b"logprobs" not in last


@pytest.mark.parametrize("top", [0, 1, 2])
async def test_recorded_rows_as_one_object(scripted, adapter, top: int):
    scripted.play = plays.recorded("chat_logprobs_stream")
    body = CHAT | {"logprobs": True, "top_logprobs": top, "stream": False}
    reply = await adapter.post("/api/chat", body)
    expected = []
    for row in recorded_rows():
        bare = {key: row[key] for key in ("token", "logprob", "bytes")}
        expected.append(bare | ({"top_logprobs": row["top_logprobs"][:top]} if top else {}))
    assert reply.json["logprobs"] == expected
    keys = list(reply.json)
    assert keys.index("logprobs") == keys.index("done_reason") + 1
    assert keys[-1] == "eval_duration"


async def test_generate_has_them_at_the_end(scripted, adapter):
    scripted.play = plays.recorded("chat_logprobs_stream")
    body = {"model": "tiny-chat", "prompt": "hi", "logprobs": True, "stream": False}
    assert list((await adapter.post("/api/generate", body)).json)[-1] == "logprobs"


def completion_event(text: str, finish: str | None = None, **logprobs: object) -> bytes:
    choice = {"index": 0, "text": text, "logprobs": logprobs or None, "finish_reason": finish}
    value = {"id": "cmpl-1", "object": "text_completion", "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


async def test_the_form_of_completions(scripted, adapter):
    """vLLM adds the chosen token to the likeliest: one more than asked for, in no order."""
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":2}}\n\n'
    scripted.play = plays.stream(
        [
            completion_event(
                "é",
                tokens=["é"],
                token_logprobs=[-3],
                top_logprobs=[{"é": -3, "b": -0.5}],
                text_offset=[0],
            ),
            completion_event(
                "", "stop", tokens=["</s>"], token_logprobs=[-1.5], top_logprobs=[{"</s>": -1.5}]
            ),
            usage,
            b"data: [DONE]\n\n",
        ]
    )
    reply = await adapter.post("/api/generate", RAW | {"logprobs": True, "top_logprobs": 1})
    first, last = reply.lines
    assert first["logprobs"] == [
        {
            "token": "é",
            "logprob": -3.0,
            "bytes": [195, 169],
            "top_logprobs": [{"token": "b", "logprob": -0.5, "bytes": [98]}],
        }
    ]
    assert [row["token"] for row in last["logprobs"]] == ["</s>"]
    assert last["eval_count"] == 2


async def test_rows_that_are_none_break_the_stream(scripted, adapter):
    scripted.play = plays.stream([completion_event("a", tokens=["a"], token_logprobs=["x"])])
    reply = await adapter.post("/api/generate", RAW | {"logprobs": True, "stream": False})
    assert reply.status == 500
    assert reply.json["error"].endswith("the engine sent a malformed event")
