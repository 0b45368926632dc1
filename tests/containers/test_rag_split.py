"""Answers from documents with a container for each role, as `stack.sh up cpu,vision,rag-split`
starts them, and a real PostgreSQL with pgvector behind them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.containers import services_image
from tests.containers.asking import (
    ASK,
    CONNECT,
    DATAPREP,
    INGEST,
    INGEST_LINK,
    LAST_LINE,
    MAKE_WORLD,
    READY,
    WORLD,
)
from tests.containers.daemon import Daemon
from tests.containers.stack import QUICK, Stack

ROLES = ("chatqna", "dataprep", "embedding", "retriever", "reranker", "llm")
QUESTION = "Do otters hold hands?"


@pytest.fixture(scope="module")
def running(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """With a document in it, and a way out for links."""
    services_image.load(daemon)
    services_image.load_database(daemon)
    links = {"RAG_NETWORK": "edge", "RAG_ALLOW_PRIVATE_LINKS": "true"}
    stack = Stack(daemon, tmp_path_factory.mktemp("split"), **links)
    for role in ROLES:
        stack.change(f"rag-{role}", healthcheck=QUICK)
    stack.change("rag-db", healthcheck={"interval": "1s"})
    stack.write()
    stack.tool("up", "cpu,vision,rag-split")
    services = [f"rag-{role}" for role in ROLES]
    stack.until_healthy("adapter", "llm-cpu", "vision", "rag-db", *services)
    stack.until(lambda: "True" in stack.python(READY), "every engine answers")
    text = "# Otters\n\nOtters hold hands when they sleep."
    taken = json.loads(stack.python(INGEST, "otters.md", text, f"{DATAPREP}/ingest"))
    assert taken["message"] == "Data preparation succeeded", taken
    yield stack
    stack.gone()


def test_an_answer_comes_from_all_of_them(running: Stack) -> None:
    names, pieces, text = json.loads(running.python(ASK, QUESTION))
    assert "chatqna:latest" in names
    assert pieces > 2
    assert "[1] otters.md" in text


def test_every_check_of_verify_says_yes(running: Stack) -> None:
    code, table = running.verify()
    print(table)
    assert code == 0, table
    assert "NO" not in table
    assert "yes  a document is found and shown to a model " in table
    assert "a way out: rag-dataprep by ollama-vllm_edge, as RAG_NETWORK=edge asks" in table


def test_links_are_fetched_by_the_one_that_may_leave(running: Stack) -> None:
    files = running.daemon.root / "world"
    files.mkdir(exist_ok=True)
    (files / "beavers.txt").write_text("Beavers build dams.")
    running.daemon.run("sh", "-ec", MAKE_WORLD, "world", str(files))
    link = f"http://{WORLD}/beavers.txt"
    taken = json.loads(running.python(INGEST_LINK, link, f"{DATAPREP}/ingest"))
    assert taken["message"] == "Data preparation succeeded", taken
    last = json.loads(running.python(LAST_LINE, "What do beavers build?"))
    assert any(row["file"].startswith(link) for row in last["sources"]), last
    for role in ("retriever", "chatqna", "llm"):
        assert running.inside_any(f"rag-{role}", "python3", "-c", CONNECT, WORLD, "80")[0] == 1


def test_documents_outlive_the_database_and_its_users(running: Stack) -> None:
    restarted = ("rag-db", "rag-retriever", "rag-dataprep")
    for service in restarted:
        running.daemon.docker("restart", "--time", "20", running.container(service))
    running.until_healthy(*restarted)
    last = json.loads(running.python(LAST_LINE, QUESTION))
    assert "otters.md" in [row["file"] for row in last["sources"]]
