"""The vision Ollama beside vLLM: filled once by a one-shot service, reached through the adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.containers import clients
from tests.containers.daemon import Daemon
from tests.containers.stack import Stack

URL = "http://127.0.0.1:11434"


def test_vision_is_healthy_only_with_all_its_models(stack: Callable[..., Stack]) -> None:
    running = stack(VISION_MODELS="llava:7b absent-model")
    running.change("vision-preload", restart="no")
    running.write()
    running.tool("up", "vision")
    running.until(
        lambda: running.state("vision-preload").get("Status") == "exited", "preload ended"
    )
    assert running.state("vision-preload")["ExitCode"] == 75
    said = running.logs("vision-preload")
    assert "llava:7b: ready" in said
    assert "could not fetch absent-model:latest" in said
    assert running.state("vision")["Health"]["Status"] == "starting"
    assert "not yet here: absent-model:latest" in running.inside_any("vision", "ready.sh")[1]


@pytest.fixture(scope="module")
def both(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(daemon, tmp_path_factory.mktemp("both"))
    running.tool("up", "cpu,vision")
    running.until_healthy("adapter", "llm-cpu", "vision")
    yield running
    running.gone()


def test_images_and_embeddings_through_the_adapters_port(both: Stack) -> None:
    code, table = both.verify()
    print(table)
    assert code == 0, table
    assert "NO" not in table
    said = both.python(clients.SEEN, URL, "llava:7b", "nomic-embed-text")
    assert said == "A cat.\n[[0.6, 0.8]]\n"
    assert "llava:7b: pulling 50%" in both.logs("vision-preload")


def test_what_is_there_is_not_fetched_again(both: Stack) -> None:
    both.daemon.docker("start", "--attach", both.container("vision-preload"))
    assert "llava:7b: here already" in both.logs("vision-preload")
