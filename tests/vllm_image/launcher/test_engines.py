from __future__ import annotations

import sys
from pathlib import Path

import pytest
from launcher import engines
from launcher.errors import CannotRun
from launcher.plan import Engine


def command(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "vllm"
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_no_vllm_on_path(tmp_path: Path) -> None:
    assert engines.on_path(str(tmp_path), tmp_path / "own") is None


def test_our_own_engine_on_path_is_not_the_users(tmp_path: Path) -> None:
    own = command(tmp_path / "own" / "bin", "#!/bin/sh\n")
    assert engines.on_path(str(own.parent), tmp_path / "own") is None


@pytest.mark.parametrize(
    ("printed", "version", "cpu"), [("0.33.0", (0, 33, 0), False), ("0.32.0+cpu", (0, 32, 0), True)]
)
def test_a_wrapper_is_asked_for_its_version(
    tmp_path: Path, printed: str, version: tuple[int, ...], cpu: bool
) -> None:
    path = command(tmp_path, f"#!/bin/sh\necho a warning\necho {printed}\n")
    engine = engines.on_path(str(tmp_path), tmp_path / "own")
    assert engine == Engine((str(path),), version, cpu, "")


def test_a_vllm_that_cannot_tell_its_version_is_refused(tmp_path: Path) -> None:
    command(tmp_path, "#!/bin/sh\necho broken >&2\nexit 1\n")
    with pytest.raises(CannotRun, match="does not tell its version") as raised:
        engines.on_path(str(tmp_path), tmp_path / "own")
    assert raised.value.details == ["broken"]


def test_the_interpreter_is_in_the_first_line(tmp_path: Path) -> None:
    assert engines.interpreter(command(tmp_path, f"#!{sys.executable}\n")) == sys.executable
    assert engines.interpreter(command(tmp_path, "#!/bin/sh\n")) == ""
    assert engines.interpreter(command(tmp_path, "#!/no/such/python3\n")) == ""


def test_versions_are_numbers() -> None:
    assert engines.numbers("0.32.1+cpu") == (0, 32, 1)
    assert engines.numbers("0.33.0rc1") == (0, 33, 0)
    assert engines.numbers("dev") == ()
