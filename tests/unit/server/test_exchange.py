from __future__ import annotations

from typing import Any

import pytest

from adapter.aside import LARGE
from adapter.server.exchange import weight
from adapter.translate.target import Target
from adapter.wire.ollama import Message


class Read:
    """An exchange whose body has this size."""

    def __init__(self, size: int) -> None:
        self.size = size


@pytest.mark.parametrize("size", [0, 1, LARGE - 1, LARGE, 2 * LARGE])
def test_a_request_weighs_what_its_body_does(size: int):
    exchange: Any = Read(size)
    assert weight(exchange) == size
    assert weight(exchange, Target("a")) == size


def test_and_what_the_model_adds():
    exchange: Any = Read(5)
    assert weight(exchange, Target("a", system="Be brief.")) == 5 + len("Be brief.")
    assert weight(exchange, Target("a", turns=(Message(role="user", content="x"),))) >= LARGE


@pytest.mark.parametrize("size", [0, LARGE])
def test_a_template_may_take_its_time(size: int):
    exchange: Any = Read(size)
    assert weight(exchange, Target("a", template="{{ .Prompt }}")) >= LARGE
    assert weight(exchange, Target("a"), "{{ .Prompt }}") >= LARGE
