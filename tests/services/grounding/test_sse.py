from __future__ import annotations

import pytest
from services.grounding.sse import DONE, Events

WIRE = ': hi\n\ndata: {"a":"\u2028"}\r\n\r\nevent: x\ndata:1\ndata: 2\n\ndata: cut'.encode()


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_cut_anywhere(size: int):
    reader = Events()
    payloads = [
        payload for at in range(0, len(WIRE), size) for payload in reader.feed(WIRE[at : at + size])
    ]
    assert payloads == ['{"a":"\u2028"}'.encode(), b"1\n2"]


def test_the_end():
    assert DONE == b"data: [DONE]\n\n"
