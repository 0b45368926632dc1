"""A run of `ollama-vllm bench`, from its arguments to its report."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from adapter import __version__
from adapter.bench.figures import Round, summed
from adapter.bench.load import Load
from adapter.bench.report import DIRECT, Run, document, markdown
from adapter.bench.server import Server, Unusable, dialect_of, session
from adapter.conformance import address

WHOLE, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
_SERVER = "server"


def measure(options: argparse.Namespace) -> int:
    """The exit code. Raises Unusable."""
    return asyncio.run(measured(options))


async def measured(options: argparse.Namespace) -> int:
    """The same; SIGINT ends it with what was measured by then."""
    urls = {_SERVER: options.url} | ({DIRECT: options.direct} if options.direct else {})
    async with session(options.timeout) as opened:
        servers = [
            Server(name, _base(url), opened, dialect_of(name == DIRECT))
            for name, url in urls.items()
        ]
        load = Load(options.tokens, options.requests, _tell)
        working = asyncio.ensure_future(_work(options, servers, load))
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, working.cancel)
        complete = True
        try:
            await working
        except asyncio.CancelledError:
            complete = False
    told = {server.name: (address.public(server.url), server.model) for server in servers}
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    run = Run(date, __version__, options.tokens, options.requests, told, complete)
    found = summed(load.rounds)
    _show_progress("")
    print(markdown(run, found), end="")
    if options.json:
        _write(options.json, orjson.dumps(document(run, found), option=orjson.OPT_INDENT_2))
    if not complete:
        return INTERRUPTED
    return FAILED if any(row.failed for row in found) else WHOLE


async def _work(options: argparse.Namespace, servers: Sequence[Server], load: Load) -> None:
    """Raises Unusable."""
    for server in servers:
        wanted = options.model
        if server.name == DIRECT:
            wanted = options.direct_model or servers[0].model.removesuffix(":latest")
        await server.choose(wanted)
        await server.try_out()
    await load.run(servers, options.streams)


def _base(url: str) -> str:
    """Raises Unusable."""
    try:
        return address.checked_url(url, allow_remote=True).removesuffix("/v1")
    except address.Unusable as error:
        raise Unusable(str(error)) from error


def _tell(found: Round) -> None:
    _show_progress(f"{found.server}, {found.streams} at once: {found.seconds:.1f} s")


def _show_progress(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


def _write(file: Path, document: bytes) -> None:
    """Raises Unusable."""
    try:
        file.write_bytes(document)
    except OSError as error:
        raise Unusable(f"can't write {file}: {error.strerror}") from error
