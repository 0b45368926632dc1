"""tools/verify.py where there is little to see; tests/containers runs it against whole stacks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from verification import settings
from verification import stack as stacks
from verification.addresses import comes_here
from verification.answers import able
from verification.containers import bound
from verification.documents import MASQUERADE, at_documents, documents_shut
from verification.stack import Container, Stack
from verification.verdicts import Failed

from tests.compose.compose_file import FOLDER
from tests.support import machine
from tests.support.serve import Adapter

VERIFY = FOLDER / "tools" / "verify.py"
ELSEWHERE = "192.0.2.7"
"""No machine has it: it is kept for documentation."""


def verify(path: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(VERIFY), *arguments],
        env=machine.clean_environ(PATH=str(path), **environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_without_docker_and_address_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    code, said = verify(tmp_path)
    assert code == 78
    assert "no stack named ollama-vllm runs here" in said


async def test_an_adapter_without_docker(adapter: Adapter, tmp_path: Path) -> None:
    host = adapter.url.removeprefix("http://")
    arguments = (tmp_path, "--url", adapter.url)
    code, said = await asyncio.to_thread(verify, *arguments, OLLAMA_HOST=host)
    assert code == 0, said
    verdicts = [line.split()[0] for line in said.splitlines()[:-1]]
    assert verdicts == ["yes"] * 7 + ["-"]
    assert "-    the Docker daemon answers" in said
    assert said.endswith("7 yes, 0 no, 1 not seen\n")


async def test_clients_that_go_elsewhere_are_told(adapter: Adapter, tmp_path: Path) -> None:
    arguments = (tmp_path, "--url", adapter.url)
    code, said = await asyncio.to_thread(verify, *arguments, OLLAMA_HOST="127.0.0.1:1")
    assert code == 1
    assert "NO   clients here come to the adapter           OLLAMA_HOST is 127.0.0.1:1" in said


def test_nobody_there(tmp_path: Path) -> None:
    code, said = verify(tmp_path, "--url", f"http://127.0.0.1:{machine.free_port()}")
    assert code == 1
    assert "NO   the adapter is healthy" in said
    assert "Connection refused" in said
    assert "Traceback" not in said


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIND", raising=False)
    monkeypatch.delenv("RAG_NETWORK", raising=False)
    monkeypatch.setattr(settings, "SETTINGS", Path("/nowhere/.env"))


def stack(address: str = "127.0.0.1", port: str = "11434") -> Stack:
    """An adapter that is published there."""
    ports = {"11434/tcp": [{"HostIp": address, "HostPort": port}]}
    container = Container("adapter", {"NetworkSettings": {"Ports": ports}})
    return Stack(container.address(11434), "p", {"adapter": container})


@pytest.mark.parametrize(
    ("asked", "comes"),
    [
        ("", True),
        ("127.0.0.1", True),
        ("localhost:11434", True),
        ("0.0.0.0", True),
        (":11434", True),
        ("http://127.0.0.1:11434/", True),
        ("http://127.0.0.1", False),  # port 80
        ("https://127.0.0.1", False),
        ("127.0.0.1:1143", False),
        (f"{ELSEWHERE}:11434", False),
        ("no.such.host.invalid:11434", False),
    ],
)
def test_host_and_port_have_to_be_those_of_the_stack(asked: str, comes: bool) -> None:
    assert comes_here(stack(), asked) is comes


def test_a_port_that_is_none_is_told() -> None:
    with pytest.raises(Failed, match=r"127\.0\.0\.1:114345"):
        comes_here(stack(), "127.0.0.1:114345")


def test_where_it_is_open_every_address_of_this_machine_will_do() -> None:
    assert not comes_here(stack(), "127.0.0.2:11434")
    open_ = stack("0.0.0.0")
    assert comes_here(open_, "127.0.0.2:11434")
    assert not comes_here(open_, f"{ELSEWHERE}:11434")


def test_open_ports_are_a_fault_unless_they_were_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bound(stack()) == "ports 11434"
    with pytest.raises(Failed, match=r"open to the network: adapter on 0\.0\.0\.0:11434"):
        bound(stack("0.0.0.0"))
    (tmp_path / ".env").write_text("BIND=0.0.0.0\n")
    monkeypatch.setattr(settings, "SETTINGS", tmp_path / ".env")
    assert bound(stack("0.0.0.0")).startswith(
        "open to the network, as BIND=0.0.0.0 asks: adapter on 0.0.0.0:11434"
    )
    with pytest.raises(Failed):
        bound(stack(ELSEWHERE))


def services(**networks: str) -> Stack:
    """Containers of the services, each on a network."""
    found = {}
    for name, network in networks.items():
        about = {"NetworkSettings": {"Ports": {}, "Networks": {network: {}}}}
        found[name.replace("_", "-")] = Container(name, about)
    return Stack("http://127.0.0.1:11434", "p", found)


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Docker tells of the networks that compose.yaml has."""
    rows = {
        "p_documents": {"Name": "p_documents", "Internal": True, "Options": {}},
        "p_door": {"Name": "p_door", "Internal": False, "Options": {MASQUERADE: "false"}},
        "p_edge": {"Name": "p_edge", "Internal": False, "Options": None},
    }

    def docker(*arguments: str) -> str:
        assert arguments[:2] == ("network", "inspect")
        return json.dumps([rows[name] for name in arguments[2:]])

    monkeypatch.setattr(stacks, "docker", docker)


@pytest.mark.usefixtures("networks")
def test_documents_that_can_leave_are_a_fault_unless_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert documents_shut(services(rag="p_door", rag_db="p_documents")) == ("none has")
    with pytest.raises(Failed, match="a way out: rag by p_edge"):
        documents_shut(services(rag="p_edge"))
    monkeypatch.setenv("RAG_NETWORK", "edge")
    told = documents_shut(services(rag_dataprep="p_edge"))
    assert told == "a way out: rag-dataprep by p_edge, as RAG_NETWORK=edge asks"
    with pytest.raises(Failed, match="a way out: rag-db by p_edge"):
        documents_shut(services(rag_db="p_edge"))


def test_the_pipeline_is_not_taken_for_the_model_behind_it() -> None:
    here = stack()
    here.models = {"chatqna:latest": ["completion"], "tiny:latest": ["completion"]}
    assert able(here, "completion") == "tiny:latest"


def test_services_that_publish_nothing_are_told() -> None:
    with pytest.raises(Failed, match="none of them publishes its port 8888"):
        at_documents(services(rag="p_door"), 8888, "/")
