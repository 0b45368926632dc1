"""`think`, in all its values: what vLLM is asked, and what is shown of its reasoning."""

import pytest

from tests.support import plays
from tests.support.masks import masked
from tests.support.recordings import recording
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import serving
from tests.support.words import words

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hello there"}]}
GENERATE = {"model": "tiny-chat", "prompt": "hello there"}
HEAD = b'{"model":"tiny-chat","created_at":"T",'
ON, OFF = ({"enable_thinking": on, "thinking": on} for on in (True, False))
END = (
    b'"done":true,"done_reason":"length","total_duration":1,"load_duration":1,'
    b'"prompt_eval_count":13,"prompt_eval_cached_count":0,"prompt_eval_duration":1,'
    b'"eval_count":4,"eval_duration":1}'
)


@pytest.fixture
async def scripted():
    server = ScriptedVLLM(words, abilities=frozenset({"thinking"}))
    await server.up()
    yield server
    await server.down()


VALUES = [
    (b"", None, ON),
    (b',"think":null', None, ON),
    (b',"think":true', None, ON),
    (b',"think":false', None, OFF),
    (b',"think":"low"', "low", ON),
    (b',"think":"medium"', "medium", ON),
    (b',"think":"high"', "high", ON),
    (b',"think":"max"', "max", ON),
]


@pytest.mark.parametrize(("field", "effort", "switch"), VALUES)
async def test_what_vllm_is_told(scripted, adapter, field: bytes, effort, switch):
    turns = b'{"model":"tiny-chat","messages":[{"role":"user","content":"hi"}]%b}' % field
    prompt = b'{"model":"tiny-chat","prompt":"hi"%b}' % field
    for path, body in (("/api/chat", turns), ("/api/generate", prompt)):
        assert (await adapter.post(path, body)).status == 200
    for sent in scripted.bodies:
        assert sent["chat_template_kwargs"] == switch
        assert sent.get("reasoning_effort") == effort


async def test_earlier_thoughts_are_not_sent(scripted, adapter):
    turn = {"role": "assistant", "content": "yes", "thinking": "hm"}
    messages = [*CHAT["messages"], turn, *CHAT["messages"]]
    await adapter.post("/api/chat", CHAT | {"messages": messages})
    assert scripted.bodies[0]["messages"][1] == {"role": "assistant", "content": "yes"}


def thoughts(name: str) -> list[bytes]:
    """The recorded reasoning as JSON strings."""
    events = recording(name).events
    found = [event.partition(b'"reasoning":')[2].partition(b"}")[0] for event in events]
    return [text for text in found if text]


async def test_recorded_reasoning_streamed(scripted, adapter):
    scripted.play = plays.recorded("q3_reason_stream")
    texts = thoughts("q3_reason_stream")
    assert len(texts) == 4
    chat = [
        HEAD + b'"message":{"role":"assistant","content":"","thinking":%b},"done":false}\n' % text
        for text in texts
    ]
    chat.append(HEAD + b'"message":{"role":"assistant","content":""},' + END + b"\n")
    reply = await adapter.post("/api/chat", CHAT | {"think": True})
    assert [masked(chunk) for chunk in reply.chunks] == chat
    generate = [HEAD + b'"response":"","thinking":%b,"done":false}\n' % text for text in texts]
    generate.append(HEAD + b'"response":"",' + END + b"\n")
    reply = await adapter.post("/api/generate", GENERATE)
    assert [masked(chunk) for chunk in reply.chunks] == generate


async def test_recorded_reasoning_as_one_object(scripted, adapter):
    scripted.play = plays.recorded("q3_reason_stream")
    text = b'"%b"' % b"".join(text[1:-1] for text in thoughts("q3_reason_stream"))
    reply = await adapter.post("/api/chat", CHAT | {"stream": False})
    message = b'"message":{"role":"assistant","content":"","thinking":%b},' % text
    assert masked(reply.body) == HEAD + message + END
    reply = await adapter.post("/api/generate", GENERATE | {"stream": False})
    assert masked(reply.body) == HEAD + b'"response":"","thinking":%b,' % text + END


@pytest.mark.parametrize("stream", [True, False])
async def test_reasoning_comes_before_the_answer(scripted, adapter, stream: bool):
    scripted.play = plays.recorded("q3_reason_end_stream")
    reply = await adapter.post("/api/chat", CHAT | {"stream": stream})
    lines = reply.lines if stream else [reply.json]
    kinds = ["thinking" if "thinking" in line["message"] else "content" for line in lines[:-1]]
    assert kinds == sorted(kinds, reverse=True)
    assert (
        all(line["message"]["content"] == "" for line in lines if "thinking" in line["message"])
        or not stream
    )
    assert "".join(line["message"].get("thinking", "") for line in lines)
    assert "".join(line["message"]["content"] for line in lines)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
async def test_thinking_switched_off_is_not_shown(scripted, adapter, path: str, stream: bool):
    """Even if a model does not care for the switch."""
    scripted.play = plays.recorded("q3_reason_end_stream")
    reply = await adapter.post(path, CHAT | GENERATE | {"think": False, "stream": stream})
    assert "thinking" not in reply.text
    last = reply.lines[-1] if stream else reply.json
    assert last["eval_count"] == 30


@pytest.mark.parametrize("think", [True, "low", "max"])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
async def test_a_model_that_cannot_think(scripted, path: str, think):
    scripted.abilities = frozenset()
    async with serving(scripted.url) as adapter:
        await adapter.until_ready()
        reply = await adapter.post(path, CHAT | GENERATE | {"think": think})
        assert reply.status == 400
        assert reply.json == {"error": '"tiny-chat" does not support thinking'}
        for harmless in (False, None):
            body = CHAT | GENERATE | {"think": harmless}
            assert (await adapter.post(path, body)).status == 200
    assert all("chat_template_kwargs" not in body for body in scripted.bodies)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            b'"deeply"',
            'invalid think value: "deeply" '
            '(must be "high", "medium", "low", "max", true, or false)',
        ),
        (b"5", "think must be a boolean or string (high, medium, low, max, true, or false)"),
    ],
)
async def test_what_is_no_way_to_think(scripted, adapter, value: bytes, text: str):
    reply = await adapter.post("/api/chat", b'{"model":"tiny-chat","think":%b}' % value)
    assert (reply.status, reply.json) == (400, {"error": text})
