"""ollama 0.4.4 and langchain_ollama 0.2.0 drop what they don't know: the text has the sources."""

import ollama
import pytest
from langchain_ollama import ChatOllama, OllamaLLM

TURNS = [{"role": "user", "content": "When do cats eat?"}]
ANSWER = "Hello <b>\n\nConsulted, not cited:\n[1] cats.md, Cats\n[2] cats.md, Cats > Food"


@pytest.fixture
def client(host):
    return ollama.Client(host=host)


def test_chat(client):
    reply = client.chat("chatqna", TURNS)
    assert reply.message.content == ANSWER
    assert reply.done_reason == "stop"
    parts = list(client.chat("chatqna:latest", TURNS, stream=True))
    assert "".join(part.message.content for part in parts) == ANSWER


def test_it_is_a_model_like_others(client):
    assert "chatqna:latest" in [model.model for model in client.list().models]
    assert client.show("chatqna").details


def test_langchain(host):
    model = ChatOllama(model="chatqna", base_url=host)
    assert model.invoke("When do cats eat?").content == ANSWER
    assert "".join(chunk.content for chunk in model.stream("When do cats eat?")) == ANSWER
    assert OllamaLLM(model="chatqna", base_url=host).invoke("When do cats eat?") == ANSWER


async def test_with_asyncio(host):
    client = ollama.AsyncClient(host=host)
    slow = await client.chat("chatqna", [{"role": "user", "content": "SLOW"}], stream=True)
    assert (await anext(slow)).message.content == "Hello"
    await slow.aclose()
    assert (await client.generate("chatqna", "When do cats eat?")).response == ANSWER


def test_a_broken_stream_raises(client):
    with pytest.raises(ollama.ResponseError, match="an error was encountered"):
        list(client.chat("chatqna", [{"role": "user", "content": "MIDERR"}], stream=True))
