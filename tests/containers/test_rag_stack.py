"""Answers from documents as people start them: `stack.sh up cpu,vision,rag`, real images of adapter
and services, stand-ins for vLLM and Ollama."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.compose.dashboards import expressions
from tests.containers import services_image
from tests.containers.asking import (
    ASK,
    CONNECT,
    DATAPREP,
    GET,
    INGEST,
    LAST_LINE,
    MAKE_WORLD,
    POST,
    READY,
    REFUSED,
    WORLD,
)
from tests.containers.daemon import Daemon
from tests.containers.stack import QUICK, Stack

FACT = "Otters hold hands when they sleep."
QUESTION = "Do otters hold hands?"


@pytest.fixture(scope="module")
def running(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """With a document in it, of which an answer was asked."""
    services_image.load(daemon)
    stack = Stack(daemon, tmp_path_factory.mktemp("rag"))
    stack.change("llm-cpu", environment={"STAND_IN_TELLS": "1"})
    stack.change("rag", healthcheck=QUICK)
    stack.write()
    config = stack.folder / "prometheus" / "prometheus.yml"
    config.write_text(
        config.read_text().replace("15s", "1s").replace("type: A", "type: A, refresh_interval: 1s")
    )
    stack.tool("up", "cpu,vision,rag,monitoring")
    stack.until_healthy("adapter", "llm-cpu", "vision", "rag", "prometheus")
    stack.until(lambda: "True" in stack.python(READY), "every engine answers")
    taken = json.loads(
        stack.python(INGEST, "otters.md", f"# Otters\n\n{FACT}", f"{DATAPREP}/ingest")
    )
    assert taken["message"] == "Data preparation succeeded", taken
    yield stack
    stack.gone()


def test_ollama_python_streams_an_answer_with_its_sources(running: Stack) -> None:
    names, pieces, text = json.loads(running.python(ASK, QUESTION))
    assert "chatqna:latest" in names
    assert pieces > 2
    assert "[1] otters.md" in text  # the list at the end, for clients that drop unknown fields


def test_the_last_line_has_the_sources_and_the_model_was_shown_them(running: Stack) -> None:
    last = json.loads(running.python(LAST_LINE, QUESTION))
    assert last["done"] is True
    assert [row["file"] for row in last["sources"]] == ["otters.md"]
    assert FACT in running.logs("llm-cpu")


def test_every_check_of_verify_says_yes(running: Stack) -> None:
    code, table = running.verify()
    print(table)
    assert code == 0, table
    assert "NO" not in table
    for check in (
        "the services are healthy ",
        "chatqna:latest is a model ",
        "a document is found and shown to a model ",
        "documents have no way out ",
    ):
        assert f"yes  {check}" in table
    assert "Prometheus scrapes every target            adapter, llm, services" in table
    left = json.loads(running.python(POST, f"{DATAPREP}/indices"))
    assert left == ["rag"]


def test_every_expression_of_the_row_about_documents_finds_data(running: Stack) -> None:
    asked = expressions(documents=True)
    assert len(asked) >= 10
    running.python(POST, "http://127.0.0.1:8888/v1/chatqna", '{"messages": "Do otters sleep?"}')
    assert running.python(REFUSED, "http://127.0.0.1:8888/v1/chatqna").strip() == "400"
    running.until(lambda: not _missing(running, asked), f"data for all of {asked}", within=20)


def test_the_pipeline_has_no_way_but_the_adapters(running: Stack) -> None:
    files = running.daemon.root / "world"
    files.mkdir(exist_ok=True)
    running.daemon.run("sh", "-ec", MAKE_WORLD, "world", str(files))
    command = ("rag", "python3", "-c", CONNECT)
    assert running.inside_any(*command, "adapter", "11434") == (0, "")
    for host, port in ((WORLD, "80"), (_address(running, "llm-cpu"), "8000")):
        code, said = running.inside_any(*command, host, port)
        assert code == 1
        assert "timed out" in said or "unreachable" in said


def test_processes_have_no_rights_and_the_root_is_read_only(running: Stack) -> None:
    status = running.inside("rag", "cat", "/proc/1/status")
    told = dict(line.split(":", 1) for line in status.splitlines())
    assert told["Uid"].split() == ["10001"] * 4
    assert int(told["CapEff"], 16) == 0
    assert told["NoNewPrivs"].strip() == "1"
    said = running.inside("rag", "sh", "-c", "touch /x 2>&1; touch /data/x /tmp/x && echo written")
    assert "Read-only file system" in said
    assert "written" in said


def test_documents_outlive_the_container(running: Stack) -> None:
    before = running.container("rag")
    running.daemon.docker("rm", "--force", before)
    running.tool("up", "cpu,vision,rag,monitoring")
    running.until_healthy("rag")
    running.until(lambda: "True" in running.python(READY), "every engine answers")
    assert running.container("rag") != before
    listed = json.loads(running.python(POST, f"{DATAPREP}/get"))
    assert [row["name"] for row in listed] == ["otters.md"]
    last = json.loads(running.python(LAST_LINE, QUESTION))
    assert [row["file"] for row in last["sources"]] == ["otters.md"]


def _address(running: Stack, service: str) -> str:
    about = json.loads(running.daemon.docker("inspect", running.container(service)))[0]
    (network,) = about["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


def _missing(running: Stack, asked: list[str]) -> list[str]:
    """Expressions that find nothing."""
    missing = []
    for expr in asked:
        query = quote(re.sub(r"[$]__rate_interval", "30s", expr))
        url = f"http://127.0.0.1:9090/api/v1/query?query={query}"
        answer = json.loads(running.python(GET, url))
        assert answer["status"] == "success", answer
        if not answer["data"]["result"]:
            missing.append(expr)
    return missing
