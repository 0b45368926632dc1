"""The whole of `up`, from the command line, with stand-ins for vLLM and the adapter's command.

The last test has the real ones.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen, run

import pytest
from launcher import leash, ports, serving, settings
from launcher.install import Installer

from tests.support import engine, machine
from tests.vllm_image.launcher.tensors import EMPTY

IMAGES = Path(leash.__file__).parent.parent
# One server for all parts: it answers every path, and leaves a helper behind when it is killed.
SERVER = textwrap.dedent(
    """
    import http.server, json, os, subprocess, sys, threading, time

    arguments = dict(zip(sys.argv, sys.argv[1:]))
    if "engine" in sys.argv:
        if "fail" in arguments["serve"]:
            raise SystemExit("ValueError: the model is not to my taste")
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    body = {"data": [{"id": arguments.get("--served-model-name", "served")}]}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.wfile.write(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
            if "ingest" in self.path:
                time.sleep(60 if os.environ["INDEX_NAME"] == "slow" else 0)
                self.wfile.write(b'{"stage": "waiting"}\\n{"stage": "added"}\\n')

    if "services" in sys.argv:
        if os.environ["INDEX_NAME"] == "fail":
            raise SystemExit(78)
        address = "127.0.0.1", int(os.environ["DATAPREP_PORT"])
        second = http.server.ThreadingHTTPServer(address, Handler)
        threading.Thread(target=second.serve_forever, daemon=True).start()
        arguments.update({"--host": "127.0.0.1", "--port": os.environ["CHATQNA_PORT"]})
    http.server.ThreadingHTTPServer(
        (arguments["--host"], int(arguments["--port"])), Handler
    ).serve_forever()
    """
)


class Checkout:
    """A checkout in which everything is installed, the engine as a wrapper on PATH."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = ports.free_port()
        self.env = {
            "HOME": str(root),
            "PATH": f"{root / 'path'}:/usr/bin:/bin",
            "PYTHONPATH": str(IMAGES),
            "HF_HUB_OFFLINE": "1",
            "OLLAMA_HOST": f"127.0.0.1:{self.port}",
        }
        server = self.write("server.py", SERVER)
        self.write("pyproject.toml", "")
        self.write("adapter/requirements.lock", "")
        self.write("compose/services/local.lock", "")
        call = f'exec {sys.executable} {server} "$@"'
        version = '[ "$1" = --version ] && { echo 0.32.0; exit; }'
        self.write("path/vllm", f"#!/bin/sh\n{version}\n{call} engine\n", executable=True)
        self.write(".venv/bin/python", "", executable=True)
        self.write(".venv/bin/ollama-vllm", f"#!/bin/sh\n{call}\n", executable=True)
        self.write(".venv/services/bin/python", f"#!/bin/sh\n{call}\n", executable=True)
        installer = Installer(root, IMAGES, None, {})  # type: ignore[arg-type]
        self.write(".venv/installed", installer.adapter_stamp())
        self.write(".venv/services/installed", installer.services_stamp())

    def model(self, name: str) -> Path:
        for file in ("config.json", "tokenizer.json"):
            self.write(f"{name}/{file}", "{}")
        self.write(f"{name}/model.safetensors", EMPTY.decode())
        return self.root / name

    def documents(self, **env: str) -> dict[str, str]:
        """A folder with one, and what it takes to serve it."""
        folder = self.write("documents/a.md", "A.").parent
        chatqna, dataprep = str(ports.free_port()), str(ports.free_port())
        own = {"DOCS": str(folder), "CHATQNA_PORT": chatqna, "DATAPREP_PORT": dataprep}
        return own | {"MODEL": str(self.model("m")), "INDEX_NAME": "rag"} | env

    @contextlib.contextmanager
    def up(self, **env: str) -> Iterator[Popen[str]]:
        command = [sys.executable, "-m", "launcher", "up"]
        launcher = Popen(
            command, cwd=self.root, env={**self.env, **env}, stdout=PIPE, stderr=PIPE, text=True
        )
        with launcher:
            try:
                yield launcher
            finally:
                launcher.kill()

    def write(self, name: str, text: str, *, executable: bool = False) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if executable:
            path.chmod(0o755)
        return path


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def ready(launcher: Popen[str]) -> tuple[str, str]:
    assert launcher.stdout
    return launcher.stdout.readline().rstrip(), launcher.stdout.readline().rstrip()


def family(launcher: Popen[str]) -> set[int]:
    return leash.descendants(launcher.pid, leash.parents())


def find(launcher: Popen[str], word: str) -> int:
    """The process of that name, below its leash."""
    for pid in sorted(family(launcher)):
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        if word in arguments and "-I" not in arguments:
            return pid
    raise AssertionError(f"no {word}")


def title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0].decode()


def gone(processes: set[int]) -> bool:
    deadline = time.monotonic() + 10
    while processes & set(leash.parents()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_it_says_when_it_is_ready_and_ctrl_c_ends_it(checkout: Checkout) -> None:
    with checkout.up(MODEL=str(checkout.model("My-Model"))) as launcher:
        url = f"http://127.0.0.1:{checkout.port}"
        first, second = ready(launcher)
        assert first == f"ready: {url} model my-model:latest"
        assert second.startswith(f"curl {url}/api/chat -d '")
        assert json.loads(second.partition("'")[2].rstrip("'"))["model"] == "my-model:latest"
        processes = family(launcher)
        launcher.send_signal(signal.SIGINT)
        assert launcher.wait(10) == 130
        assert gone(processes)


def test_an_engine_that_dies_while_serving_ends_all_of_it(checkout: Checkout) -> None:
    with checkout.up(MODEL=str(checkout.model("m"))) as launcher:
        ready(launcher)
        processes = family(launcher)
        os.kill(find(launcher, "engine"), signal.SIGKILL)
        _, errors = launcher.communicate(timeout=10)
        assert launcher.returncode == 75
        assert "error: the engine ended while it was serving, exit code 137" in errors
        assert gone(processes)


def test_an_adapter_that_dies_ends_all_of_it_with_its_code(checkout: Checkout) -> None:
    with checkout.up(MODEL=str(checkout.model("m"))) as launcher:
        ready(launcher)
        processes = family(launcher)
        os.kill(find(launcher, "--upstream"), signal.SIGSEGV)
        _, errors = launcher.communicate(timeout=10)
        assert launcher.returncode == 139
        assert "error: the adapter ended, exit code 139: it crashed" in errors
        assert gone(processes)


def test_a_launcher_killed_hard_takes_all_of_it_along(checkout: Checkout) -> None:
    with checkout.up(MODEL=str(checkout.model("m"))) as launcher:
        ready(launcher)
        processes = family(launcher)
        launcher.kill()
        launcher.wait()
        assert gone(processes)


def test_the_end_of_make_is_the_launchers(checkout: Checkout) -> None:
    """A shell stands between the two, and make ends no more than that."""
    command = f"MODEL={checkout.model('m')} {sys.executable} -m launcher up; exit"
    env = {**checkout.env, "MAKELEVEL": "1"}
    with Popen(
        ["/bin/sh", "-c", command], cwd=checkout.root, env=env, stdout=PIPE, text=True
    ) as sh:
        ready(sh)
        processes = family(sh)
        sh.terminate()
        assert gone(processes)


def test_an_engine_that_refuses_its_model_shows_why(checkout: Checkout) -> None:
    with checkout.up(MODEL=str(checkout.model("fail"))) as launcher:
        _, errors = launcher.communicate(timeout=10)
    assert launcher.returncode == 78
    assert "error: the engine ended while it loaded the model, exit code 1" in errors
    assert "ValueError: the model is not to my taste" in errors


def test_an_engine_of_somebody_elses_is_only_waited_for(checkout: Checkout) -> None:
    port = ports.free_port()
    command = [sys.executable, str(checkout.root / "server.py")]
    with Popen([*command, "--host", "127.0.0.1", "--port", str(port)], stderr=PIPE) as theirs:
        try:
            with checkout.up(VLLM_URL=f"http://127.0.0.1:{port}/v1") as launcher:
                assert ready(launcher)[0].endswith(" model served")
                launcher.terminate()
                assert launcher.wait(10) == 143
            assert theirs.poll() is None
        finally:
            theirs.kill()


@pytest.mark.parametrize(
    ("env", "code", "text"),
    [
        ({"MODEL": "/no/such/model"}, 78, "error: MODEL names a folder that is not there"),
        ({"MODEL": "some/model"}, 78, "error: HF_HUB_OFFLINE is set"),
        ({"OLLAMA_CONTEXT_LENGTH": "8k"}, 78, "error: OLLAMA_CONTEXT_LENGTH"),
        ({"OLLAMA_HOST": "192.0.2.1"}, 78, "error: can't listen on 192.0.2.1"),
        ({"OLLAMA_HOST": "a..b"}, 78, "error: OLLAMA_HOST names no address: a..b"),
        ({"VLLM_URL": "http://127.0.0.1:abc"}, 78, "error: VLLM_URL is no address"),
        ({"DOCS": "/no/such/folder"}, 78, "error: DOCS names a folder that is not there"),
        ({"DOCS": "path"}, 78, "error: DOCS names a folder without a file to take in: path;"),
        ({"HF_ENDPOINT": "huggingface.co"}, 78, "error: HF_ENDPOINT is no address"),
        ({"HF_HOME": "~nobodyx/x", "MODEL": "~nobodyx/foo"}, 78, "error: MODEL names a folder"),
    ],
)
def test_what_cannot_work_is_one_line(
    checkout: Checkout, env: dict[str, str], code: int, text: str
) -> None:
    with checkout.up(**env) as launcher:
        output, errors = launcher.communicate(timeout=10)
    assert (launcher.returncode, output) == (code, "")
    assert errors.startswith(text)
    assert errors.count("\n") == 1


def test_what_the_file_system_refuses_is_one_line(checkout: Checkout) -> None:
    log = checkout.root / ".venv" / "vllm.log"
    log.mkdir()
    with checkout.up(MODEL=str(checkout.model("m"))) as launcher:
        _, errors = launcher.communicate(timeout=10)
    assert (launcher.returncode, errors) == (78, f"error: {log}: Is a directory\n")


def test_two_at_a_time_in_one_folder_are_refused(checkout: Checkout) -> None:
    with checkout.up(MODEL=str(checkout.model("m"))) as first:
        ready(first)
        with checkout.up() as second:
            _, errors = second.communicate(timeout=10)
        assert second.returncode == 75
        assert "another make serve is at work" in errors


def test_the_environment_of_a_child_is_not_the_launchers(checkout: Checkout) -> None:
    with checkout.up(MODEL=str(checkout.model("m")), VLLM_API_KEY="k") as launcher:
        ready(launcher)
        raw = Path(f"/proc/{find(launcher, 'engine')}/environ").read_text().split("\0")
    names = {entry.partition("=")[0] for entry in raw}
    assert not {"PYTHONPATH", "VLLM_API_KEY"} & names
    assert {"HF_HUB_OFFLINE=1", "VLLM_MAX_STOP_STRINGS=64"} <= {*raw}


def test_documents_are_taken_in_before_it_is_ready(checkout: Checkout) -> None:
    given = checkout.documents()
    with checkout.up(**given) as launcher:
        first, second = ready(launcher)
        url = f"http://127.0.0.1:{checkout.port}"
        folder = given["DOCS"]
        assert (
            first == f"ready: {url} model chatqna:latest, which answers from {folder} by m:latest"
        )
        assert second == f'OLLAMA_HOST=127.0.0.1:{checkout.port} make ask Q="..."'
        assert launcher.stdout
        page = f"or on the page: http://127.0.0.1:{given['CHATQNA_PORT']}\n"
        assert launcher.stdout.readline() == page
        configured = Path(f"/proc/{find(launcher, '--config')}/cmdline").read_bytes()
        assert b"--upstream" not in configured
        processes = family(launcher)
        launcher.send_signal(signal.SIGINT)
        _, errors = launcher.communicate(timeout=10)
        assert f"taking in 1 file from {folder} ..." in errors
        assert "documents: 1 added" in errors
        assert launcher.returncode == 130
        assert gone(processes)


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_make_hands_a_folder_on_as_it_is(tmp_path: Path, how: str) -> None:
    folder = """/tmp/a$b c/$(x) `y` "z" isn't; #1 {é} \\"""
    shutil.copy(machine.ROOT / "Makefile", tmp_path)
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf \'<%s>\' "$DOCS" "$@"\n')
    python.chmod(0o755)
    given = [f"DOCS={folder}"] if how == "argument" else []
    env = machine.clean_environ(**({} if given else {"DOCS": folder}))
    command = ["make", "serve", f"PYTHON={python}", *given]
    done = run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"<{folder}><-m><launcher><up>"


def test_a_folder_whose_name_is_no_text_can_be_told(tmp_path: Path) -> None:
    own = settings.read({"DOCS": "caf\udce9"}, tmp_path)
    [first, *_] = serving.ready_lines(own, "m", True)
    assert " which answers from caf\ufffd by m" in first


def test_ctrl_c_while_documents_are_taken_in(checkout: Checkout) -> None:
    with checkout.up(**checkout.documents(INDEX_NAME="slow")) as launcher:
        assert launcher.stderr
        while "taking in" not in launcher.stderr.readline():
            pass
        time.sleep(0.3)  # it waits for the outcome by now, or will be told before
        processes = family(launcher)
        launcher.send_signal(signal.SIGINT)
        _, errors = launcher.communicate(timeout=10)
        assert (launcher.returncode, errors) == (130, "stopped, nothing is left running\n")
        assert gone(processes)


def test_services_that_die_end_all_of_it_with_their_code(checkout: Checkout) -> None:
    with checkout.up(**checkout.documents()) as launcher:
        ready(launcher)
        processes = family(launcher)
        os.kill(find(launcher, "services"), signal.SIGKILL)
        _, errors = launcher.communicate(timeout=10)
        assert launcher.returncode == 137
        assert "error: the services ended, exit code 137" in errors
        assert gone(processes)


def test_settings_that_the_services_refuse_are_told_before_the_engine_loads(
    checkout: Checkout,
) -> None:
    with checkout.up(**checkout.documents(INDEX_NAME="fail")) as launcher:
        _, errors = launcher.communicate(timeout=10)
    assert launcher.returncode == 78
    assert "error: the services ended, exit code 78" in errors
    assert "loading" not in errors


@pytest.mark.parametrize("variable", ["CHATQNA_PORT", "DATAPREP_PORT"])
def test_a_taken_port_of_the_services_is_told_first(checkout: Checkout, variable: str) -> None:
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        mine.listen()
        port = str(mine.getsockname()[1])
        with checkout.up(**checkout.documents(**{variable: port})) as launcher:
            _, errors = launcher.communicate(timeout=10)
    assert launcher.returncode == 78
    assert errors.startswith(f"error: port {port} is taken by process {os.getpid()}")
    assert errors.endswith(f"{variable}={int(port) + 1} make serve DOCS=...\n")
    assert errors.count("\n") == 1


def test_an_engine_of_somebody_elses_answers_from_documents(checkout: Checkout) -> None:
    port = ports.free_port()
    command = [sys.executable, str(checkout.root / "server.py")]
    with Popen([*command, "--host", "127.0.0.1", "--port", str(port)], stderr=PIPE) as theirs:
        try:
            given = checkout.documents(VLLM_URL=f"http://127.0.0.1:{port}")
            with checkout.up(**given) as launcher:
                assert ready(launcher)[0].endswith(" by served")
        finally:
            theirs.kill()


def test_a_model_that_makes_no_text_answers_nothing(checkout: Checkout) -> None:
    given = checkout.documents()
    checkout.write("m/config.json", '{"architectures": ["BertModel"]}')
    with checkout.up(**given) as launcher:
        _, errors = launcher.communicate(timeout=10)
    assert errors == "error: DOCS needs a model that answers, and m:latest makes no text\n"


@pytest.mark.vllm
def test_the_real_engine_killed_hard_leaves_no_process(checkout: Checkout) -> None:
    model = engine.model_folder("tiny-chat")
    vllm = " ".join(machine.vllm())
    checkout.write("path/vllm", f'#!/bin/sh\nexec {vllm} "$@"\n', executable=True)
    adapter = f'exec env PYTHONPATH={machine.ROOT} {sys.executable} -m adapter "$@"'
    checkout.write(".venv/bin/ollama-vllm", f"#!/bin/sh\n{adapter}\n", executable=True)
    with checkout.up(MODEL=str(model)) as launcher:
        assert ready(launcher)[0].endswith(" model tiny-chat:latest")
        processes = family(launcher)
        assert {"VLLM::EngineCore", "VLLM::Worker"} <= {title(pid) for pid in processes}
        os.kill(find(launcher, "--enable-per-request-metrics"), signal.SIGKILL)
        _, errors = launcher.communicate(timeout=20)
        assert launcher.returncode == 75
        assert "exit code 137" in errors
        assert gone(processes)
