"""One file to the services, which tell each step of taking it in."""

from __future__ import annotations

import http.client
import json
import os
import uuid
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import quote

from launcher import web
from launcher.ports import Address, reached

PATIENCE = 600.0
"""Seconds between two steps."""
PIECE = 1 << 20
OUTCOMES = ("added", "replaced", "unchanged", "failed")


def steps(server: Address, name: str, data: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Each has a `stage`, the last one's is of OUTCOMES; one that failed has an `error`.

    Raises:
        web.NoAnswer: they are gone or hang, or the file changed while it was read.
    """
    connection = http.client.HTTPConnection(reached(server), server.port, timeout=PATIENCE)
    try:
        _send(connection, name, data)
        reply = connection.getresponse()
        if reply.status >= 400:
            yield {"stage": "failed", "error": f"{name}: {error_in(reply)}"}
            return
        for line in reply:
            step = json.loads(line)
            if isinstance(step, dict) and "stage" in step:
                yield step
                if step["stage"] in OUTCOMES:
                    return
        raise ValueError("it broke off")
    except web.FAULTS as error:
        raise web.NoAnswer(web.reason(error)) from error
    finally:
        connection.close()


def forget(server: Address, name: str) -> bool:
    """Whether it was there.

    Raises:
        web.NoAnswer: nobody took the request.
    """
    body = json.dumps({"file_path": name})
    connection = http.client.HTTPConnection(reached(server), server.port, timeout=PATIENCE)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/dataprep/delete", body, headers)
        reply = connection.getresponse()
        if reply.status not in (200, 404):
            raise ValueError(error_in(reply))
        return reply.status == 200
    except web.FAULTS as error:
        raise web.NoAnswer(web.reason(error)) from error
    finally:
        connection.close()


def error_in(reply: http.client.HTTPResponse) -> str:
    try:
        body = json.loads(reply.read(web.LIMIT))
        return str(body["detail"])
    except (ValueError, KeyError, TypeError):
        return f"it answers {reply.status}"


def _send(connection: http.client.HTTPConnection, name: str, data: IO[bytes]) -> None:
    mark = uuid.uuid4().hex
    # Not `filename="…"`: how quotes and semicolons within are read depends on who reads them.
    quoted = quote(name, safe="")
    head = (
        f"--{mark}\r\nContent-Disposition: form-data; name=\"files\"; filename*=UTF-8''{quoted}\r\n"
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    tail = f"\r\n--{mark}--\r\n".encode()
    size = os.fstat(data.fileno()).st_size
    headers = {
        "Accept": "application/x-ndjson",
        "Content-Type": f"multipart/form-data; boundary={mark}",
        "Content-Length": str(len(head) + size + len(tail)),
    }
    body = _pieces(head, data, size, tail)
    connection.request("POST", "/v1/dataprep/ingest", body, headers)


def _pieces(head: bytes, data: IO[bytes], size: int, tail: bytes) -> Iterator[bytes]:
    """As many bytes as were promised, whatever happens to the file meanwhile."""
    yield head
    while size:
        piece = data.read(min(PIECE, size))
        if not piece:
            raise ValueError("the file changed while it was read")
        size -= len(piece)
        yield piece
    yield tail
