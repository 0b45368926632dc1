"""langchain_community asks the pipeline as if it were a model; documents are there already."""

import pytest
from langchain_community.chat_models import ChatOllama
from langchain_community.embeddings import OllamaEmbeddings
from langchain_community.llms import Ollama
from langchain_core.messages import HumanMessage

pytestmark = pytest.mark.filterwarnings("ignore:The class .* was deprecated")
QUESTION = "When do cats eat?"
ANSWER = "Hello <b>\n\nConsulted, not cited:\n[1] cats.md, Cats\n[2] cats.md, Cats > Food"


@pytest.fixture
def llm(host):
    return Ollama(model="chatqna:latest", base_url=host, temperature=0.7)


def test_generate(llm):
    [[generation]] = llm.generate([QUESTION]).generations
    assert generation.text == ANSWER
    assert generation.generation_info["sources"][1]["quote"] == "Cats eat fish at noon."
    assert "".join(llm.stream(QUESTION)) == ANSWER


async def test_generate_with_asyncio(llm):
    assert await llm.ainvoke(QUESTION) == ANSWER


def test_chat(host):
    chat = ChatOllama(model="chatqna:latest", base_url=host)
    reply = chat.invoke([HumanMessage(QUESTION)])
    assert reply.content == ANSWER
    assert reply.response_metadata["sources"][0]["file"] == "cats.md"
    assert "".join(chunk.content for chunk in chat.stream(QUESTION)) == ANSWER


def test_leaving_a_stream(llm):
    assert next(iter(llm.stream("SLOW"))) == "Hello"
    assert llm.invoke(QUESTION) == ANSWER


def test_embeddings(host):
    embedder = OllamaEmbeddings(model="tiny-embed", base_url=host)
    vectors = embedder.embed_documents(["cats", "dogs", "cats"])
    assert vectors[0] == vectors[2] != vectors[1]
    assert len(embedder.embed_query("cats")) == len(vectors[0]) == 64
