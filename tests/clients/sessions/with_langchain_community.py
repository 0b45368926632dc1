"""langchain_community's classes for Ollama, which were deprecated and are still deployed.

They talk HTTP by themselves: `Ollama` streams whatever it is asked, `OllamaEmbeddings` asks the
legacy route for one text after the other.
"""

import asyncio

import pytest
from langchain_community.chat_models import ChatOllama
from langchain_community.embeddings import OllamaEmbeddings
from langchain_community.llms import Ollama
from langchain_community.llms.ollama import OllamaEndpointNotFoundError
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore

pytestmark = pytest.mark.filterwarnings("ignore:The class .* was deprecated")


@pytest.fixture
def llm(host):
    return Ollama(model="llama3.1", base_url=host, temperature=0.7)


@pytest.fixture
def chat(host):
    return ChatOllama(model="llama3.1", base_url=host)


@pytest.fixture
def embedder(host):
    return OllamaEmbeddings(model="nomic-embed-text", base_url=host)


def test_generate(llm):
    result = llm.generate(["hi"])
    [[generation]] = result.generations
    assert generation.text == "Hello <b>"
    assert generation.generation_info["done"] is True
    assert generation.generation_info["eval_count"] == 3
    assert generation.generation_info["prompt_eval_count"] == 7


def test_generate_streamed(llm):
    assert list(llm.stream("hi"))[:2] == ["Hello", " <b>"]


async def test_generate_with_asyncio(llm):
    assert await llm.ainvoke("hi") == "Hello <b>"
    parts = [part async for part in llm.astream("hi")]
    assert "".join(parts) == "Hello <b>"


def test_generate_many(llm):
    assert llm.batch(["hi"] * 8) == ["Hello <b>"] * 8


def test_every_parameter(host):
    model = Ollama(
        model="llama3.1",
        base_url=host,
        mirostat=1,
        mirostat_eta=0.1,
        mirostat_tau=5.0,
        num_ctx=2048,
        num_gpu=1,
        num_thread=2,
        num_predict=5,
        repeat_last_n=64,
        repeat_penalty=1.1,
        temperature=0.0,
        stop=["x"],
        tfs_z=1.0,
        top_k=3,
        top_p=0.5,
        system="Be short.",
        keep_alive="5m",
        timeout=10,
    )
    assert model.invoke("hi") == "Hello <b>"


def test_a_chain(llm):
    chain = PromptTemplate.from_template("Say {word}") | llm | StrOutputParser()
    assert chain.invoke({"word": "hi"}) == "Hello <b>"


def test_json(host):
    model = Ollama(model="llama3.1", base_url=host, format="json")
    assert isinstance((model | JsonOutputParser()).invoke("A 'name' in JSON."), dict)


def test_a_picture(llm, picture):
    assert llm.bind(images=[picture]).invoke("what") == "Hello <b>"


def test_a_model_that_is_missing(host):
    with pytest.raises(OllamaEndpointNotFoundError, match="ollama pull nope"):
        Ollama(model="nope", base_url=host).invoke("hi")
    with pytest.raises(OllamaEndpointNotFoundError):
        list(ChatOllama(model="nope", base_url=host).stream("hi"))
    with pytest.raises(ValueError, match="404"):
        OllamaEmbeddings(model="nope", base_url=host).embed_query("a")


async def test_a_model_that_is_missing_with_asyncio(host):
    with pytest.raises(OllamaEndpointNotFoundError):
        await Ollama(model="nope", base_url=host).ainvoke("hi")


def test_what_is_refused_says_why(llm):
    with pytest.raises(ValueError, match=r"status code 400. Details: .*context length"):
        llm.invoke("ERR400")


@pytest.mark.parametrize("word", ["MIDERR", "DIE"])
def test_a_broken_stream_is_no_whole_answer(llm, chat, word):
    """It knows no line of an error; that `done` never came shows it."""
    [[generation]] = llm.generate([word]).generations
    assert generation.text == "Hello"
    assert not generation.generation_info
    [[generation]] = chat.generate([[HumanMessage(word)]]).generations
    assert not generation.generation_info


def test_leaving_a_stream(llm, chat):
    """What is left over is no hindrance to the next."""
    assert next(iter(llm.stream("SLOW"))) == "Hello"
    assert next(iter(chat.stream("SLOW"))).content == "Hello"
    assert llm.invoke("hi") == "Hello <b>"


async def test_leaving_a_stream_with_asyncio(llm):
    stream = llm.astream("SLOW")
    assert await anext(stream) == "Hello"
    await stream.aclose()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await llm.ainvoke("SLOW")
    assert await llm.ainvoke("hi") == "Hello <b>"


def test_chat(chat):
    turns = [SystemMessage("short"), HumanMessage("hi"), AIMessage("Hello."), HumanMessage("hi")]
    reply = chat.invoke(turns)
    assert reply.content == "Hello <b>"
    assert reply.response_metadata["done"] is True
    assert reply.response_metadata["model"] == "llama3.1"
    assert reply.response_metadata["message"] == {"role": "assistant", "content": ""}


def test_chat_streamed(chat):
    assert "".join(chunk.content for chunk in chat.stream("hi")) == "Hello <b>"


async def test_chat_with_asyncio(chat):
    replies = await chat.abatch(["hi"] * 4)
    assert [reply.content for reply in replies] == ["Hello <b>"] * 4
    assert "".join([chunk.content async for chunk in chat.astream("hi")]) == "Hello <b>"


def test_chat_with_a_picture(chat, picture):
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    assert chat.invoke([HumanMessage([{"type": "text", "text": "what"}, url])]).content


def test_a_model_that_thinks(host):
    """It knows no thinking: what it reads is the answer."""
    assert ChatOllama(model="deepseek-r1:1.5b", base_url=host).invoke("hi").content == "Hello <b>"
    assert Ollama(model="deepseek-r1:1.5b", base_url=host).invoke("hi") == "Hello <b>"


def test_embeddings(embedder):
    """The legacy route's vectors are as the model made them, not of length 1."""
    assert embedder.embed_query("a") == pytest.approx([3, 4, 0, 0])
    assert embedder.embed_documents(["a", "b"]) == [pytest.approx([3, 4, 0, 0])] * 2
    assert embedder.embed_documents([]) == []


def test_embeddings_of_a_model_that_does_not(host):
    with pytest.raises(ValueError, match="does not support embeddings"):
        OllamaEmbeddings(model="llama3.1", base_url=host).embed_query("a")


def test_documents_and_a_question(llm, embedder):
    """The whole of what such applications do."""
    store = InMemoryVectorStore(embedder)
    store.add_texts(["Cats eat fish at noon.", "Dogs bark at night."])
    retriever = store.as_retriever(search_kwargs={"k": 2})
    found = retriever.invoke("When do cats eat?")
    assert {document.page_content[:4] for document in found} == {"Cats", "Dogs"}
    prompt = ChatPromptTemplate.from_template("Context: {context}\nQuestion: {question}")
    context = "\n".join(document.page_content for document in found)
    answer = (prompt | llm).invoke({"context": context, "question": "When do cats eat?"})
    assert answer == "Hello <b>"
