"""What makes sense with random weights: the names are those that applications ask for."""

import pytest
from langchain_community.chat_models import ChatOllama
from langchain_community.embeddings import OllamaEmbeddings
from langchain_community.llms import Ollama
from langchain_core.vectorstores import InMemoryVectorStore

pytestmark = pytest.mark.filterwarnings("ignore:The class .* was deprecated")
SHORT = {"temperature": 0, "num_predict": 8}


def test_generate(host):
    llm = Ollama(model="llama3.2", base_url=host, **SHORT)
    [[generation]] = llm.generate(["hello there"]).generations
    assert generation.text
    assert generation.generation_info["eval_count"] == 8
    assert generation.generation_info["done_reason"] == "length"
    assert "".join(llm.stream("hello there")) == generation.text


def test_an_answer_that_may_have_the_whole_window(host):
    """num_predict is the most: the engine ends where its window does."""
    llm = Ollama(model="llama3.2:latest", base_url=host, temperature=0, num_predict=4096)
    [[generation]] = llm.generate(["hello there"], stop=list("aeiou ")).generations
    assert generation.generation_info["done_reason"] == "stop"


def test_chat(host):
    chat = ChatOllama(model="llama3.2", base_url=host, **SHORT)
    reply = chat.invoke("hello there")
    assert reply.response_metadata["eval_count"] == 8
    assert "".join(chunk.content for chunk in chat.stream("hello there")) == reply.content


async def test_many_at_once(host):
    llm = Ollama(model="llama3.2", base_url=host, **SHORT)
    assert len({*await llm.abatch(["hello there"] * 8)}) == 1


def test_leaving_a_stream(host):
    llm = Ollama(model="llama3.2", base_url=host, temperature=0, num_predict=2000)
    assert next(iter(llm.stream("hello there"))) is not None
    assert Ollama(model="llama3.2", base_url=host, **SHORT).invoke("hello there")


def test_documents_are_found(host):
    embedder = OllamaEmbeddings(model="nomic-embed-text", base_url=host)
    assert len(embedder.embed_query("cats")) == 64
    store = InMemoryVectorStore(OllamaEmbeddings(model="nomic-embed-text", base_url=host))
    store.add_texts(["Cats eat fish at noon.", "Dogs bark at night."])
    assert len(store.as_retriever().invoke("Cats eat fish at noon.")) == 2
