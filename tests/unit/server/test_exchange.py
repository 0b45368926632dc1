from __future__ import annotations

from typing import Any

import pytest

from adapter.aside import LARGE
from adapter.server.exchange import weight


class Read:
    """An exchange whose body has this size."""

    def __init__(self, size: int) -> None:
        self.size = size


@pytest.mark.parametrize("size", [0, 1, LARGE - 1, LARGE, 2 * LARGE])
def test_a_request_weighs_what_its_body_does(size: int):
    exchange: Any = Read(size)
    assert weight(exchange) == size


@pytest.mark.parametrize("size", [0, LARGE])
def test_a_template_may_take_its_time(size: int):
    exchange: Any = Read(size)
    assert weight(exchange, "{{ .Prompt }}") >= LARGE
