"""The profile cpu as people start it: `stack.sh up cpu`, real images, a stand-in for vLLM."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.containers import clients
from tests.containers.daemon import Daemon
from tests.containers.stack import PROJECT, Stack

URL = "http://127.0.0.1:11434"
PYTHON = "/usr/bin/python3"
NO_PATIENCE = ("--dns-opt", "timeout:1", "--dns-opt", "attempts:1")
TOKEN = "a-token"
OUTER, WORLD = "198.51.100.2", "198.51.100.1"
"""The daemon's machine as the world sees it, and a server in that world (addresses of RFC 5737)."""
MAKE_WORLD = f"""
ip netns add world
ip link add outer type veth peer name inner netns world
ip addr add {OUTER}/24 dev outer && ip link set outer up
ip -n world addr add {WORLD}/24 dev inner && ip -n world link set inner up
ip -n world route add default via {OUTER}
ip netns exec world {PYTHON} -m http.server --bind {WORLD} 80 > /dev/null 2>&1 &
for i in $(seq 50); do
  {PYTHON} -c "import socket; socket.create_connection(('{WORLD}', 80), 1)" 2>/dev/null && exit
  sleep 0.1
done
exit 1
"""


@pytest.fixture(scope="module")
def running(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(daemon, tmp_path_factory.mktemp("cpu"))
    secrets = stack.folder / "secrets"
    secrets.mkdir(mode=0o755)
    (secrets / "hf_token").write_text(TOKEN)  # for everybody to see, until the stack is started
    stack.tool("up", "cpu")
    stack.until_healthy("adapter", "llm-cpu")
    yield stack
    stack.gone()


@pytest.fixture(scope="module")
def world(running: Stack) -> str:
    """The address of a server outside of the machine."""
    running.daemon.run("sh", "-ec", MAKE_WORLD)
    return WORLD


def test_ollama_python_streams_a_chat_through_the_published_port(running: Stack) -> None:
    said = running.python(clients.STREAMED_CHAT, URL)
    model, count, _ = said.split(maxsplit=2)
    assert model == "tiny-chat:latest"
    assert int(count) > 2


def test_every_check_of_verify_says_yes(running: Stack) -> None:
    code, table = running.verify()
    print(table)
    assert code == 0, table
    verdicts = [line.split()[0] for line in table.splitlines()[:-1]]
    assert verdicts == ["yes"] * len(verdicts)
    assert len(verdicts) >= 12


def test_the_adapter_did_not_wait_for_the_engine(running: Stack) -> None:
    assert running.state("adapter")["StartedAt"] < running.state("llm-cpu")["StartedAt"]


def test_the_engine_waited_for_the_fetch(running: Stack) -> None:
    fetched = running.state("fetch-cpu")
    assert fetched["ExitCode"] == 0
    assert fetched["FinishedAt"] < running.state("llm-cpu")["StartedAt"]


def test_the_engine_publishes_nothing(running: Stack) -> None:
    about = json.loads(running.daemon.docker("inspect", running.container("llm-cpu")))[0]
    assert not any((about["NetworkSettings"]["Ports"] or {}).values())


def test_the_engine_has_no_way_out_and_the_adapter_has(running: Stack, world: str) -> None:
    ask = f"import socket; socket.create_connection(({world!r}, 80), 3).close()"
    assert running.inside_any("adapter", "python3", "-c", ask) == (0, "")
    code, said = running.inside_any("llm-cpu", "python3", "-c", ask)
    assert code == 1
    assert "timed out" in said or "unreachable" in said


def test_outside_nobody_reaches_engine_or_adapter(running: Stack, world: str) -> None:
    engine = json.loads(running.daemon.docker("inspect", running.container("llm-cpu")))[0]
    (network,) = engine["NetworkSettings"]["Networks"].values()
    for address, port in ((network["IPAddress"], 8000), (OUTER, 11434)):
        ask = f"import socket; socket.create_connection(({address!r}, {port}), 3).close()"
        code, said = running.daemon.tried("ip", "netns", "exec", "world", PYTHON, "-c", ask)
        assert code == 1, said


def test_a_container_beside_the_backend_does_not_find_the_engine(running: Stack) -> None:
    ask = "import socket; socket.create_connection(('llm', 8000), 5)"
    image = f"{PROJECT}/adapter:dev"
    code, said = running.daemon.tried(
        *("docker", "run", "--rm", "--network", f"{PROJECT}_edge", *NO_PATIENCE),
        *("--entrypoint", "python3", image, "-c", ask),
    )
    assert code == 1
    assert "gaierror" in said


def test_only_the_adapter_is_published_and_on_this_machine_alone(running: Stack) -> None:
    listed = running.daemon.docker("ps", "--format", "{{.Ports}}").split()
    assert [port for port in listed if "->" in port] == ["127.0.0.1:11434->11434/tcp"]


@pytest.mark.parametrize("service", ["adapter", "llm-cpu"])
def test_processes_have_no_rights(running: Stack, service: str) -> None:
    status = running.inside(service, "cat", "/proc/1/status")
    told = dict(line.split(":", 1) for line in status.splitlines())
    assert told["Uid"].split() == ["10001"] * 4
    assert told["Gid"].split() == ["0"] * 4
    assert int(told["CapEff"], 16) == 0
    assert told["NoNewPrivs"].strip() == "1"


@pytest.mark.parametrize("service", ["adapter", "llm-cpu"])
def test_the_root_is_read_only_and_the_volumes_are_not(running: Stack, service: str) -> None:
    volume = {"adapter": "/state", "llm-cpu": "/cache"}[service]
    script = f"touch /x 2>&1; touch {volume}/x /tmp/x && echo written"
    said = running.inside(service, "sh", "-c", script)
    assert "Read-only file system" in said
    assert "written" in said


def test_a_secret_is_read_by_the_one_service_that_needs_it(running: Stack) -> None:
    token = running.folder / "secrets" / "hf_token"
    assert oct(token.stat().st_mode)[-3:] == "644"
    assert oct(token.parent.stat().st_mode)[-3:] == "700"
    read = ["compose", "run", "--rm", "-T", "--entrypoint", "cat"]
    assert TOKEN in running.tool(*read, "fetch-cpu", "/run/secrets/hf_token")
    assert "No such file" in running.inside("llm-cpu", "sh", "-c", "ls /run/secrets 2>&1; true")
