from __future__ import annotations

from pathlib import Path

import pytest
from launcher import secret, settings
from launcher.errors import CannotRun


def test_the_first_name_that_is_set_counts(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(" from-a-file\n")
    (tmp_path / "empty").write_text("\n")
    file, empty = str(tmp_path / "s"), str(tmp_path / "empty")
    assert secret.read({"A": "a", "B": "b"}, "A", "B") == "a"
    assert secret.read({"A": " ", "B": "b"}, "A", "B") == "b"
    assert secret.read({"A_FILE": file, "B": "b"}, "A", "B") == "from-a-file"
    assert secret.read({"A_FILE": empty, "B": "b"}, "A", "B") == "b"
    assert secret.read({"A": "a", "A_FILE": "/no/such/file"}, "A") == "a"
    assert secret.read({}, "A", "B") == ""


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(
        CannotRun, match=r"A_FILE names /no/such, which user \d+ can't read: no such"
    ):
        secret.read({"A_FILE": "/no/such"}, "A")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(CannotRun, match="which is no text"):
        secret.read({"A_FILE": str(tmp_path / "binary")}, "A")


@pytest.mark.parametrize("value", ["top secret", "top\nsecret", "töp-secret"])
def test_what_would_break_a_header_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(CannotRun) as raised:
        secret.read({"A": value}, "A")
    assert "secret;" not in raised.value.text
    assert value not in raised.value.text


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN"])
def test_the_hubs_token_has_two_names(name: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("hf_x\n")
    assert settings.hub({"HOME": "/no", name: "hf_x"}).token == "hf_x"
    assert settings.hub({"HOME": "/no", f"{name}_FILE": str(tmp_path / "t")}).token == "hf_x"
