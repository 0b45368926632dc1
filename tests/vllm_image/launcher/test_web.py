from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from launcher import settings, web
from launcher.errors import CannotRun, PartEnded
from launcher.processes import Processes
from launcher.progress import Progress
from launcher.serving import Serving

from tests.vllm_image.launcher import fake_hub


@contextmanager
def answering(status: int, body: bytes = b"") -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "names", "lacking"),
    [
        (200, b'{"data": [{"id": "a"}, {"id": 1}, 2]}', ["a"], ""),
        (200, b'{"data": []}', [], "/v1/models names no model"),
        (200, b"<html>", [], "/v1/models names no model"),
        (503, b"", [], "/v1/models answers 503"),
    ],
)
def test_models_or_why_there_are_none(
    status: int, body: bytes, names: list[str], lacking: str
) -> None:
    with answering(status, body) as url:
        assert web.models(url, 2) == web.Models(names, status, lacking)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:9", "connection refused"),
        ("foo", "unknown url type"),
        ("http://a..b", "idna"),
    ],
)
def test_nobody_there(url: str, why: str) -> None:
    assert why in web.models(url, 2).lacking
    assert web.get(url, 2) is None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_redirect_to_another_host_is_followed_without_the_secret(method: str) -> None:
    hub, storage = fake_hub.Hub(), fake_hub.Hub()
    with fake_hub.running(storage) as hub.storage, fake_hub.running(hub) as url:
        file = f"{url}/{fake_hub.OPEN}/resolve/main/config.json"
        headers = {"Authorization": "Bearer x", "Range": "bytes=0-3"}
        answer = web.ask(file, 2, headers, method=method)
        with pytest.raises(web.urllib.error.HTTPError) as raised:
            web.opened(file, 2, headers, redirects=False)
        raised.value.close()
    assert (answer.status, answer.headers["content-range"][:9]) == (206, "bytes 0-3")
    ((asked, _, sent),) = storage.asked
    assert (asked, sent["range"]) == (method, "bytes=0-3")
    assert "authorization" not in sent
    assert raised.value.code == 302


@pytest.mark.parametrize(("key", "text"), [("", "wants a key: VLLM_API_KEY"), ("k", "refuses")])
@pytest.mark.parametrize("status", [401, 403])
def test_an_engine_that_wants_another_key_is_not_waited_for(
    status: int, key: str, text: str, tmp_path: Path
) -> None:
    with answering(status) as url:
        chosen = settings.read({"VLLM_URL": url, "VLLM_API_KEY": key}, tmp_path)
        with pytest.raises(CannotRun, match=text):
            Serving(chosen, {}, Processes(), Progress()).adapter_only()


@pytest.mark.parametrize(("code", "handed_on"), [(0, 1), (3, 3), (-9, 137), (139, 139)])
def test_the_end_of_the_adapter_has_a_shells_code(code: int, handed_on: int) -> None:
    assert PartEnded("the adapter", code, "").code == handed_on
