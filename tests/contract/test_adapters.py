"""Blobs, and what they are good for: an adapter (LoRA) that vLLM loads for an alias."""

import asyncio
import hashlib
import os
import time
from pathlib import Path

import pytest

from tests.contract.managing import create, delete, names, show
from tests.support.raw_http import Connection, Reply, send
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import Adapter, serving

CONFIG, WEIGHTS = b'{"r": 8}', b"\0" * 3_000_000
ZEROS = "sha256:" + "0" * 64


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


FILES = {"adapter_config.json": digest(CONFIG), "adapter_model.safetensors": digest(WEIGHTS)}


async def upload(adapter: Adapter, content: bytes, name: str = "") -> Reply:
    return await send(adapter.url, "POST", f"/api/blobs/{name or digest(content)}", content)


@pytest.fixture
async def uploaded(scripted: ScriptedVLLM, tmp_path: Path):
    """The adapter before an engine that loads LoRAs, with an adapter's files uploaded."""
    scripted.loras = {}
    async with serving(scripted.url, state_dir=str(tmp_path)) as adapter:
        await adapter.until_ready()
        for content in (CONFIG, WEIGHTS):
            assert (await upload(adapter, content)).status == 201
        yield adapter


async def refused(adapter: Adapter) -> str:
    """The error of a create with the uploaded adapter."""
    body = {"model": "a", "from": "tiny-chat", "adapters": FILES}
    reply = await adapter.post("/api/create", body)
    assert reply.status == 500
    assert await names(adapter) == ["tiny-chat:latest"]
    return reply.json["error"]


def folders(state: Path) -> list[Path]:
    return list((state / "loras").iterdir())


# --- blobs ----------------------------------------------------------------------------------


async def test_a_blob_is_there_once_it_is_uploaded(adapter):
    path = f"/api/blobs/{digest(WEIGHTS)}"
    assert (await send(adapter.url, "HEAD", path)).status == 404
    first = await upload(adapter, WEIGHTS)
    assert (first.status, first.body) == (201, b"")
    assert "content-type" not in first.headers
    assert (await send(adapter.url, "HEAD", path)).status == 200
    assert (await send(adapter.url, "HEAD", path.replace("sha256:", "sha256-"))).status == 200
    again = await upload(adapter, b"what it is does not matter", digest(WEIGHTS))
    assert (again.status, again.body) == (200, b"")


async def test_a_blob_of_another_content_is_refused(adapter):
    got = "sha256:3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
    reply = await upload(adapter, b"data", ZEROS)
    assert reply.status == 400
    assert reply.json == {"error": f'digest mismatch, expected "{ZEROS}", got "{got}"'}
    assert (await send(adapter.url, "HEAD", f"/api/blobs/{ZEROS}")).status == 404


async def test_a_digest_must_be_one(adapter):
    reply = await upload(adapter, b"data", "xx")
    assert (reply.status, reply.json) == (400, {"error": "invalid digest format"})
    assert (await send(adapter.url, "HEAD", "/api/blobs/xx")).status == 400
    assert (await adapter.get(f"/api/blobs/{ZEROS}")).status == 405


async def test_a_gguf_file_is_refused_at_its_first_bytes(scripted, tmp_path):
    async with (
        serving(scripted.url, state_dir=str(tmp_path)) as adapter,
        asyncio.timeout(5),
        await Connection.open(adapter.url) as connection,
    ):
        # Of many gigabytes that it says it will send.
        head = {"Content-Length": str(9 * 10**9)}
        await connection.send("POST", f"/api/blobs/{ZEROS}", headers=head)
        for byte in b"GGUF\3":
            connection.writer.write(bytes([byte]))
            await connection.writer.drain()
        assert (await connection.head()).status == 400
        assert b"takes no GGUF files" in await connection.chunk()
    assert list((tmp_path / "blobs").iterdir()) == []


async def test_an_upload_that_breaks_off_leaves_nothing(scripted, tmp_path):
    async with serving(scripted.url, state_dir=str(tmp_path)) as adapter:
        async with await Connection.open(adapter.url) as connection:
            head = {"Content-Length": str(len(WEIGHTS))}
            await connection.send("POST", f"/api/blobs/{digest(WEIGHTS)}", headers=head)
            connection.writer.write(WEIGHTS[:2_000_000])
            async with asyncio.timeout(5):
                while not list(tmp_path.glob("blobs/*.partial")):  # noqa: ASYNC110  # HTTP
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            while list(tmp_path.glob("blobs/*")):  # noqa: ASYNC110  # seen on the disk only
                await asyncio.sleep(0.01)


async def test_what_nobody_asks_for_is_removed_by_and_by(uploaded, tmp_path):
    blobs = tmp_path / "blobs"
    old = time.time() - 90_000
    (blobs / "0.partial").write_bytes(b"x")
    for path in blobs.iterdir():
        os.utime(path, (old, old))
    await send(uploaded.url, "HEAD", f"/api/blobs/{digest(CONFIG)}")
    assert (await upload(uploaded, b"another")).status == 201
    kept = {digest(CONFIG), digest(b"another")}
    assert {path.name.replace("-", ":") for path in blobs.iterdir()} == kept


# --- adapters -------------------------------------------------------------------------------


async def test_an_alias_with_an_adapter(uploaded, scripted, tmp_path):
    reply = await create(uploaded, "a", adapters=FILES)
    assert [line["status"].split(" ")[0] for line in reply.lines] == [
        "using",
        "creating",
        "creating",
        "writing",
        "success",
    ]
    [(name, folder)] = scripted.loras.items()
    [made] = folders(tmp_path)
    assert (str(made), made.name) == (folder, name)
    assert (made / "adapter_config.json").read_bytes() == CONFIG
    assert (made / "adapter_model.safetensors").read_bytes() == WEIGHTS
    await uploaded.post("/api/generate", {"model": "a", "prompt": "hi"})
    await uploaded.post("/api/generate", {"model": "tiny-chat", "prompt": "hi"})
    assert [body["model"] for body in scripted.bodies] == [name, "tiny-chat"]
    assert f"ADAPTER {folder}\n" in (await show(uploaded, "a"))["modelfile"]


async def test_the_engines_row_is_no_model_of_its_own(uploaded, scripted):
    await create(uploaded, "a", adapters=FILES)
    [name] = scripted.loras
    asked = scripted.asked.count("GET /v1/models")
    await uploaded.post("/api/show", {"model": "nope"})
    await scripted.until(lambda: scripted.asked.count("GET /v1/models") >= asked)
    assert await names(uploaded) == ["a:latest", "tiny-chat:latest"]
    assert (await uploaded.post("/api/show", {"model": name})).status == 404


async def test_the_last_alias_takes_the_adapter_along(uploaded, scripted, tmp_path):
    await create(uploaded, "a", adapters=FILES)
    await uploaded.post("/api/copy", {"source": "a", "destination": "b"})
    await create(uploaded, "c", **{"from": "a"}, system="x")
    assert len(scripted.loras) == len(folders(tmp_path)) == 1
    await delete(uploaded, {"model": "a"})
    await create(uploaded, "b")  # made anew without it
    assert len(scripted.loras) == len(folders(tmp_path)) == 1
    await delete(uploaded, {"model": "c"})
    assert (scripted.loras, folders(tmp_path)) == ({}, [])


async def test_an_alias_made_anew_lets_go_of_its_adapter(uploaded, scripted, tmp_path):
    await create(uploaded, "a", adapters=FILES)
    [old] = scripted.loras
    other = FILES | {"adapter_config.json": digest(b'{"r": 4}')}
    await upload(uploaded, b'{"r": 4}')
    await create(uploaded, "a", adapters=other)
    [new] = scripted.loras
    assert new != old
    assert [made.name for made in folders(tmp_path)] == [new]
    await create(uploaded, "a", system="without one")
    assert (scripted.loras, folders(tmp_path)) == ({}, [])


async def test_an_engine_that_was_started_anew_gets_it_again(uploaded, scripted):
    await create(uploaded, "a", adapters=FILES)
    had = dict(scripted.loras)
    await scripted.down()
    scripted.loras.clear()
    async with asyncio.timeout(10):
        while (await uploaded.get("/ready")).status == 200:
            await uploaded.post("/api/generate", {"model": "a", "prompt": "hi"})
    await scripted.up()
    await uploaded.until_ready(10)
    assert scripted.loras == had
    reply = await uploaded.post("/api/generate", {"model": "a", "prompt": "hi"})
    assert reply.lines[-1]["done"]


async def test_an_adapter_that_was_started_anew_sees_to_it_too(scripted, tmp_path):
    scripted.loras = {}
    async with serving(scripted.url, state_dir=str(tmp_path)) as adapter:
        for content in (CONFIG, WEIGHTS):
            await upload(adapter, content)
        await create(adapter, "a", adapters=FILES)
    had = dict(scripted.loras)
    scripted.loras.clear()
    async with serving(scripted.url, state_dir=str(tmp_path)) as adapter:
        await adapter.until_ready()
        assert scripted.loras == had
        assert await names(adapter) == ["tiny-chat:latest", "a:latest"]


async def test_an_adapter_that_can_not_be_loaded_again_costs_its_alias_only(
    uploaded, scripted, tmp_path, caplog, monkeypatch
):
    await create(uploaded, "a", adapters=FILES)
    monkeypatch.setattr("adapter.upstream.health.UP_INTERVAL", 60)
    await asyncio.sleep(2)  # after which the first adapter, too, asks no more by itself
    scripted.loras.clear()
    scripted.lora_visible = False
    caplog.set_level("WARNING")
    async with serving(scripted.url, state_dir=str(tmp_path)) as adapter:
        await adapter.until_ready()
        tries = scripted.asked.count("POST /v1/load_lora_adapter")
        for _ in range(3):
            await asyncio.sleep(1)  # for so long a list of models is fresh
            await adapter.post("/api/show", {"model": "nope"})
        assert scripted.asked.count("POST /v1/load_lora_adapter") == tries
        reply = await adapter.post("/api/generate", {"model": "tiny-chat", "prompt": "hi"})
        assert reply.lines[-1]["done"]
    assert len([r for r in caplog.records if "is missing: the engine" in r.getMessage()]) == 1


async def test_an_alias_can_be_deleted_while_its_engine_is_away(uploaded, scripted, tmp_path):
    await create(uploaded, "a", adapters=FILES)
    await scripted.down()
    await uploaded.post("/api/generate", {"model": "a", "prompt": "hi"})
    assert (await delete(uploaded, {"model": "a"})).status == 200
    assert folders(tmp_path) == []


async def test_an_engine_without_the_routes(uploaded, scripted, tmp_path):
    scripted.loras = None
    assert await refused(uploaded) == (
        "the engine engine0 can't load the adapter: it loads none: "
        "start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"
    )
    assert folders(tmp_path) == []


async def test_an_engine_without_adapters(uploaded, scripted, tmp_path):
    scripted.lora_enabled = False
    assert "Use --enable-lora to enable LoRA" in await refused(uploaded)
    assert folders(tmp_path) == []


async def test_an_engine_that_does_not_see_the_folder(uploaded, scripted, tmp_path):
    scripted.lora_visible = False
    error = await refused(uploaded)
    assert f"it does not see {tmp_path}/loras/" in error
    assert "which must have the same path there" in error
    assert folders(tmp_path) == []


async def test_an_engine_that_is_away(uploaded, scripted):
    await scripted.down()
    body = {"model": "a", "from": "tiny-chat", "adapters": FILES}
    reply = await uploaded.post("/api/create", body, within=5)
    assert reply.status == 503
    assert await names(uploaded) == ["tiny-chat:latest"]


async def test_a_blob_that_was_never_uploaded(uploaded):
    body = {"model": "a", "from": "tiny-chat", "adapters": FILES | {"adapter_config.json": ZEROS}}
    reply = await uploaded.post("/api/create", body)
    assert reply.status == 400
    assert reply.json == {"error": f'adapters: "adapter_config.json": blob "{ZEROS}" not found'}
