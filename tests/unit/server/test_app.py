"""The application as it is wired, before it is started."""

from __future__ import annotations

from adapter.server.app import make_app
from adapter.server.routes import EXCHANGES, ROUTES
from adapter.server.state import STATE
from adapter.settings import load_settings


def test_what_is_wired():
    settings = load_settings({"upstream": "http://127.0.0.1:9"}, {"OLLAMA_MAX_QUEUE": "1"})
    app = make_app(settings)
    state = app[STATE]
    assert state.settings is settings
    assert state.engines == {}  # they are opened with the application
    assert state.discovery.catalog.entries == ()
    paths = {resource.canonical for resource in app.router.resources()}
    assert paths == {*EXCHANGES, *(route.path for route in ROUTES)}
    assert app._client_max_size == settings.server.body_limit


def test_two_applications_share_nothing():
    settings = load_settings({"upstream": "http://127.0.0.1:9"}, {})
    one, other = make_app(settings)[STATE], make_app(settings)[STATE]
    one.admission.enter()
    assert other.admission.waiting == 0
    assert one.metrics.registry is not other.metrics.registry
