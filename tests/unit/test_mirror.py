"""These tests mirror adapter/: who knows the module knows where its tests are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mirror import below, has_logic, test_of

UNIT = Path(__file__).parent
ADAPTER = UNIT.parents[1] / "adapter"

# Modules without a unit test, and who tests them.
ELSEWHERE = {
    "__main__.py": "a process; tests/faults starts it",
    "server/bodies.py": "reads and writes sockets; tests/contract/test_large_bodies.py",
    "server/run.py": "listens and handles signals; tests/contract and tests/faults",
    "server/aliases.py": "the store, a folder and an engine together; tests/contract",
    "server/loras.py": "requests to an engine; tests/contract and tests/vllm",
    "server/progress.py": "writes to a socket; tests/contract",
    "server/handlers/account.py": "a request's way through the layers; tests/contract",
    "server/handlers/aliases.py": "a request's way through the layers; tests/contract",
    "server/handlers/blobs.py": "a request's way through the layers; tests/contract",
    "server/handlers/create.py": "a request's way through the layers; tests/contract",
    "server/handlers/registry.py": "a request's way through the layers; tests/contract",
    "server/shortening.py": "asks an engine about tokens; tests/contract/test_truncation.py",
    "server/tokens.py": "requests to an engine; tests/contract/test_truncation.py",
    "server/generation.py": "needs a request and an engine; tests/contract",
    "server/streaming.py": "reads one socket and writes another; tests/contract and tests/faults",
    "server/guard.py": "a request on its way to its route; tests/contract",
    "server/middleware.py": "around requests of aiohttp's; tests/contract/test_http.py",
    "server/web_exchange.py": "around a request of aiohttp's; server/test_front_beside_aiohttp.py",
    "server/handlers/chat.py": "a request's way through the layers; tests/contract",
    "server/handlers/embed.py": "a request's way through the layers; tests/contract",
    "server/handlers/generate.py": "a request's way through the layers; tests/contract",
    "server/handlers/meta.py": "a request's way through the layers; tests/contract",
    "server/handlers/models.py": "a request's way through the layers; tests/contract",
    "server/handlers/audio.py": "a request's way through the layers; tests/contract",
    "server/handlers/openai.py": "a request's way through the layers; tests/contract",
    "server/verbatim.py": "reads one socket and writes another; tests/contract and tests/faults",
    "server/uploads.py": "the same; tests/faults/test_relay_of_files.py",
    "server/routing.py": "a request on its way to its route; tests/contract/test_routing.py",
    "server/managing.py": "the same; tests/contract/test_managing_ollama.py",
    "server/handlers/switch.py": "a request's way through the layers; tests/faults",
    "upstream/ollama.py": "requests to an Ollama; tests/contract/test_real_ollama.py",
    "upstream/uploading.py": "writes to a socket; tests/faults/test_relay_of_files.py",
    "server/relaying.py": "reads one socket and writes another; tests/contract",
}

# Not mirrors of a module.
OF_THEIR_OWN = {"test_mirror.py"}

MEANINGLESS = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base", "core"}

MODULES = below(ADAPTER, "*.py")
TESTS = below(UNIT, "test_*.py")


@pytest.mark.parametrize(
    "module", [module for module in MODULES if has_logic((ADAPTER / module).read_bytes())]
)
def test_a_module_with_logic_has_its_tests(module: str):
    assert test_of(module) in TESTS or module in ELSEWHERE


@pytest.mark.parametrize("test", [test for test in TESTS if test not in OF_THEIR_OWN])
def test_a_test_has_its_module(test: str):
    """test_x.py tests x.py; test_x_theme.py too, where its tests are too many for one file."""
    words = Path(test).stem.split("_")[1:]
    beginnings = ("_".join(words[:count]) for count in range(1, len(words) + 1))
    assert {str(Path(test).with_name(f"{name}.py")) for name in beginnings} & {*MODULES}


@pytest.mark.parametrize("module", ELSEWHERE)
def test_an_exception_is_needed(module: str):
    assert module in MODULES
    assert test_of(module) not in TESTS


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_called_by_what_it_is(module: str):
    assert not MEANINGLESS & {Path(module).stem, *Path(module).parts}
