"""What of the workers is no process; tests/faults kills real ones."""

from __future__ import annotations

import socket

import pytest

from adapter.errors import ConfigError
from adapter.server.workers import all_workers, require_free


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]
)
def test_a_port_that_somebody_listens_on(host: str, family: socket.AddressFamily):
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            require_free(host, port)
        assert str(refused.value) == f"can't listen on {host}:{port}: Address already in use"
    require_free(host, port)
    require_free(host, port)  # asking takes nothing


def test_a_port_must_be_named():
    with pytest.raises(ConfigError, match="several workers need a port that is named"):
        require_free("127.0.0.1", 0)


def test_an_address_of_another_machine():
    with pytest.raises(ConfigError, match=r"can't listen on 192\.0\.2\.1:80"):
        require_free("192.0.2.1", 80)


def test_one_process_has_its_own_metrics_only():
    assert all_workers() is None
