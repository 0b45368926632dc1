"""A trailing assistant turn is the beginning of the answer."""

import pytest

from tests.support import plays
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.words import words

BEGUN = [{"role": "user", "content": "count"}, {"role": "assistant", "content": "one, "}]


@pytest.fixture
async def scripted():
    server = ScriptedVLLM(words, abilities=frozenset({"thinking", "tools"}))
    await server.up()
    yield server
    await server.down()


async def body_for(scripted, adapter, messages: list[dict], **fields: object) -> dict:
    reply = await adapter.post("/api/chat", {"model": "tiny-chat", "messages": messages, **fields})
    assert reply.status == 200, reply.text
    return scripted.bodies[-1]


async def test_it_is_gone_on_with(scripted, adapter):
    body = await body_for(scripted, adapter, BEGUN)
    assert body == {
        "model": "tiny-chat",
        "messages": BEGUN,
        "stream": True,
        "stream_options": {"include_usage": True},
        "add_generation_prompt": False,
        "continue_final_message": True,
        "chat_template_kwargs": {"enable_thinking": False, "thinking": False},
    }


async def test_thinking_first_is_possible_where_it_is_wanted(scripted, adapter):
    body = await body_for(scripted, adapter, BEGUN, think=True)
    assert body["chat_template_kwargs"] == {"enable_thinking": True, "thinking": True}
    assert body["continue_final_message"] is True


@pytest.mark.parametrize(
    "last",
    [
        {"role": "user", "content": "and?"},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": "x", "tool_calls": [{"function": {"name": "f"}}]},
        {"role": "tool", "content": "5"},
    ],
)
async def test_what_is_no_begun_answer(scripted, adapter, last: dict):
    body = await body_for(scripted, adapter, [*BEGUN, last])
    assert not {"add_generation_prompt", "continue_final_message"} & body.keys()


async def test_the_answer_holds_what_follows(scripted, adapter):
    """As vLLM was recorded."""
    scripted.play = plays.recorded("chat_stream_usage")
    reply = await adapter.post(
        "/api/chat", {"model": "tiny-chat", "messages": BEGUN, "stream": False}
    )
    assert reply.json["message"] == {"role": "assistant", "content": "\n" * 6}
