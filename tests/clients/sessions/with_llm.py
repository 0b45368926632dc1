"""The command `llm` with its plugin llm-ollama, which reads capabilities from /api/tags."""

import json
import os
import tempfile

import pytest

# Before the import, for llm-ollama then makes its cache there.
os.environ["LLM_USER_PATH"] = tempfile.mkdtemp()  # noqa: TID251  # a program of its own

import llm
from click.testing import CliRunner
from llm.cli import cli

CHAT = "ollama/llama3.1"
FULL = "ollama/llama3.1:latest"
EMBED = "ollama/nomic-embed-text"


def run(*arguments: str, given: str | None = None) -> str:
    result = CliRunner().invoke(cli, arguments, input=given, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_list_of_models():
    output = run("models")
    for name in ("llama3.1:latest", "deepseek-r1:1.5b", "gpt-oss:20b"):
        assert f"ollama/{name}" in output
    assert "nomic-embed-text" not in output
    assert "nomic-embed-text" in run("embed-models")


def test_a_prompt():
    assert run("prompt", "-m", CHAT, "hi").strip() == "Hello <b>"
    assert run("prompt", "-m", FULL, "--no-stream", "hi").strip() == "Hello <b>"


def test_options_and_a_system_prompt():
    options = ["-o", "temperature", "0.1", "-o", "num_ctx", "2048", "-s", "short"]
    assert run("prompt", "-m", CHAT, *options, "hi").strip() == "Hello <b>"


def test_a_schema():
    output = run("prompt", "-m", CHAT, "--schema", "name, n int", "Paris has 2")
    assert json.loads(output) == {"name": "Paris", "n": 2}


def test_a_tool():
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"sunny in {city}"

    model = llm.get_model(FULL)
    chain = model.chain("Weather in Paris?", tools=[get_weather])
    assert chain.text().endswith("Hello <b>")
    results = [
        result.output for response in chain.responses() for result in response.prompt.tool_results
    ]
    assert results == ["sunny in Paris"]


def test_an_attachment(tmp_path, picture):
    import base64

    file = tmp_path / "one.png"
    file.write_bytes(base64.b64decode(picture))
    assert run("prompt", "-m", CHAT, "-a", str(file), "what").strip() == "Hello <b>"


def test_usage_is_logged():
    response = llm.get_model(FULL).prompt("hi")
    response.text()
    assert (response.usage().input, response.usage().output) == (7, 3)


def test_embeddings():
    assert json.loads(run("embed", "-m", EMBED, "-c", "a")) == pytest.approx([0.6, 0.8, 0, 0])
    model = llm.get_embedding_model(EMBED)
    assert [len(vector) for vector in model.embed_multi(["a", "b"])] == [4, 4]


async def test_asyncio():
    model = llm.get_async_model(FULL)
    assert await model.prompt("hi").text() == "Hello <b>"


def test_a_broken_stream_is_an_error():
    result = CliRunner().invoke(cli, ["prompt", "-m", CHAT, "MIDERR"])
    assert result.exit_code != 0
    assert "an error was encountered" in result.output
