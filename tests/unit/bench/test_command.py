from __future__ import annotations

import pytest

from adapter.cli import main


def test_a_server_that_is_not_there(unused_tcp_port: int, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", f"127.0.0.1:{unused_tcp_port}"]) == 2
    url = f"http://127.0.0.1:{unused_tcp_port}"
    assert capsys.readouterr().err == f"error: {url} can't be reached: Connection refused\n"


def test_an_address_that_is_none(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "ftp://here"]) == 2
    assert capsys.readouterr().err == "error: ftp://here is no address of a server\n"


@pytest.mark.parametrize("given", [["--streams", "0"], ["--tokens", "x"], ["--requests", "-1"]])
def test_numbers_that_are_none(given: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["bench", *given])
    assert "is no whole number above zero" in capsys.readouterr().err or given[1] == "-1"
