"""The client's own integration tests, from its source distribution, and langchain-tests' with them.

A play that does what is asked (tests/support/actor.py) takes the models' place, so that what a
random model would fail at is decided: calls of tools, schemas, thinking.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.clients import environments, running
from tests.clients.running import Outcome
from tests.support.serve import serving

pytestmark = [pytest.mark.clients, pytest.mark.timeout(240)]
TESTS = "tests/integration_tests"
CANNOT_PASS = {
    "TestChatOllama::test_image_inputs": "downloads its picture from the web",
}
Suite = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def suite() -> Suite:
    """Runs files of the integration tests; `model` is what the tests of two of them ask for."""

    async def run(host: str, *files: str, model: str, only: tuple[str, ...] = ()) -> Outcome:
        folder = environments.source("langchain")
        arguments = ["--allow-hosts=127.0.0.1", *(f"{TESTS}/{file}" for file in files)]
        if only:
            arguments += ["-k", " or ".join(only)]
        return await running.python_session(
            "langchain", *arguments, folder=folder, host=host, OLLAMA_TEST_MODEL=model
        )

    return run


async def test_its_integration_tests(willing, suite, count):
    outcome = await suite(willing.url, "chat_models", "test_llms.py", model="llama3.1")
    outcome = replace(outcome, title="langchain-ollama 1.1.0, its own integration tests")
    outcome.judge(CANNOT_PASS)
    count(outcome)


async def test_its_tests_of_embeddings(willing, suite, count):
    outcome = await suite(willing.url, "test_embeddings.py", model="nomic-embed-text")
    outcome = replace(outcome, title="langchain-ollama 1.1.0, its own tests of embeddings")
    outcome.judge()
    count(outcome)


REAL = (
    *("test_invoke", "test_ainvoke", "test_stream", "test_astream", "test_batch", "test_abatch"),
    *("test_conversation", "test_double_messages_conversation", "test_stop_sequence"),
    *("test_usage_metadata", "test_message_with_name"),
)
"""What makes sense with random weights: everything but calls of tools, schemas and thinking. A name
stands for all that begin with it."""


@pytest.mark.vllm
async def test_with_the_real_engine(engine, suite, count):
    entry = {"served_name": "tiny-chat", "options": {"num_predict": 16}}
    models = {"llama3.1": entry}
    async with serving(engine.url, models=models) as adapter:
        await adapter.until_ready()
        files = ("chat_models/test_chat_models_standard.py", "test_llms.py")
        outcome = await suite(adapter.url, *files, model="llama3.1", only=REAL)
    outcome = replace(outcome, title="langchain-ollama 1.1.0, with the real engine")
    outcome.judge()
    count(outcome)


@pytest.mark.vllm
async def test_embeddings_of_the_real_engine(embedding_engine, suite, count):
    models = {"nomic-embed-text": {"served_name": "tiny-bert-embed"}}
    async with serving(embedding_engine.url, models=models) as adapter:
        await adapter.until_ready()
        outcome = await suite(adapter.url, "test_embeddings.py", model="nomic-embed-text")
    outcome = replace(outcome, title="langchain-ollama 1.1.0, embeddings of the real engine")
    outcome.judge()
    count(outcome)
