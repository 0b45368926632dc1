"""LangChain's classes for Ollama, which stream whatever they are asked, and for OpenAI's API.

The client's own integration tests are run by test_langchain.py; here is what they leave out.
"""

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from ollama import ResponseError
from pydantic import BaseModel


class City(BaseModel):
    """A city."""

    name: str
    population: int


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


@pytest.fixture
def model():
    return ChatOllama(model="llama3.1", validate_model_on_init=True)


def test_invoke(model):
    reply = model.invoke([SystemMessage("short"), HumanMessage("hi")])
    assert reply.content == "Hello <b>"
    assert reply.usage_metadata["input_tokens"] == 7
    assert reply.usage_metadata["output_tokens"] == 3
    meta = reply.response_metadata
    assert (meta["model"], meta["done_reason"]) == ("llama3.1", "stop")
    assert meta["total_duration"] > 0


def test_stream(model):
    texts = [chunk.content for chunk in model.stream("hi")]
    assert "".join(texts) == "Hello <b>"
    assert texts[:2] == ["Hello", " <b>"]


async def test_batch(model):
    assert [reply.content for reply in await model.abatch(["hi"] * 8)] == ["Hello <b>"] * 8


def test_every_parameter():
    model = ChatOllama(
        model="llama3.1",
        mirostat=1,
        mirostat_eta=0.1,
        num_ctx=2048,
        num_predict=5,
        temperature=0,
        seed=1,
        stop=["x"],
        top_k=3,
        top_p=0.5,
        tfs_z=0.5,
        keep_alive="5m",
    )
    assert model.invoke("hi").content == "Hello <b>"


def test_a_model_that_is_missing():
    with pytest.raises(ValueError, match="not found"):
        ChatOllama(model="nope", validate_model_on_init=True)
    with pytest.raises(ResponseError, match="model 'nope' not found") as raised:
        ChatOllama(model="nope").invoke("hi")
    assert raised.value.status_code == 404


def test_a_tool_and_its_result(model):
    with_tools = model.bind_tools([get_weather])
    turns = [HumanMessage("Weather in Paris?")]
    reply = with_tools.invoke(turns)
    [call] = reply.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
    turns += [reply, get_weather.invoke(call)]
    assert isinstance(turns[-1], ToolMessage)
    assert with_tools.invoke(turns).content == "Hello <b>"


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_schema(model, method):
    structured = model.with_structured_output(City, method=method)
    assert structured.invoke("Paris has 2 million.") == City(name="Paris", population=2)


def test_json_mode(model):
    structured = model.with_structured_output(None, method="json_mode")
    assert structured.invoke("Reply as JSON with 'name'.") == {"name": "text"}


@pytest.mark.parametrize("reasoning", [True, "high"])
@pytest.mark.parametrize("name", ["deepseek-r1:1.5b", "gpt-oss:20b"])
def test_thinking(name, reasoning):
    reply = ChatOllama(model=name, reasoning=reasoning).invoke("hi")
    assert reply.content == "Hello <b>"
    assert reply.additional_kwargs["reasoning_content"] == "hmm ok"


def test_thinking_that_a_model_has_not(model):
    with pytest.raises(ResponseError, match="does not support thinking"):
        ChatOllama(model="llama3.1", reasoning=True).invoke("hi")


def test_a_picture(model, picture):
    url = {"type": "image_url", "image_url": f"data:image/png;base64,{picture}"}
    turn = HumanMessage([{"type": "text", "text": "what"}, url])
    assert model.invoke([turn]).content == "Hello <b>"


def test_logprobs(model):
    reply = ChatOllama(model="llama3.1", logprobs=True, top_logprobs=2).invoke("hi")
    assert isinstance(reply, AIMessage)


def test_a_broken_stream_raises(model):
    for word in ("MIDERR", "DIE"):
        with pytest.raises(ResponseError, match="an error was encountered"):
            model.invoke(word)


def test_generate():
    model = OllamaLLM(model="llama3.1", format="")
    assert model.invoke("hi") == "Hello <b>"
    assert list(model.stream("hi"))[:2] == ["Hello", " <b>"]


def test_embeddings():
    embedder = OllamaEmbeddings(model="nomic-embed-text")
    assert embedder.embed_query("a") == pytest.approx([0.6, 0.8, 0, 0])
    assert [len(vector) for vector in embedder.embed_documents(["a", "b"])] == [4, 4]


def test_openai_chat(v1):
    model = ChatOpenAI(model="llama3.1", base_url=v1, api_key="ollama", stream_usage=True)
    assert model.invoke("hi").content == "Hello <b>"
    chunks = list(model.stream("hi"))
    assert "".join(chunk.content for chunk in chunks) == "Hello <b>"
    [call] = model.bind_tools([get_weather]).invoke("Weather in Paris?").tool_calls
    assert call["args"] == {"city": "Paris"}
    structured = model.with_structured_output(City)
    assert structured.invoke("Paris has 2 million.") == City(name="Paris", population=2)


def test_openai_embeddings(v1):
    embedder = OpenAIEmbeddings(
        model="nomic-embed-text",
        base_url=v1,
        api_key="ollama",
        check_embedding_ctx_length=False,
    )
    assert embedder.embed_query("a") == pytest.approx([0.6, 0.8, 0, 0])
