"""`launcher fetch` from a real S3 server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from launcher import fetching, gathering, ready, s3_source, transfer
from launcher.errors import CannotRun, LauncherError, TryAgain
from launcher.s3 import Keys

from tests.vllm_image.launcher import fake_hub, s3_server
from tests.vllm_image.launcher.s3_server import READS, Server
from tests.vllm_image.launcher.tensors import safetensors

MODEL = "s3://models/llama/3.2 1b"
PREFIX = MODEL.removeprefix("s3://")
FILES = {
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "model-00001-of-00002.safetensors": safetensors(1_500_000),
    "model-00002-of-00002.safetensors": safetensors(700_000, b"x"),
    "1_Pooling/config.json": b"{}",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with s3_server.running() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    running.bucket("models")
    for name, data in FILES.items():
        running.put(f"{PREFIX}/{name}", data)
    running.put(f"{PREFIX}/")
    running.put(f"{PREFIX}-instruct/config.json", b"another model")
    yield running
    running.reset()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "DELAYS", (0.01, 0.02))
    monkeypatch.setattr(transfer, "PIECE", 1 << 20)
    monkeypatch.setattr(transfer, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(gathering, "LOOKS_APART", 0.01)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)


ANY = Keys("any", "secret")


class Strange(BaseHTTPRequestHandler):
    """Lists one object, with a size that is none."""

    def do_GET(self) -> None:
        row = b"<Contents><Key>llama/3.2 1b/config.json</Key><Size>abc</Size></Contents>"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<ListBucketResult>" + row + b"</ListBucketResult>")

    def log_message(self, *_: object) -> None:
        return


def test_a_size_that_is_none_is_told_at_once(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Strange) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        where = Server(f"http://127.0.0.1:{server.server_port}")
        assert "does not answer as S3 does" in fault(TryAgain, given(tmp_path, where))
        server.shutdown()
        thread.join()


def given(folder: Path, server: Server, keys: Keys | None = ANY, **more: str) -> dict[str, str]:
    """With keys that a server takes which doesn't check."""
    base = {"MODEL": MODEL, "MODELS_DIR": str(folder), "AWS_ENDPOINT_URL": server.url}
    if keys:
        base |= {"AWS_ACCESS_KEY_ID": keys.access, "AWS_SECRET_ACCESS_KEY": keys.secret}
    if keys and keys.token:
        base["AWS_SESSION_TOKEN"] = keys.token
    return {"AWS_REGION": "us-east-1", **base, **more}


def fault(kind: type[LauncherError], environ: dict[str, str]) -> str:
    with pytest.raises(kind) as raised:
        fetching.run(environ)
    assert raised.value.text.count("\n") == 0
    return raised.value.text


def test_a_model_arrives_with_keys_that_the_server_checks(tmp_path: Path, server: Server) -> None:
    keys = server.user("reader", READS)
    server.enforce()
    environ = given(tmp_path, server, keys)
    assert fetching.run(environ) == 0
    folder = ready.folder_of(environ)
    assert folder == tmp_path / "models--llama--3.2 1b"
    assert ready.ready(folder)
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    note = json.loads(found.pop(".ready.json"))
    assert found == FILES
    assert (note["source"], len(note["revision"])) == (MODEL, 40)


def test_keys_come_from_files(tmp_path: Path, server: Server) -> None:
    keys = server.user("reader", READS)
    server.enforce()
    (tmp_path / "id").write_text(f"{keys.access}\n")
    (tmp_path / "key").write_text(f"{keys.secret}\n")
    files = {
        "AWS_ACCESS_KEY_ID_FILE": str(tmp_path / "id"),
        "AWS_SECRET_ACCESS_KEY_FILE": str(tmp_path / "key"),
    }
    assert fetching.run(given(tmp_path / "models", server, None, **files)) == 0


def test_keys_of_a_session(tmp_path: Path, server: Server) -> None:
    keys = server.session("fetcher")
    server.enforce()
    bad = given(tmp_path, server, replace(keys, token="another"))
    assert "AWS_SESSION_TOKEN" in fault(CannotRun, bad)
    assert fetching.run(given(tmp_path, server, keys)) == 0


def test_a_long_list_comes_in_pages(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = server.user("reader", READS)
    server.enforce()
    monkeypatch.setattr(s3_source, "PAGE", 2)
    assert fetching.run(given(tmp_path, server, keys)) == 0


def test_a_bucket_that_is_open_needs_no_keys(tmp_path: Path, server: Server) -> None:
    for name, data in FILES.items():
        server.put(f"{PREFIX}/{name}", data, "public-read")
    assert fetching.run(given(tmp_path, server, None)) == 0


def test_what_is_wrong_with_the_keys_is_one_sentence(tmp_path: Path, server: Server) -> None:
    keys, stranger = server.user("reader", READS), server.user("stranger")
    server.enforce()
    for wrong, text in {
        replace(keys, access="AKIAUNKNOWN"): "does not know AWS_ACCESS_KEY_ID",
        replace(keys, secret="WrongButSecret"): "AWS_SECRET_ACCESS_KEY does not fit",
        stranger: "need s3:ListBucket on the bucket and s3:GetObject",
    }.items():
        told = fault(CannotRun, given(tmp_path, server, wrong))
        assert text in told
        assert wrong.secret not in told


def test_objects_that_are_not_open_want_keys(tmp_path: Path, server: Server) -> None:
    text = fault(CannotRun, given(tmp_path, server, None))
    assert f"wants keys for {MODEL}: set AWS_ACCESS_KEY_ID" in text


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("s3://nowhere/llama", "there is no bucket nowhere on 127.0.0.1:"),
        ("s3://models/lama", "nothing lies below s3://models/lama/ on 127.0.0.1:"),
        ("s3://models", "it lacks config.json"),
    ],
)
def test_nothing_there(tmp_path: Path, server: Server, model: str, text: str) -> None:
    assert text in fault(CannotRun, given(tmp_path, server, MODEL=model))


def test_nothing_of_it_is_fetched_while_a_shard_is_missing(tmp_path: Path, server: Server) -> None:
    server.delete(f"{PREFIX}/model-00002-of-00002.safetensors")
    text = fault(CannotRun, given(tmp_path, server))
    assert text.endswith("it lacks model-00002-of-00002.safetensors")
    assert not list(tmp_path.rglob("*.safetensors"))


def test_an_upload_under_way_may_end_later(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{PREFIX}/model-00002-of-00002.safetensors"
    server.delete(name)
    monkeypatch.setattr(gathering.time, "sleep", lambda _: server.put(name, b"x"))
    assert "is still being uploaded" in fault(TryAgain, given(tmp_path, server))


def test_a_truncated_shard_does_not_pass_and_is_fetched_again_when_it_is_mended(
    tmp_path: Path, server: Server
) -> None:
    name = "model-00002-of-00002.safetensors"
    server.put(f"{PREFIX}/{name}", FILES[name][:-10])
    text = fault(CannotRun, given(tmp_path, server))
    assert f"{name} has {len(FILES[name]) - 10} bytes" in text
    server.put(f"{PREFIX}/{name}", FILES[name])
    assert fetching.run(given(tmp_path, server)) == 0
    assert (tmp_path / "models--llama--3.2 1b" / name).read_bytes() == FILES[name]


def test_an_object_that_changes_after_it_was_listed(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = s3_source.S3Source.listing

    def then_changed(self: s3_source.S3Source) -> object:
        found = honest(self)
        server.put(f"{PREFIX}/config.json", b'{"a": 1}')
        return found

    monkeypatch.setattr(s3_source.S3Source, "listing", then_changed)
    assert "was changed while it was fetched" in fault(TryAgain, given(tmp_path, server))


def test_a_server_that_is_down_or_overloaded_may_answer_later(tmp_path: Path) -> None:
    nobody = Server("http://127.0.0.1:9")
    assert "(connection refused)" in fault(TryAgain, given(tmp_path, nobody))
    with fake_hub.running(fake_hub.Hub(busy=100)) as url:
        assert "(it answers 503)" in fault(TryAgain, given(tmp_path, Server(url)))


def test_a_server_that_is_none_of_s3(tmp_path: Path) -> None:
    with fake_hub.running() as url:
        text = fault(CannotRun, given(tmp_path, Server(url)))
    assert text.endswith(f"refuses {MODEL}: 401")


@pytest.mark.parametrize("region", ["eu-west-3", ""])
def test_a_bucket_in_another_region(tmp_path: Path, region: str) -> None:
    class Elsewhere(fake_hub.Handler):
        def do_GET(self) -> None:
            self.send_response(301)
            self.send_header("Location", "http://127.0.0.1:9/stolen")
            if region:
                self.send_header("x-amz-bucket-region", region)
            self.end(b"<Error><Code>PermanentRedirect</Code></Error>")

    with fake_hub.running(fake_hub.Hub(), Elsewhere) as url:
        text = fault(CannotRun, given(tmp_path, Server(url)))
    wanted = f"AWS_REGION={region}" if region else "another AWS_REGION"
    assert text == f"the bucket models is elsewhere: set {wanted}"


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"AWS_ACCESS_KEY_ID": "a"}, "AWS_SECRET_ACCESS_KEY is not set"),
        ({"AWS_SECRET_ACCESS_KEY": "a"}, "AWS_ACCESS_KEY_ID is not set"),
        ({"AWS_REGION": "a b"}, "AWS_REGION is no region"),
        ({"AWS_ENDPOINT_URL": "minio:9000"}, "AWS_ENDPOINT_URL is no address"),
    ],
)
def test_settings_that_cannot_work(environ: dict[str, str], text: str) -> None:
    with pytest.raises(CannotRun, match=text):
        s3_source.read(environ)


def test_amazon_itself_is_asked_by_region() -> None:
    assert s3_source.read({}).endpoint == "https://s3.us-east-1.amazonaws.com"
    there = s3_source.read({"AWS_DEFAULT_REGION": "cn-north-1"})
    assert there.endpoint == "https://s3.cn-north-1.amazonaws.com.cn"
