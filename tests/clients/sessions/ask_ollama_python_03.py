"""ollama 0.3.0, whose answers are dictionaries, asks the pipeline as if it were a model."""

import ollama
import pytest

TURNS = [{"role": "user", "content": "When do cats eat?"}]
ANSWER = "Hello <b>\n\nConsulted, not cited:\n[1] cats.md, Cats\n[2] cats.md, Cats > Food"


@pytest.fixture
def client(host):
    return ollama.Client(host=host)


def test_chat(client):
    reply = client.chat("chatqna", TURNS)
    assert reply["message"]["content"] == ANSWER
    assert reply["sources"][1]["quote"] == "Cats eat fish at noon."
    parts = list(client.chat("chatqna:latest", TURNS, stream=True))
    assert "".join(part["message"]["content"] for part in parts) == ANSWER
    assert parts[-1]["sources"][0]["file"] == "cats.md"


def test_generate(client):
    assert client.generate("chatqna", TURNS[0]["content"])["response"] == ANSWER


def test_it_is_a_model_like_others(client):
    assert "chatqna:latest" in [model["name"] for model in client.list()["models"]]
    assert client.show("chatqna")["details"]


def test_a_broken_stream_raises(client):
    with pytest.raises(ollama.ResponseError, match="an error was encountered"):
        list(client.chat("chatqna", [{"role": "user", "content": "MIDERR"}], stream=True))
