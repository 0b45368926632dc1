"""OpenAI's and Anthropic's clients with a real engine: dialects that vLLM speaks itself."""

import json

import anthropic
import openai
import pytest
from pydantic import BaseModel

MODEL = "tiny-chat"
TURNS = [{"role": "user", "content": "hello there"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris", "Oslo"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


class Answer(BaseModel):
    ok: bool


@pytest.fixture
def client(v1):
    with openai.OpenAI(base_url=v1, api_key="ollama", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(host):
    with anthropic.Anthropic(base_url=host, api_key="ollama", max_retries=0) as client:
        yield client


def test_chat_whole_and_streamed(client):
    ask = {"model": MODEL, "messages": TURNS, "max_tokens": 8, "temperature": 0}
    whole = client.chat.completions.create(**ask)
    assert whole.usage.completion_tokens == 8
    assert whole.choices[0].finish_reason == "length"
    usage = {"include_usage": True}
    parts = list(client.chat.completions.create(**ask, stream=True, stream_options=usage))
    texts = (part.choices[0].delta.content or "" for part in parts if part.choices)
    assert "".join(texts) == whole.choices[0].message.content
    assert parts[-1].usage.completion_tokens == 8


def test_several_choices(client):
    reply = client.chat.completions.create(model=MODEL, messages=TURNS, max_tokens=4, n=2)
    assert [choice.index for choice in reply.choices] == [0, 1]


def test_a_tool(client):
    reply = client.chat.completions.create(
        model=MODEL,
        messages=TURNS,
        tools=[WEATHER],
        tool_choice="required",
        parallel_tool_calls=False,
        max_tokens=1500,
        seed=1,
    )
    call = reply.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments)["city"] in ("Paris", "Oslo")


def test_a_schema(client):
    reply = client.chat.completions.parse(
        model=MODEL, messages=TURNS, response_format=Answer, max_tokens=1500, seed=1
    )
    assert isinstance(reply.choices[0].message.parsed, Answer)


def test_completions(client):
    reply = client.completions.create(model=MODEL, prompt="hello", max_tokens=4)
    assert reply.usage.completion_tokens == 4
    assert reply.model == MODEL


def test_responses(client):
    reply = client.responses.create(
        model=MODEL, input="hello", max_output_tokens=6, temperature=0, instructions="short"
    )
    assert (reply.status, reply.model) == ("incomplete", MODEL)
    assert reply.usage.output_tokens == 6
    events = list(
        client.responses.create(model=MODEL, input="hello", max_output_tokens=16, stream=True)
    )
    assert events[0].type == "response.created"
    assert events[-1].type in ("response.completed", "response.incomplete")


def test_messages(claude):
    ask = {"model": MODEL, "max_tokens": 6, "messages": TURNS, "system": "short"}
    ask["extra_body"] = {"temperature": 0}
    whole = claude.messages.create(**ask)
    assert (whole.stop_reason, whole.usage.output_tokens) == ("max_tokens", 6)
    with claude.messages.stream(**ask) as stream:
        assert "".join(stream.text_stream) == whole.content[0].text


def test_count_tokens(claude):
    count = claude.messages.count_tokens(model=MODEL, messages=TURNS)
    asked = claude.messages.create(model=MODEL, max_tokens=1, messages=TURNS)
    assert count.input_tokens == asked.usage.input_tokens


def test_a_context_too_long(client):
    turns = [{"role": "user", "content": "hello " * 9000}]
    with pytest.raises(openai.BadRequestError, match="context"):
        client.chat.completions.create(model=MODEL, messages=turns)
