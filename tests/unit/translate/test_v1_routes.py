import pytest

from adapter.translate import v1_routes
from adapter.translate.target import Target
from adapter.translate.v1_fields import Extras, Model
from adapter.translate.v1_routes import PassedRoute

ROUTES = {name: value for name, value in vars(v1_routes).items() if isinstance(value, PassedRoute)}


def test_there_is_a_row_for_each():
    assert len(ROUTES) == 10
    assert len({route.path for route in ROUTES.values()}) == 10


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_a_request_without_a_name(route: PassedRoute):
    error = route.nameless(" ")
    expected = (404, "model ' ' not found") if route.path == "completions" else None
    assert (error.status, error.message) == (expected or (400, "model is required"))


def test_some_routes_change_nothing():
    body = {"model": "m", "x": 1}
    v1_routes.RERANK.check(body)
    v1_routes.RERANK.translate(body, Extras(), Model("m", "m", frozenset(), Target("s")))
    assert body == {"model": "m", "x": 1}
