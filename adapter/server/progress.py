"""Tells line by line, or in one object, what was done."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from adapter.errors import AdapterError
from adapter.server.observing import note_failure
from adapter.server.replies import NDJSON, begin_stream, json_reply
from adapter.server.state import FACTS
from adapter.translate.ndjson import dumps, error_line
from adapter.translate.progress import Line


async def progress_reply(
    request: web.Request, lines: Sequence[Line], *, streams: bool, fault: AdapterError | None = None
) -> web.StreamResponse:
    """One HTTP chunk for each line, the fault last; whole: the last line only.

    Raises:
        AdapterError: the fault, where it is not told in a line.
    """
    if not streams:
        if fault is not None:
            raise fault
        return json_reply(lines[-1])
    response = await begin_stream(request, {"Content-Type": NDJSON})
    for line in lines:
        await response.write(dumps(line) + b"\n")
    if fault is not None:
        note_failure(request[FACTS], fault)
        await response.write(error_line(fault.message))
    await response.write_eof()
    return response
