"""One process or six: the same answers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from services.errors import ConfigError
from services.roles.table import ROLES
from services.running import serving

from tests.services.house import PORTS, Rag, Stack, adapter_before, settings_for, until_ready
from tests.support import machine

FILES = (("cats.md", b"# Cats\n\nCats sleep.\n"), ("dogs.txt", b"Dogs bark."))


@contextlib.asynccontextmanager
async def apart(stack: Stack, **changes: Any) -> AsyncIterator[Rag]:
    """Every role with a house of its own, connected by HTTP as OPEA's are."""
    port = machine.free_port()
    adapter = f"http://127.0.0.1:{port}"
    own = {f"{role}_port": machine.free_port() for role in ("embedding", "retriever", "llm")}
    urls = {
        f"{role}_url": f"http://127.0.0.1:{own[f'{role}_port']}" for role in ("embedding", "llm")
    }
    retriever = {"retriever_url": f"http://127.0.0.1:{own['retriever_port']}"}
    async with contextlib.AsyncExitStack() as exits:
        ports: dict[str, int] = {}
        for role in ROLES:
            asks = {} if role in ("embedding", "llm") else urls
            asks = asks | (retriever if role == "chatqna" else {}) | own | changes
            settings = settings_for(adapter, stack.store, **asks)
            ports |= await exits.enter_async_context(serving(role, settings))
        engines = [{"name": "llm", "url": stack.chat.url}, {"name": "e", "url": stack.embed.url}]
        await exits.enter_async_context(adapter_before(*engines, port=port))
        await until_ready(adapter)
        yield Rag(ports, settings, adapter)


async def answers(rag: Rag) -> list[Any]:
    told = []
    for body in (
        {},
        {"search_type": "mmr"},
        {"search_type": "lexical"},
        {"filters": {"name": "x"}},
    ):
        reply = (await rag.ask("Do cats sleep?", **body)).json
        del reply["id"], reply["created"]
        # Counted before or after: a played engine's two ways to count differ.
        reply["choices"][0]["metadata"]["rag"].pop("context_tokens", None)
        told.append(reply)
    return told


async def test_one_process_or_six(stack: Stack):
    async with stack.up() as rag:
        await rag.upload(*FILES)
        together = await answers(rag)
    async with apart(stack) as rag:
        assert (await rag.upload(*FILES)).json["files"][0]["stage"] == "unchanged"
        split = await answers(rag)
        assert together[0]["sources"][0]["file"] == "cats.md"
        assert split == together
        assert (await rag.ask("cats MIDERR")).status == 502
    async with apart(stack, query_prefix="query: ") as rag:
        assert (await rag.ask("cats")).status == 409, "the retriever knows who made the vector"


async def test_on_postgresql(stack: Stack, postgres: str):
    async with stack.up() as rag:
        await rag.upload(*FILES)
        embedded = await answers(rag)
    async with stack.up(store=postgres, index="answers") as rag:
        await rag.upload(*FILES)
        for ours, same in zip(await answers(rag), embedded, strict=True):
            assert [row["file"] for row in ours["sources"]] == [
                row["file"] for row in same["sources"]
            ]
        body = {"file_path": "all"}
        assert (await rag.post("dataprep", "/v1/dataprep/delete", body)).status == 200
        assert (await rag.ask("cats")).json["sources"] == []


async def test_every_role_has_the_common_routes(rag: Rag):
    for role in ROLES:
        assert (await rag.get(role, "/health")).status == 200
        told = (await rag.get(role, "/v1/health_check")).json
        assert told.keys() == {"Service Title", "Version", "Service Description"}
        assert (await rag.get(role, "/v1/statistics")).status == 200
        assert b"megaservice_request_pending" in (await rag.get(role, "/metrics")).body
        assert (await rag.get(role, "/nowhere")).json["detail"] == "Not Found"
        reply = await rag.get(role, "/nowhere", headers={"Origin": "http://localhost:5173"})
        assert reply.headers["access-control-allow-origin"] == "http://localhost:5173"


async def test_what_was_asked_is_in_the_figures(rag: Rag):
    await rag.upload(*FILES)
    body = {"messages": "Do cats sleep?"}
    await rag.post("chatqna", "/v1/chatqna", body)
    told = (await rag.get("chatqna", "/v1/statistics")).json["opea_service@chatqna"]
    assert 0 < told["p50_latency_first_token"] <= told["p50_latency"]
    for name in ("first_token_latency", "inter_token_latency", "request_latency"):
        assert await rag.metric(f"megaservice_{name}_count") >= 1
    assert await rag.metric("megaservice_request_pending") == 0
    for stage in ("embed", "search", "pack", "generate"):
        assert await rag.metric("rag_stage_seconds_count", stage=stage) == 1
    assert await rag.metric("rag_ingest_chunks_total") == 2


async def test_a_port_that_is_taken(rag: Rag):
    settings = settings_for("http://x", "sqlite::memory:", llm_port=rag.ports["llm_port"])
    with pytest.raises(ConfigError, match="can't listen on"):
        async with serving("llm", settings):
            pass


async def test_as_a_command(tmp_path: Any):
    environment = {field.upper(): "0" for field in PORTS if field != "tei_port"}
    environment |= {"TEI_EMBEDDING_PORT": "0", "STORE_URL": f"sqlite:{tmp_path}/rag.sqlite"}
    path = {"PYTHONPATH": str(machine.ROOT / "compose")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services"),
        env=machine.clean_environ(**environment, **path),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = await process.stdout.readline()
    assert line.startswith(b"ready: chatqna http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        assert await process.wait() == 0


MILVUS = "milvus://localhost:19530"
NO_STORE = (
    "STORE_URL: 'milvus' is no kind of store; there are sqlite:FILE,"
    " postgresql://user:password@host/database, redis://:password@host:port"
)


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"LLM_MODEL_ID": "chatqna"}, 78, "LLM_MODEL_ID: chatqna is this pipeline itself"),
        ({"STORE_URL": MILVUS}, 78, NO_STORE),
        ({"STORE_URL": "sqlite:/proc/nowhere/rag.sqlite"}, 78, "STORE_URL: "),
        (
            {"STORE_URL": "postgresql://u@127.0.0.1:1/d"},
            75,
            "STORE_URL: the database can't be used yet: ",
        ),
    ],
)
async def test_a_command_that_can_not_start(settings: dict[str, str], code: int, said: str):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "chatqna"),
        env=machine.clean_environ(PYTHONPATH=str(machine.ROOT / "compose"), **settings),
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    assert process.returncode == code
    assert told.decode().startswith(said)
    assert told.count(b"\n") == 1
