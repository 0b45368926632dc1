"""litellm's two providers for Ollama. Requests carry no Content-Type; show asks by `name`."""

import json

import litellm
import pytest

TURNS = [{"role": "user", "content": "hi"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
both = pytest.mark.parametrize("provider", ["ollama", "ollama_chat"])


def ask(host, provider, turns=TURNS, model="llama3.1", **more):
    return litellm.completion(f"{provider}/{model}", turns, api_base=host, **more)


@both
def test_chat(host, provider):
    reply = ask(host, provider, temperature=0.1, max_tokens=5)
    assert reply.choices[0].message.content == "Hello <b>"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (7, 3)


@both
def test_chat_streamed(host, provider):
    parts = list(ask(host, provider, stream=True))
    texts = [part.choices[0].delta.content or "" for part in parts]
    assert "".join(texts) == "Hello <b>"


@both
async def test_asyncio(host, provider):
    reply = await litellm.acompletion(f"{provider}/llama3.1", TURNS, api_base=host)
    assert reply.choices[0].message.content == "Hello <b>"


def test_a_tool_and_its_result(host):
    turns = [{"role": "user", "content": "Weather in Paris?"}]
    reply = ask(host, "ollama_chat", turns, tools=[WEATHER])
    [call] = reply.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    after = ask(
        host,
        "ollama_chat",
        [*turns, reply.choices[0].message.model_dump(), result],
        tools=[WEATHER],
    )
    assert after.choices[0].message.content == "Hello <b>"


def test_formats(host):
    turns = [{"role": "user", "content": "Reply as JSON with 'name'."}]
    reply = ask(host, "ollama_chat", turns, response_format={"type": "json_object"})
    assert json.loads(reply.choices[0].message.content) == {"name": "text"}


def test_thinking(host):
    reply = ask(host, "ollama_chat", model="deepseek-r1:1.5b", reasoning_effort="high")
    assert reply.choices[0].message.content == "Hello <b>"
    assert reply.choices[0].message.reasoning_content == "hmm ok"


def test_a_picture(host, picture):
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    turns = [{"role": "user", "content": [{"type": "text", "text": "what"}, url]}]
    reply = ask(host, "ollama_chat", turns)
    assert reply.choices[0].message.content == "Hello <b>"


def test_embeddings(host):
    reply = litellm.embedding("ollama/nomic-embed-text", input=["a", "b"], api_base=host)
    assert [len(row["embedding"]) for row in reply.data] == [4, 4]


@both
def test_an_unknown_model(host, provider):
    with pytest.raises(Exception, match="model 'nope' not found"):
        ask(host, provider, model="nope")
