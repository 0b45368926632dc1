"""Spans as a collector gets them: OTLP over HTTP on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from services.kit.traces import Untraced, traces_to

from tests.services.house import Stack, in_chat
from tests.support import machine, plays
from tests.support.raw_http import post
from tests.support.scripted_vllm import CHAT, EMBEDDINGS

CATS = ("cats.md", b"# Cats\n\nCats sleep all day.\n")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@dataclass
class Collector:
    url: str = ""
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def named(self, name: str) -> Span:
        [found] = [span for span in self.spans if span.name == name]
        return found

    async def take(self, request: web.Request) -> web.Response:
        told = ExportTraceServiceRequest.FromString(await request.read())
        for resource in told.resource_spans:
            self.services |= {
                pair.value.string_value
                for pair in resource.resource.attributes
                if pair.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(),
            content_type="application/x-protobuf",
        )


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    found, app = Collector(), web.Application()
    app.router.add_post("/v1/traces", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


async def test_the_stages_of_an_answer_below_the_clients_span(stack: Stack, collector: Collector):
    async with stack.up(traces_url=collector.url, traces_name="answers") as rag:
        await rag.upload(CATS)
        body = {"model": "chatqna", "messages": [{"role": "user", "content": "Do cats sleep?"}]}
        headers = {"traceparent": TRACEPARENT, "X-Request-Id": "q1"}
        path = "/v1/chat/completions"
        reply = await post(rag.url("chatqna"), path, body, headers=headers)
        assert reply.status == 200
    # It has stopped: all is sent.
    assert collector.services == {"answers"}
    query = collector.named("query")
    assert query.trace_id.hex() == TRACE
    assert query.parent_span_id.hex() == PARENT
    assert query.kind == Span.SPAN_KIND_SERVER
    assert [(row.key, row.value.string_value) for row in query.attributes] == [("request.id", "q1")]
    for name in ("embed", "search", "pack", "generate"):
        span = collector.named(name)
        assert span.parent_span_id == query.span_id
        assert span.trace_id == query.trace_id
        assert span.start_time_unix_nano >= query.start_time_unix_nano
        assert span.end_time_unix_nano <= query.end_time_unix_nano


async def test_engines_are_told_the_span_that_asks_them(stack: Stack, collector: Collector):
    """Without the adapter between: it hands on an id, and no other header."""
    urls = {"llm_url": stack.chat.url, "embedding_url": stack.embed.url}
    async with stack.up(traces_url=collector.url, **urls) as rag:
        await rag.upload(CATS)
        await rag.ask("Do cats sleep?")
    for engine, path, name in (
        (stack.chat, CHAT, "generate"),
        (stack.embed, EMBEDDINGS, "embed"),
    ):
        told = [one.headers.get("traceparent", "") for one in engine.seen if one.path == path][-1]
        span = collector.named(name)
        assert told.startswith(f"00-{span.trace_id.hex()}-{span.span_id.hex()}-")


async def test_a_failure_is_told_and_a_client_that_leaves_is_none(
    stack: Stack, collector: Collector
):
    async with stack.up(traces_url=collector.url) as rag:
        await rag.upload(CATS)
        assert (await rag.ask("cats MIDERR")).status == 502
        stack.chat.play = in_chat(plays.endless("chat_stream_usage", 2))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await rag.ask("cats")
        await stack.chat.until(lambda: stack.chat.in_flight == 0)
    failed, left = (span.status.code for span in collector.spans if span.name == "generate")
    assert (failed, left) == (2, 0)


async def test_who_samples_is_heard(stack: Stack, collector: Collector):
    async with stack.up(traces_url=collector.url) as rag:
        body = {"model": "chatqna", "messages": [{"role": "user", "content": "Do cats sleep?"}]}
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
        await post(rag.url("chatqna"), "/v1/chat/completions", body, headers=headers)
    assert collector.spans == []


def test_without_an_endpoint_the_parent_goes_on_as_it_came():
    traces = traces_to("", "x")
    assert isinstance(traces, Untraced)
    with traces.span("query", TRACEPARENT) as trace:
        assert trace == TRACEPARENT


def test_without_an_endpoint_nothing_is_imported():
    code = (
        "import sys, asyncio; from services.house import opened; from services.settings import "
        "Settings\nasync def main():\n  async with opened(Settings(store='sqlite::memory:')): pass"
        "\nasyncio.run(main()); sys.exit(any(m.startswith('opentelemetry') for m in sys.modules))"
    )
    path = {"PYTHONPATH": str(machine.ROOT / "compose")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=machine.clean_environ(**path), check=False, timeout=20
    )
    assert done.returncode == 0
