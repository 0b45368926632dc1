"""OpenAI's and Anthropic's clients for Python, on /v1 of the same port."""

import json

import anthropic
import openai
import pytest
from pydantic import BaseModel

TURNS = [{"role": "user", "content": "hi"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


class City(BaseModel):
    name: str
    population: int


@pytest.fixture
def client(v1):
    with openai.OpenAI(base_url=v1, api_key="ollama", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(host):
    with anthropic.Anthropic(base_url=host, api_key="ollama", max_retries=0) as client:
        yield client


def test_models(client):
    names = {model.id for model in client.models.list()}
    assert {"llama3.1:latest", "nomic-embed-text:latest", "gpt-oss:20b"} <= names
    assert client.models.retrieve("llama3.1").id == "llama3.1"


def test_chat(client):
    reply = client.chat.completions.create(model="llama3.1", messages=TURNS, temperature=0.1)
    assert reply.choices[0].message.content == "Hello <b>"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == "llama3.1"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (7, 3)


def test_chat_streamed(client):
    usage = {"include_usage": True}
    parts = list(
        client.chat.completions.create(
            model="llama3.1", messages=TURNS, stream=True, stream_options=usage
        )
    )
    texts = [part.choices[0].delta.content or "" for part in parts if part.choices]
    assert "".join(texts) == "Hello <b>"
    assert parts[-1].usage.completion_tokens == 3
    assert {part.model for part in parts} == {"llama3.1"}


def test_tools_and_their_results(client):
    turns = [{"role": "user", "content": "Weather in Paris?"}]
    reply = client.chat.completions.create(model="llama3.1", messages=turns, tools=[WEATHER])
    [call] = reply.choices[0].message.tool_calls
    assert reply.choices[0].finish_reason == "tool_calls"
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather",
        {"city": "Paris"},
    )
    turns += [
        reply.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    after = client.chat.completions.create(model="llama3.1", messages=turns, tools=[WEATHER])
    assert after.choices[0].message.content == "Hello <b>"


def test_tools_streamed(client):
    with client.chat.completions.stream(
        model="llama3.1",
        messages=[{"role": "user", "content": "Weather in Paris?"}],
        tools=[WEATHER],
    ) as stream:
        final = stream.get_final_completion()
    [call] = final.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Paris"}


def test_a_schema(client):
    turns = [{"role": "user", "content": "How many live in Paris? 2 million."}]
    reply = client.chat.completions.parse(model="llama3.1", messages=turns, response_format=City)
    assert reply.choices[0].message.parsed == City(name="Paris", population=2)


def test_a_picture(client, picture):
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    turns = [{"role": "user", "content": [{"type": "text", "text": "what"}, url]}]
    reply = client.chat.completions.create(model="llama3.1", messages=turns)
    assert reply.choices[0].message.content == "Hello <b>"


def test_reasoning_effort(client):
    reply = client.chat.completions.create(
        model="deepseek-r1:1.5b", messages=TURNS, reasoning_effort="high"
    )
    assert reply.choices[0].message.content == "Hello <b>"


def test_completions(client):
    reply = client.completions.create(model="llama3.1", prompt="hi")
    assert reply.choices[0].text == "Hello <b>"
    parts = list(client.completions.create(model="llama3.1", prompt="hi", stream=True))
    texts = (part.choices[0].text for part in parts if part.choices)
    assert "".join(texts) == "Hello <b>"


def test_embeddings(client):
    reply = client.embeddings.create(model="nomic-embed-text", input=["a", "b"])
    assert [len(row.embedding) for row in reply.data] == [4, 4]
    assert reply.model == "nomic-embed-text"
    floats = client.embeddings.create(model="nomic-embed-text", input="a", encoding_format="float")
    assert floats.data[0].embedding == pytest.approx(reply.data[0].embedding)


def test_responses(client):
    reply = client.responses.create(model="llama3.1", input="Hi", max_output_tokens=6)
    assert reply.output_text == "\n" * 6
    assert reply.model == "llama3.1"


def test_responses_streamed(client):
    events = list(client.responses.create(model="llama3.1", input="Hi", stream=True))
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert events[-1].response.model == "llama3.1"


def test_an_unknown_model(client):
    for call in (client.chat.completions.create, client.responses.create):
        messages = {"messages": TURNS} if call == client.chat.completions.create else {"input": "x"}
        with pytest.raises(openai.NotFoundError, match="model 'nope' not found"):
            call(model="nope", **messages)
    with pytest.raises(openai.NotFoundError, match="not found"):
        client.embeddings.create(model="nope", input="a")
    with pytest.raises(openai.NotFoundError, match="model 'nope:latest' not found"):
        client.models.retrieve("nope")


def test_a_bad_request(client):
    with pytest.raises(openai.BadRequestError, match=r"\[\] is too short - 'messages'"):
        client.chat.completions.create(model="llama3.1", messages=[])


def test_a_context_too_long(client):
    with pytest.raises(openai.BadRequestError, match="context length"):
        client.chat.completions.create(
            model="llama3.1", messages=[{"role": "user", "content": "ERR400"}], stream=True
        )


@pytest.mark.parametrize("word", ["MIDERR", "DIE"])
def test_a_broken_stream_raises(client, word):
    turns = [{"role": "user", "content": word}]
    with pytest.raises(openai.APIError, match="an error was encountered"):
        list(client.chat.completions.create(model="llama3.1", messages=turns, stream=True))


async def test_the_client_for_asyncio(v1):
    async with openai.AsyncOpenAI(base_url=v1, api_key="ollama") as client:
        stream = await client.chat.completions.create(model="llama3.1", messages=TURNS, stream=True)
        texts = [p.choices[0].delta.content or "" async for p in stream if p.choices]
    assert "".join(texts) == "Hello <b>"


def test_messages(claude):
    reply = claude.messages.create(model="llama3.1", max_tokens=6, messages=TURNS)
    assert reply.content[0].text == "\n" * 6
    assert (reply.model, reply.stop_reason) == ("llama3.1", "max_tokens")
    assert reply.usage.output_tokens == 6


def test_messages_streamed(claude):
    with claude.messages.stream(model="llama3.1", max_tokens=3, messages=TURNS) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == "\n" * 3
    assert final.model == "llama3.1"


def test_count_tokens(claude):
    assert claude.messages.count_tokens(model="llama3.1", messages=TURNS).input_tokens == 13


def test_messages_of_an_unknown_model(claude):
    with pytest.raises(anthropic.NotFoundError, match="model 'nope' not found") as raised:
        claude.messages.create(model="nope", max_tokens=6, messages=TURNS)
    assert raised.value.body["error"]["type"] == "not_found_error"


def test_messages_that_are_none(claude):
    with pytest.raises(anthropic.BadRequestError, match="messages is required"):
        claude.messages.create(model="llama3.1", max_tokens=6, messages=[])
