"""Passwords that are in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from services.errors import ConfigError
from services.house import store_at
from services.store.password_file import read_password, without_password_file


@pytest.mark.parametrize(
    ("url", "address", "file"),
    [
        ("postgresql://u@h:5432/d", "postgresql://u@h:5432/d", ""),
        ("postgresql:///d?host=/tmp/x", "postgresql:///d?host=/tmp/x", ""),
        ("postgresql://u@h/d?password_file=/run/p", "postgresql://u@h/d", "/run/p"),
        (
            "postgresql://u@h/d?sslmode=require&password_file=/run/p",
            "postgresql://u@h/d?sslmode=require",
            "/run/p",
        ),
        ("rediss://h:6379?password_file=/run/p", "rediss://h:6379", "/run/p"),
        ("redis://h?password_file=", "redis://h", ""),
    ],
)
def test_the_password_can_be_in_a_file(url: str, address: str, file: str):
    assert without_password_file(url) == (address, file)


@pytest.mark.parametrize(
    ("scheme", "why"),
    [
        ("redis", "not an address; "),
        ("postgresql", "not an address; "),
        ("milvus", "'milvus' is no kind of store"),
    ],
)
def test_what_is_no_address_is_told_without_the_password(scheme: str, why: str):
    with pytest.raises(ConfigError, match=f"^STORE_URL: {why}") as told:
        store_at(f"{scheme}://u:se[cret@h/d")
    assert "se[" not in str(told.value)


def test_what_is_in_the_file(tmp_path: Path):
    (tmp_path / "password").write_text("a-secret\n")
    assert read_password(f"{tmp_path}/password") == "a-secret"
    assert read_password("") is None


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"^STORE_URL: password_file: .*none"):
        read_password(f"{tmp_path}/none")
