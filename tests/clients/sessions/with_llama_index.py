"""LlamaIndex's classes for Ollama; the context length that they ask with is that of /api/show."""

import pytest
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.ollama import OllamaEmbedding
from llama_index.llms.ollama import Ollama
from ollama import ResponseError
from pydantic import BaseModel

HI = [ChatMessage(role="user", content="hi")]


class City(BaseModel):
    """A city."""

    name: str
    population: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


WEATHER = FunctionTool.from_defaults(fn=get_weather)


@pytest.fixture
def model(host):
    return Ollama(model="llama3.1", base_url=host)


def test_the_context_length(model):
    assert model.metadata.context_window == 4096
    assert model.metadata.is_function_calling_model


def test_complete(model):
    assert model.complete("hi").text == "Hello <b>"
    assert [part.delta for part in model.stream_complete("hi")] == ["Hello", " <b>", ""]


def test_chat(model):
    reply = model.chat(HI)
    assert reply.message.content == "Hello <b>"
    usage = {key: reply.raw["usage"][key] for key in ("prompt_tokens", "completion_tokens")}
    assert usage == {"prompt_tokens": 7, "completion_tokens": 3}


def test_chat_streamed(model):
    assert [part.delta for part in model.stream_chat(HI)] == ["Hello", " <b>", ""]


async def test_asyncio(model):
    assert (await model.achat(HI)).message.content == "Hello <b>"
    parts = [part.delta async for part in await model.astream_chat(HI)]
    assert "".join(parts) == "Hello <b>"


def test_a_tool_and_its_result(model):
    reply = model.chat_with_tools([WEATHER], "Weather in Paris?")
    [call] = model.get_tool_calls_from_response(reply)
    assert (call.tool_name, call.tool_kwargs) == ("get_weather", {"city": "Paris"})
    turns = [
        ChatMessage(role="user", content="Weather in Paris?"),
        reply.message,
        ChatMessage(role="tool", content="sunny", additional_kwargs={"tool_call_id": call.tool_id}),
    ]
    assert model.chat_with_tools([WEATHER], chat_history=turns).message.content == "Hello <b>"


def test_predict_and_call(model):
    assert str(model.predict_and_call([WEATHER], "Weather in Paris?")) == "sunny in Paris"


def test_tools_streamed(model):
    parts = list(model.stream_chat_with_tools([WEATHER], "Weather in Paris?"))
    [call] = model.get_tool_calls_from_response(parts[-1])
    assert call.tool_kwargs == {"city": "Paris"}


def test_a_schema(model):
    reply = model.as_structured_llm(City).complete("How many live in Paris? 2 million.")
    assert reply.raw == City(name="Paris", population=2)


def test_thinking(host):
    model = Ollama(model="deepseek-r1:1.5b", base_url=host, thinking=True)
    blocks = {block.block_type: block for block in model.chat(HI).message.blocks}
    assert blocks["thinking"].content == "hmm ok"
    assert blocks["text"].text == "Hello <b>"
    parts = list(model.stream_chat(HI))
    assert "".join(part.delta for part in parts) == "Hello <b>"


def test_a_picture(model, picture):
    import base64

    image = ImageBlock(image=base64.b64decode(picture), image_mimetype="image/png")
    turn = ChatMessage(role="user", blocks=[TextBlock(text="what"), image])
    assert model.chat([turn]).message.content == "Hello <b>"


def test_json_mode(host):
    model = Ollama(model="llama3.1", base_url=host, json_mode=True)
    assert model.complete("hi").text == '{"answer":"text"}'


def test_embeddings(host):
    embedder = OllamaEmbedding("nomic-embed-text", base_url=host)
    assert embedder.get_query_embedding("a") == pytest.approx([0.6, 0.8, 0, 0])
    assert len(embedder.get_text_embedding_batch(["a", "b", "c"])) == 3


async def test_embeddings_with_asyncio(host):
    embedder = OllamaEmbedding("nomic-embed-text", base_url=host)
    assert len(await embedder.aget_text_embedding_batch(["a", "b"])) == 2


def test_an_unknown_model(host):
    with pytest.raises(ResponseError, match="model 'nope"):
        Ollama(model="nope", base_url=host).chat(HI)


def test_a_broken_stream_raises(model):
    with pytest.raises(ResponseError, match="an error was encountered"):
        list(model.stream_chat([ChatMessage(role="user", content="MIDERR")]))
