from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from launcher import health, ports
from launcher.errors import CannotRun

MODEL = {"MODEL": "Qwen/Qwen2.5-0.5B-Instruct"}


@contextmanager
def engine(health_status: int, models: object, status: int = 200) -> Iterator[dict[str, str]]:
    """An engine that answers so, on a socket of its own; yields the environment that names it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asleep = health_status == 0
            if asleep:
                released.wait(10)
            alive = self.path == "/health"
            body = b"" if alive else json.dumps(models).encode()
            self.send_response(health_status or 200 if alive else status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    released = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {**MODEL, "ENGINE_PORT": str(server.server_port)}
    finally:
        released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def served(*names: str) -> dict[str, list[dict[str, str]]]:
    return {"data": [{"id": name} for name in names]}


def test_it_is_well_when_its_model_is_served() -> None:
    with engine(200, served("qwen2.5:0.5b", "more")) as env:
        assert health.of(env) == health.State(True, "serving qwen2.5:0.5b")


def test_every_name_counts() -> None:
    with engine(200, served("a")) as env:
        state = health.of({**env, "SERVED_MODEL_NAME": "a b"})
    assert state == health.State(False, "ill: b is not served, a is")


def test_refused_is_loading() -> None:
    state = health.of({**MODEL, "ENGINE_PORT": str(ports.free_port())})
    assert (state.well, state.sentence) == (False, "loading: the engine doesn't answer yet")


def test_503_is_loading() -> None:
    with engine(503, {}) as env:
        assert health.of(env).sentence.startswith("loading")


def test_no_answer_in_time_is_loading() -> None:
    with engine(0, {}) as env:
        assert health.of(env, patience=0.2).sentence.startswith("loading")


def test_no_models_yet_is_loading() -> None:
    with engine(200, served()) as env:
        assert health.of(env).sentence == "loading: /v1/models names no model"


@pytest.mark.parametrize(("alive", "models"), [(500, 200), (200, 401)])
def test_other_answers_are_told(alive: int, models: int) -> None:
    with engine(alive, {}, models) as env:
        state = health.of(env)
    assert not state.well
    assert state.sentence.startswith("ill: ")


def test_without_a_model_there_is_nothing_to_ask_for() -> None:
    with pytest.raises(CannotRun, match="MODEL"):
        health.of({})
