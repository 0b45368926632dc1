"""Back to plain Ollama on the adapter's port, and forth again."""

from __future__ import annotations

from collections.abc import Callable

from tests.containers import clients
from tests.containers.stack import PROJECT, Stack

URL = "http://127.0.0.1:11434"
MODELS = """
import json, sys, urllib.request as r
print([row["name"] for row in json.load(r.urlopen(sys.argv[1] + "/api/tags"))["models"]])
"""


def test_phase_1_and_back(stack: Callable[..., Stack]) -> None:
    running = stack(PHASE1_MODELS="llama2:7b", VISION_MODELS="nomic-embed-text")
    running.tool("up", "cpu")
    running.until_healthy("adapter", "llm-cpu")
    assert running.python(MODELS, URL).strip() == "['tiny-chat:latest']"

    running.tool("phase1", "vision")
    running.until_healthy("phase1", "vision")
    assert not running.container("adapter")
    assert not running.container("llm-cpu")
    assert running.python(MODELS, URL).strip() == "['llama2:7b']"
    assert "'A cat.'" in running.python(clients.STREAMED_CHAT, URL)
    code, table = running.verify()
    assert code == 0, table

    running.tool("up", "cpu")
    running.until_healthy("adapter", "llm-cpu")
    assert not running.container("phase1")
    assert running.python(MODELS, URL).strip() == "['tiny-chat:latest']"

    running.tool("down")
    assert running.daemon.docker("ps", "--all", "--quiet") == ""
    kept = running.daemon.docker("volume", "ls", "--quiet").split()
    assert {f"{PROJECT}_models", f"{PROJECT}_phase1-models"} <= {*kept}


def test_both_on_one_port_are_refused(stack: Callable[..., Stack]) -> None:
    running = stack()
    code, said = running.tried("up", "cpu,phase1")
    assert code == 78
    assert "choose one of them" in said


def test_an_unknown_profile_is_told(stack: Callable[..., Stack]) -> None:
    code, said = stack().tried("up", "cqu")
    assert code == 78
    assert "unknown profile: cqu; there are: cpu gpu hpu" in said
