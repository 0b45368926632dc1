"""The vision Ollama beside vLLM: filled once by a one-shot service, reached through the adapter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapter.errors import ConfigError
from adapter.settings import load_settings
from tests.containers import clients
from tests.containers.stack import Stack
from tests.support import machine

URL = "http://127.0.0.1:11434"


def test_images_and_embeddings_through_the_adapters_port(stack: Callable[..., Stack]) -> None:
    _needs_ollama_upstreams()
    running = stack()
    running.tool("up", "cpu,vision")
    running.until_healthy("adapter", "llm-cpu", "vision")
    code, table = running.verify()
    print(table)
    assert code == 0, table
    assert "NO" not in table
    said = running.python(clients.SEEN, URL, "llava:7b", "nomic-embed-text")
    assert said == "A cat.\n[[0.6, 0.8]]\n"
    assert "llava:7b: pulling 50%" in running.logs("vision-preload")


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


def test_what_is_there_is_not_fetched_again(stack: Callable[..., Stack]) -> None:
    running = stack(VISION_MODELS="llava:7b")
    running.tool("up", "vision")
    running.until_healthy("vision")
    running.daemon.docker("start", "--attach", running.container("vision-preload"))
    assert "llava:7b: here already" in running.logs("vision-preload")


def _needs_ollama_upstreams() -> None:
    try:
        load_settings(file=str(machine.ROOT / "compose" / "adapter.toml"), environ={})
    except ConfigError as error:
        pytest.skip(f"this adapter does not take compose/adapter.toml yet: {error}")
