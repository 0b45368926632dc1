"""Other adapters from Ollama's API to OpenAI's: how each is started. tests/load/peers.py has their
versions and installs them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.load.peers import NODE, PYTHON
from tests.load.script import MODEL
from tests.load.target import Missing, Place, Target
from tests.support.machine import node

_INSTALL = "`make bench-peers` installs it"


def _packages(place: Place, name: str) -> Path:
    """The folder of its Python packages. Raises Missing."""
    home, version = place.peers / name, PYTHON[name]
    pattern = f"lib/python3*/site-packages/{name.replace('-', '_')}-{version}.dist-info"
    found = next(iter(home.glob(pattern)), None)
    if found is None:
        raise Missing(f"{name} {version} is not in {home}; {_INSTALL}")
    return found.parent.resolve()


def _python(place: Place, name: str, settings: dict[str, str], *command: str) -> Sequence[str]:
    environ = [f"{key}={value}" for key, value in settings.items()]
    python = str((place.peers / name / "bin" / "python").absolute())
    return ["env", "-C", str(place.folder), *environ, python, "-m", *command]


def _ollama_openai_proxy(place: Place) -> Sequence[str]:
    """Its wheel installs at top level what its own imports look for in a package `src`."""
    (place.folder / "src").symlink_to(_packages(place, "ollama-openai-proxy"))
    settings = {
        "OPENAI_API_BASE_URL": f"{place.engine_url}/v1",
        "OPENAI_API_KEY": "none",
        "LOG_LEVEL": "ERROR",
        "PYTHONPATH": str(place.folder),
    }
    serve = ["uvicorn", "src.main:app", "--host", "127.0.0.1", "--log-level", "error"]
    quiet = ["--no-access-log", "--port", str(place.port)]
    return _python(place, "ollama-openai-proxy", settings, *serve, *quiet)


def _ollama_proxy_plus(place: Place) -> Sequence[str]:
    _packages(place, "ollama-proxy-plus")
    settings = {
        "PROVIDERS_VLLM_API_KEY": "none",
        "PROVIDERS_VLLM_BASE_URL": f"{place.engine_url}/v1",
    }
    serve = ["ollama_proxy", "--host", "127.0.0.1", "--port", str(place.port)]
    return _python(place, "ollama-proxy-plus", settings, *serve)


def _ollama_api_proxy(place: Place) -> Sequence[str]:
    start = place.peers / "ollama-api-proxy" / "node_modules" / "ollama-api-proxy" / "src/index.js"
    if not start.exists():
        raise Missing(f"there is no {start}; {_INSTALL}")
    try:
        binary, _ = node()
    except pytest.skip.Exception as error:
        raise Missing(str(error)) from error
    models = {MODEL: {"provider": "openrouter", "model": MODEL}}
    (place.folder / "models.json").write_text(json.dumps(models))
    settings = [
        f"OPENROUTER_API_URL={place.engine_url}/v1",
        "OPENROUTER_API_KEY=none",
        "NODE_ENV=production",
        f"PORT={place.port}",
    ]
    return ["env", "-C", str(place.folder), *settings, binary, str(start.absolute())]


TARGETS = (
    Target(
        "ollama-openai-proxy",
        "Ollama to OpenAI, Python",
        "generate",
        _ollama_openai_proxy,
        lambda: PYTHON["ollama-openai-proxy"],
    ),
    Target(
        "ollama-proxy-plus",
        "Ollama to OpenAI, Python",
        "ollama",
        _ollama_proxy_plus,
        lambda: PYTHON["ollama-proxy-plus"],
        prefix="vllm/",
    ),
    Target(
        "ollama-api-proxy",
        "Ollama to OpenAI, Node",
        "ollama",
        _ollama_api_proxy,
        lambda: NODE["ollama-api-proxy"],
    ),
)
