"""Haystack's generator and embedders for Ollama."""

import pytest
from haystack.dataclasses import ChatMessage, Document, ImageContent
from haystack.tools import Tool
from haystack_integrations.components.embedders.ollama import (
    OllamaDocumentEmbedder,
    OllamaTextEmbedder,
)
from haystack_integrations.components.generators.ollama import OllamaChatGenerator
from ollama import ResponseError

HI = [ChatMessage.from_user("hi")]
CITY = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "population": {"type": "integer"}},
}
WEATHER = Tool(
    name="get_weather",
    description="weather",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
    function=lambda city: f"sunny in {city}",
)


def generator(host, model="llama3.1", **more):
    return OllamaChatGenerator(model=model, url=host, **more)


def test_chat(host):
    [reply] = generator(host, generation_kwargs={"temperature": 0.1}).run(HI)["replies"]
    assert reply.text == "Hello <b>"
    assert reply.meta["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    assert reply.meta["finish_reason"] == "stop"


def test_chat_streamed(host):
    pieces = []
    used = generator(host, streaming_callback=lambda chunk: pieces.append(chunk.content))
    [reply] = used.run(HI)["replies"]
    assert reply.text == "".join(pieces) == "Hello <b>"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_and_its_result(host, streamed):
    callback = {"streaming_callback": lambda chunk: None} if streamed else {}
    used = generator(host, tools=[WEATHER], **callback)
    turns = [ChatMessage.from_user("Weather in Paris?")]
    [reply] = used.run(turns)["replies"]
    [call] = reply.tool_calls
    assert (call.tool_name, call.arguments) == ("get_weather", {"city": "Paris"})
    result = ChatMessage.from_tool(tool_result="sunny", origin=call)
    [after] = used.run([*turns, reply, result])["replies"]
    assert after.text == "Hello <b>"


def test_formats(host):
    turns = [ChatMessage.from_user("How many live in Paris? 2 million.")]
    [reply] = generator(host, response_format=CITY).run(turns)["replies"]
    assert reply.text == '{"name":"Paris","population":2}'
    [reply] = generator(host, response_format="json").run(turns)["replies"]
    assert reply.text == '{"answer":"text"}'


@pytest.mark.parametrize("streamed", [False, True])
def test_thinking(host, streamed):
    callback = {"streaming_callback": lambda chunk: None} if streamed else {}
    used = generator(host, "deepseek-r1:1.5b", think=True, **callback)
    [reply] = used.run(HI)["replies"]
    assert reply.text == "Hello <b>"
    assert reply.reasoning.reasoning_text == "hmm ok"


def test_no_thinking(host):
    [reply] = generator(host, "deepseek-r1:1.5b", think=False).run(HI)["replies"]
    assert (reply.text, reply.reasoning) == ("Hello <b>", None)


def test_a_picture(host, picture):
    image = ImageContent(base64_image=picture, mime_type="image/png")
    turn = ChatMessage.from_user(content_parts=["what", image])
    [reply] = generator(host).run([turn])["replies"]
    assert reply.text == "Hello <b>"


def test_embeddings(host):
    vector = OllamaTextEmbedder(model="nomic-embed-text", url=host).run("a")["embedding"]
    assert vector == pytest.approx([0.6, 0.8, 0, 0])
    embedder = OllamaDocumentEmbedder(model="nomic-embed-text", url=host)
    documents = embedder.run([Document(content="a"), Document(content="b")])["documents"]
    assert [len(document.embedding) for document in documents] == [4, 4]


def test_unknown_models(host):
    with pytest.raises(ResponseError, match="model 'nope' not found"):
        generator(host, "nope").run(HI)
    with pytest.raises(ResponseError, match="not found, try pulling it first"):
        OllamaTextEmbedder(model="nope", url=host).run("a")


def test_a_broken_stream_raises(host):
    used = generator(host, streaming_callback=lambda chunk: None)
    with pytest.raises(ResponseError, match="an error was encountered"):
        used.run([ChatMessage.from_user("MIDERR")])


async def test_asyncio(host):
    [reply] = (await generator(host).run_async(HI))["replies"]
    assert reply.text == "Hello <b>"
