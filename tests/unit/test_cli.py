from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from adapter import OLLAMA_VERSION, __version__
from adapter.cli import main
from adapter.errors import EX_CONFIG

VARIABLES = ["VLLM_URL", "ADAPTER_CONFIG", "ADAPTER_WORKERS", "OLLAMA_HOST", "VLLM_API_KEY"]


@pytest.fixture(autouse=True)
def own_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve` sends the lines of its process to standard error; this process has others to do."""
    monkeypatch.setattr("adapter.observe.logs._configured", False)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "adapter.toml"
    file.write_text('[[upstreams]]\nname = "llm"\nurl = "http://127.0.0.1:8000"\n[models."m"]\n')
    return file


def test_version(capsys: pytest.CaptureFixture[str]):
    assert main(["version"]) == 0
    out = capsys.readouterr().out
    assert out == f"ollama-vllm {__version__} (API of Ollama {OLLAMA_VERSION})\n"
    assert re.fullmatch(r"\d+\.\d+\.\d+", OLLAMA_VERSION)


def test_a_good_file(file: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["check-config", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: ok, 1 upstream, 1 model\n"
    more = '[[upstreams]]\nname = "b"\nurl = "http://127.0.0.1:8001"\n'
    file.write_text(more + file.read_text().replace('[models."m"]\n', ""))
    assert main(["check-config", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: ok, 2 upstreams, 0 models\n"


def test_a_bad_file(file: Path, capsys: pytest.CaptureFixture[str]):
    file.write_text(file.read_text() + "[server]\nprot = 1\n")
    assert main(["check-config", str(file)]) == EX_CONFIG == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"error: {file}: unknown key server.prot; did you mean port?\n"


@pytest.mark.parametrize("command", ["check-config", "serve"])
def test_a_name_that_nobody_can_ask_for(
    file: Path, capsys: pytest.CaptureFixture[str], command: str
):
    file.write_text(file.read_text().replace('"m"', '"überåuge"'))
    how = [] if command == "check-config" else ["--port", "0", "--config"]
    assert main([command, *how, str(file)]) == EX_CONFIG
    _, err = capsys.readouterr()
    assert "models.überåuge: 'überåuge' is no name that clients can ask for" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", [["serve"], ["serve", "--workers", "2"], ["models"]])
def test_without_an_engine(command: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(command) == EX_CONFIG
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: no upstream: set VLLM_URL=")
    assert err.count("\n") == 1


def test_several_workers_need_a_free_port(capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = ["serve", "--upstream", "http://127.0.0.1:9", "--workers", "2", "--port", port]
        assert main(command) == EX_CONFIG
    assert f"can't listen on 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


def test_models_of_an_engine_that_is_away(capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert main(["models", "--upstream", f"http://127.0.0.1:{port}"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: the engine vllm is not there or still loading\n"


@pytest.mark.parametrize("command", [[], ["dance"], ["serve", "--port", "x"], ["check-config"]])
def test_a_command_that_is_none(command: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ollama-vllm")


def test_a_key_of_the_keyboard_ends_it(monkeypatch: pytest.MonkeyPatch, file: Path):
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("adapter.cli.load_settings", interrupted)
    assert main(["check-config", str(file)]) == 130
