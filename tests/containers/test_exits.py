"""How the engine's container ends when it can't go on, with the real launcher and a real kernel."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.containers.daemon import Daemon
from tests.containers.stack import Stack
from tests.support import machine
from tests.vllm_image.launcher.fake_hub import GATED, OPEN

MEMORY = ("--memory=4g", "--memory-swap=4g")
HUB_PORT, OTHERS_PORT = 11498, 11499
HUB = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.vllm_image.launcher.fake_hub import Handler, Hub, QuietServer
class One(Handler):
    hub = Hub(token="right")
QuietServer(("127.0.0.1", int(sys.argv[2])), One).serve_forever()
"""
LISTENS = """
for i in $(seq 100); do
  grep -q {address} /proc/net/tcp && exit
  sleep 0.1
done
exit 1
"""


@pytest.fixture(scope="module")
def alone(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """For containers that are run by themselves."""
    return Stack(daemon, tmp_path_factory.mktemp("alone"))


def test_out_of_memory_is_137(alone: Stack) -> None:
    code, _ = alone.engine(flags=MEMORY, STAND_IN="oom")
    assert code == 137


def test_an_illegal_instruction_is_132(alone: Stack) -> None:
    code, _ = alone.engine(STAND_IN="sigill")
    assert code == 132


def test_a_flag_that_this_vllm_lacks_is_78(alone: Stack) -> None:
    code, said = alone.engine(VLLM_EXTRA_ARGS="--cpu-memory-utilization 0.5")
    assert code == 78
    assert "has no option --cpu-memory-utilization" in said


def test_a_folder_that_is_not_mounted_is_78(alone: Stack) -> None:
    code, said = alone.engine("fetch", MODEL="/nowhere")
    assert code == 78
    assert "/nowhere" in said


def test_a_volume_of_roots_is_78_with_the_line_that_mends_it(alone: Stack, tmp_path: Path) -> None:
    volume = tmp_path / "models"
    volume.mkdir()
    code, said = alone.engine("fetch", flags=(f"--volume={volume}:/models",), MODEL="org/name")
    assert code == 78
    assert "chown -R 10001:0 /models" in said


@pytest.fixture(scope="module")
def hub(alone: Stack) -> str:
    """The address of a hub that takes one token; for containers with the daemon's own network."""
    program = shlex.join([sys.executable, "-c", HUB, str(machine.ROOT), str(HUB_PORT)])
    alone.daemon.run("sh", "-ec", f"{program} > /dev/null 2>&1 &")
    alone.daemon.run("sh", "-ec", LISTENS.format(address=f"0100007F:{HUB_PORT:04X}"))
    return f"http://127.0.0.1:{HUB_PORT}"


@pytest.mark.parametrize(
    ("model", "environ", "flags", "said"),
    [
        (OPEN, {"HF_TOKEN": "wrong"}, (), "does not accept HF_TOKEN"),
        (GATED, {"HF_TOKEN": "right"}, (), "is not open to everybody"),
        (OPEN, {}, ("--tmpfs=/models:mode=1777,size=1m",), "too little disk space for"),
    ],
    ids=["token", "gated", "disk"],
)
def test_what_cannot_be_fetched_is_78(
    alone: Stack, hub: str, model: str, environ: dict[str, str], flags: tuple[str, ...], said: str
) -> None:
    settings = {"MODEL": model, "HF_ENDPOINT": hub} | environ
    code, printed = alone.engine("fetch", flags=("--network=host", *flags), **settings)
    assert code == 78, printed
    assert said in printed.splitlines()[-1]


def test_verify_tells_how_it_ended(stack: Callable[..., Stack]) -> None:
    running = stack()
    running.change("llm-cpu", environment={"STAND_IN": "sigill"}, restart="no")
    running.write()
    running.tool("up", "cpu")
    running.until(lambda: running.state("llm-cpu").get("Status") == "exited", "the engine ended")
    code, table = running.verify()
    assert code == 1
    assert "llm-cpu ended with 132 (SIGILL: the CPU lacks an instruction" in table


def test_a_port_that_is_taken_is_78_with_what_to_set(stack: Callable[..., Stack]) -> None:
    running = stack(VISION_PORT=str(OTHERS_PORT))
    program = f"{sys.executable} -m http.server --bind 127.0.0.1 {OTHERS_PORT}"
    running.daemon.run("sh", "-ec", f"{program} > /dev/null 2>&1 &")
    running.daemon.run("sh", "-ec", LISTENS.format(address=f"0100007F:{OTHERS_PORT:04X}"))
    code, said = running.tried("up", "vision")
    assert code == 78, said
    told = f"error: port {OTHERS_PORT} is taken by another program: stop it, or set VISION_PORT"
    assert said.splitlines()[-1] == f"{told} in compose/.env"
