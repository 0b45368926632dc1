from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients import environments, running
from tests.clients.running import Outcome, assert_the_page_says
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import Adapter, serving
from tests.support.theatre import MODELS, Theatre, theatre

COUNTS = pytest.StashKey[list[str]]()


@dataclass
class House:
    """An adapter before a chat engine and an embedding engine."""

    adapter: Adapter
    chat: ScriptedVLLM

    @property
    def url(self) -> str:
        return self.adapter.url


@pytest.fixture
async def house(scripted: ScriptedVLLM, scripted_embedder: ScriptedVLLM) -> AsyncIterator[House]:
    """The models are `tiny-chat` and `tiny-embed`."""
    async with serving(scripted.url, scripted_embedder.url) as adapter:
        await adapter.until_ready()
        yield House(adapter, scripted)


@pytest.fixture
async def willing() -> AsyncIterator[Theatre]:
    """A house whose models do what they are asked for, under names that clients ask for."""
    async with theatre(MODELS) as running:
        yield running


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Callable[[Outcome], None]:
    """Puts what a session counted into the summary at the end of the run, as the page has it."""
    lines = request.config.stash.setdefault(COUNTS, [])

    def add(outcome: Outcome) -> None:
        lines.append(outcome.line())
        assert_the_page_says(lines[-1])

    return add


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    passed = [report.nodeid for report in terminalreporter.stats.get("passed", ())]
    lines = running.counted_here(passed) + config.stash.get(COUNTS, [])
    if lines:
        terminalreporter.section("clients")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="session")
def session_script() -> tuple[str, Path]:
    """Node, and the script that prints what the official client for JavaScript got."""
    node, folder = environments.node_folder("ollama-js")
    return node, folder / "plain.mjs"
