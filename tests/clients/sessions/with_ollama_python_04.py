"""ollama 0.4.4, the first with typed answers, and langchain_ollama 0.2.0 on top of it."""

import base64
import json

import ollama
import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM

TURNS = [{"role": "user", "content": "hi"}]
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def get_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: its name
    """
    return f"sunny in {city}"


@pytest.fixture
def client(host):
    return ollama.Client(host=host)


@pytest.fixture
def model(host):
    return ChatOllama(model="llama3.1", base_url=host, temperature=0.1)


def test_chat(client):
    reply = client.chat("llama3.1", TURNS)
    assert reply.message.content == reply["message"]["content"] == "Hello <b>"
    assert (reply.done, reply.done_reason, reply.eval_count) == (True, "stop", 3)
    parts = list(client.chat("llama3.1", TURNS, stream=True))
    assert [part.message.content for part in parts] == ["Hello", " <b>", ""]


def test_generate(client):
    reply = client.generate("llama3.1", "hi")
    assert reply.response == "Hello <b>"
    assert reply.context
    parts = list(client.generate("llama3.1", "hi", context=reply.context, stream=True))
    assert "".join(part.response for part in parts) == "Hello <b>"


def test_a_function(client):
    turns = [{"role": "user", "content": "Weather in Paris?"}]
    reply = client.chat("llama3.1", turns, tools=[get_weather])
    [call] = reply.message.tool_calls
    result = get_weather(**call.function.arguments)
    assert result == "sunny in Paris"
    turns += [reply.message, {"role": "tool", "content": result}]
    assert client.chat("llama3.1", turns, tools=[get_weather]).message.content == "Hello <b>"


@pytest.mark.parametrize("how", ["", "json", SCHEMA])
def test_format(client, how):
    turns = [{"role": "user", "content": "A name in JSON: 'Ada'"}]
    content = client.chat("llama3.1", turns, format=how).message.content
    assert json.loads(content) == {"name": "Ada"} if how == SCHEMA else content


def test_pictures(client, picture):
    turn = {"role": "user", "content": "what", "images": [base64.b64decode(picture)]}
    assert client.chat("llama3.1", [turn]).message.content == "Hello <b>"
    assert client.generate("llama3.1", "what", images=[picture]).response == "Hello <b>"


def test_embeddings(client):
    assert list(client.embeddings("nomic-embed-text", "a").embedding) == pytest.approx([3, 4, 0, 0])
    reply = client.embed("nomic-embed-text", ["a", "b"])
    assert [len(vector) for vector in reply.embeddings] == [4, 4]


def test_list_show_ps(client):
    listed = client.list().models
    assert {"llama3.1:latest"} <= {model.model for model in listed}
    assert all(model.digest and model.modified_at and model.details for model in listed)
    shown = client.show("llama3.1")
    assert shown.details
    assert shown.modelinfo
    client.generate("llama3.1", "", keep_alive=60)
    assert "llama3.1:latest" in {model.model for model in client.ps().models}


def test_pull(client):
    assert client.pull("llama3.1").status == "success"
    assert list(client.pull("llama3.1", stream=True))[-1].status == "success"


def test_a_model_that_is_missing(client):
    for stream in (False, True):
        with pytest.raises(ollama.ResponseError) as raised:
            list(client.chat("nope", TURNS, stream=stream))
        assert (raised.value.status_code, raised.value.error) == (404, "model 'nope' not found")


@pytest.mark.parametrize("word", ["MIDERR", "DIE"])
def test_a_broken_stream_raises(client, model, word):
    with pytest.raises(ollama.ResponseError, match="an error was encountered"):
        list(client.chat("llama3.1", [{"role": "user", "content": word}], stream=True))
    with pytest.raises(ollama.ResponseError, match="an error was encountered"):
        model.invoke(word)


async def test_the_client_for_asyncio(host):
    client = ollama.AsyncClient(host=host)
    slow = await client.chat("llama3.1", [{"role": "user", "content": "SLOW"}], stream=True)
    assert (await anext(slow)).message.content == "Hello"
    await slow.aclose()
    assert (await client.generate("llama3.1", "hi")).response == "Hello <b>"


def test_langchain_chat(model):
    reply = model.invoke([SystemMessage("short"), HumanMessage("hi")])
    assert reply.content == "Hello <b>"
    assert reply.usage_metadata["output_tokens"] == 3
    assert reply.response_metadata["done_reason"] == "stop"
    assert [chunk.content for chunk in model.stream("hi")][:2] == ["Hello", " <b>"]


async def test_langchain_chat_with_asyncio(model):
    assert [reply.content for reply in await model.abatch(["hi"] * 4)] == ["Hello <b>"] * 4


def test_langchain_tools(model):
    [call] = model.bind_tools([get_weather]).invoke("Weather in Paris?").tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})


def test_langchain_generate(host):
    llm = OllamaLLM(model="llama3.1", base_url=host)
    assert llm.invoke("hi") == "Hello <b>"
    assert "".join(llm.stream("hi", stop=["END"])) == "Hello <b>"


def test_langchain_embeddings(host):
    embedder = OllamaEmbeddings(model="nomic-embed-text", base_url=host)
    assert embedder.embed_query("a") == pytest.approx([0.6, 0.8, 0, 0])
    assert [len(vector) for vector in embedder.embed_documents(["a", "b"])] == [4, 4]
