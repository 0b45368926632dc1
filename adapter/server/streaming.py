"""Between an engine's stream and a client: reads, has it translated, writes.

Upstream's failures are caught around reading and the client's leaving around writing, never the
one for the other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp import web

from adapter.errors import AdapterError, UpstreamBroken
from adapter.server.admission import Place
from adapter.server.middleware import note_failure
from adapter.server.replies import NDJSON, begin_stream, json_bytes
from adapter.server.state import FACTS, STATE
from adapter.translate.ndjson import error_line
from adapter.translate.stream import Translator
from adapter.upstream.stream import EngineStream

_log = logging.getLogger("adapter")


async def whole_reply(
    request: web.Request, stream: EngineStream, translator: Translator, place: Place
) -> web.Response:
    """One object for the whole stream.

    Raises:
        UpstreamError: the stream broke.
    """
    clock = request.app[STATE].clock
    out = b""
    while not translator.ended:
        out += await _step(stream, translator, clock)
        if translator.marks.first_token:
            place.leave()
    if translator.fault:
        raise translator.fault
    if not translator.left_early:
        await stream.drain()
    return json_bytes(out)


async def line_reply(
    request: web.Request, stream: EngineStream, translator: Translator, place: Place
) -> web.StreamResponse:
    """A line for each piece of text, as it comes.

    The status is sent with the first line: a failure before it is raised, and keeps its own
    status. A failure after it is told in a last line without `done`.

    Raises:
        UpstreamError: the stream broke before it gave anything.
    """
    clock = request.app[STATE].clock
    response: web.StreamResponse | None = None
    while not translator.ended:
        out = await _step(stream, translator, clock)
        if out and response is None:
            place.leave()
            response = await begin_stream(request, NDJSON)
        if out and response is not None:
            await _write_lines(response, out)
    if translator.fault and response is None:
        raise translator.fault
    assert response is not None  # what ends without a fault has written a last line
    if translator.fault:
        note_failure(request[FACTS], translator.fault)
        await response.write(error_line(translator.fault.message))
    await response.write_eof()
    if not translator.fault and not translator.left_early:
        await stream.drain()
    return response


async def _step(stream: EngineStream, translator: Translator, clock: Callable[[], int]) -> bytes:
    """Reads once; what there is to write for it. However the bytes end, the translator judges."""
    try:
        data = await stream.read()
    except AdapterError as error:
        return translator.finish(clock(), error)
    try:
        return translator.feed(data, clock()) if data else translator.finish(clock())
    except Exception:
        # A fault of ours must not leave a stream half open, nor start a second answer in it.
        _log.exception("translating a stream failed")
        translator.fault = UpstreamBroken("internal error of the adapter", status=500)
        return b""


async def _write_lines(response: web.StreamResponse, lines: bytes) -> None:
    """One HTTP chunk for each line: some clients parse each chunk as one object."""
    if lines.count(b"\n") == 1:
        await response.write(lines)
        return
    for line in lines.splitlines(keepends=True):
        await response.write(line)
