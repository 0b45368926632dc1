from __future__ import annotations

import pytest

from adapter.errors import Busy
from adapter.server.admission import Admission

FULL = "server busy, please try again.  maximum pending requests exceeded"


def test_the_queue_is_full():
    admission = Admission(2)
    places = [admission.enter(), admission.enter()]
    with pytest.raises(Busy) as refused:
        admission.enter()
    assert (refused.value.message, refused.value.status) == (FULL, 503)
    assert refused.value.retry_after is not None
    places[0].leave()
    admission.enter()
    assert admission.waiting == 2


def test_a_place_is_left_once():
    admission = Admission(1)
    with admission.enter() as place:
        place.leave()
        place.leave()
        assert admission.waiting == 0
        with admission.enter():
            assert admission.waiting == 1
    assert admission.waiting == 0


def test_a_place_is_left_whatever_happens():
    admission = Admission(1)
    with pytest.raises(ZeroDivisionError), admission.enter():
        raise ZeroDivisionError
    assert admission.waiting == 0
