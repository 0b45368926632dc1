"""pydantic-ai, by its provider for Ollama."""

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, Embedder, ModelHTTPError, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.ollama import OllamaProvider


class City(BaseModel):
    name: str
    population: int


@pytest.fixture
def model(v1):
    return OpenAIChatModel("llama3.1", provider=OllamaProvider(base_url=v1))


async def test_a_run(model):
    result = await Agent(model).run("Hi")
    assert result.output == "Hello <b>"
    assert (result.usage.input_tokens, result.usage.output_tokens) == (7, 3)


async def test_a_tool_as_output(model):
    result = await Agent(model, output_type=City).run("How many live in Paris? 2 million.")
    assert result.output == City(name="Paris", population=2)


async def test_a_schema_as_output(model):
    agent = Agent(model, output_type=NativeOutput(City))
    result = await agent.run("How many live in Paris? 2 million.")
    assert result.output == City(name="Paris", population=2)


async def test_a_tool_is_called_and_answered(model):
    asked = []
    agent = Agent(model)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        asked.append(city)
        return "sunny"

    result = await agent.run("Weather in Paris?")
    assert asked == ["Paris"]
    assert result.output == "Hello <b>"


async def test_a_stream(model):
    async with Agent(model).run_stream("Hi") as stream:
        texts = [text async for text in stream.stream_text(delta=True, debounce_by=None)]
    assert "".join(texts) == "Hello <b>"


async def test_a_picture(model):
    result = await Agent(model).run(
        ["what", BinaryContent(data=b"\x89PNG\r\n", media_type="image/png")]
    )
    assert result.output == "Hello <b>"


async def test_an_unknown_model(v1):
    model = OpenAIChatModel("nope", provider=OllamaProvider(base_url=v1))
    with pytest.raises(ModelHTTPError, match="model 'nope' not found") as raised:
        await Agent(model).run("Hi")
    assert raised.value.status_code == 404


async def test_embeddings(v1):
    from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel

    embedder = Embedder(
        OpenAIEmbeddingModel("nomic-embed-text", provider=OllamaProvider(base_url=v1))
    )
    result = await embedder.embed_query("a")
    assert len(result.embeddings[0]) == 4
