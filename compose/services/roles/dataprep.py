"""Documents in, listed and out: OPEA's /v1/dataprep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from aiohttp import BodyPartReader, web

from services.errors import NotFound, Refused, ServiceError, TooLarge, Unsupported, error_body
from services.house import HOUSE, House
from services.ingest.cutting import Size
from services.ingest.ingest import File, Ingestion, Progress
from services.kit.app import Card, Routes
from services.kit.replies import json_reply, read_object
from services.kit.streaming import LINES, streamed
from services.store.model import Document, checked_name

CARD = Card("dataprep", "DataPrep", "Takes documents in, lists and deletes them")
ALL = "all"
_MOST_FIELD = 2**16


@dataclass
class Form:
    """What was sent to be taken in. `refused` are files that are not even read."""

    files: list[File] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    refused: list[Progress] = field(default_factory=list)


async def ingest(request: web.Request) -> web.StreamResponse:
    """All files, one after another; a bad one does not keep the others out.

    With `Accept: application/x-ndjson` the answer is a line for every step.
    """
    house = request.app[HOUSE]
    form = await read_form(request, house.settings.file_limit)
    if form.fields.get("link_list"):
        raise Unsupported("link_list: links can't be taken in", status=501)
    if not form.files and not form.refused:
        raise Refused("files: there is none")
    index = checked_name(form.fields.get("index_name") or house.settings.index)
    size = size_of(form.fields)
    if house.settings.strict_names:
        await refuse_known(house, index, form.files)
    steps = taken(house, index, form, size)
    if LINES in request.headers.get("Accept", ""):
        return await streamed(request, lines(steps), LINES, failure)
    async with aclosing(steps):
        return reply([step async for step in steps])


async def taken(house: House, index: str, form: Form, size: Size) -> AsyncGenerator[Progress]:
    """Every step of every file, as it is done."""
    for step in form.refused:
        yield step
    ingestion = Ingestion(house.store, house.parts.embedding, house.metrics)
    for file in form.files:
        async with aclosing(steps_of(ingestion, index, file, size)) as steps:
            async for step in steps:
                yield step


async def steps_of(
    ingestion: Ingestion, index: str, file: File, size: Size
) -> AsyncGenerator[Progress]:
    """The steps of one file; closed before the last, the file isn't taken in."""
    steps: asyncio.Queue[Progress | None] = asyncio.Queue()
    taking = asyncio.ensure_future(ingestion.take(index, file, size, steps.put_nowait))
    taking.add_done_callback(lambda _: steps.put_nowait(None))
    try:
        while (step := await steps.get()) is not None:
            yield step
        await taking
    finally:
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)


async def lines(steps: AsyncGenerator[Progress]) -> AsyncGenerator[bytes]:
    seen = []
    async with aclosing(steps):
        async for step in steps:
            seen.append(step)
            yield orjson.dumps(asdict(step)) + b"\n"
    status, summary = summed(seen)
    yield orjson.dumps(summary | {"status": status}) + b"\n"


def failure(error: ServiceError) -> bytes:
    return orjson.dumps(error_body(error)) + b"\n"


def reply(steps: list[Progress]) -> web.Response:
    status, summary = summed(steps)
    return json_reply(summary | {"status": status}, status)


def summed(steps: list[Progress]) -> tuple[int, dict[str, Any]]:
    """200 if all were taken in, 207 if some, the status of the first failure if none."""
    done = [step for step in steps if step.stage in ("added", "replaced", "unchanged", "failed")]
    failed = [step for step in done if step.stage == "failed"]
    files = [asdict(step) for step in done]
    if not failed:
        return 200, {"message": "Data preparation succeeded", "files": files}
    told = "; ".join(step.error for step in failed)
    if len(failed) < len(done):
        count = f"{len(done) - len(failed)} of {len(done)}"
        return 207, {"message": f"{count} files were taken in: {told}", "files": files}
    error = ServiceError(told, status=failed[0].status)
    return failed[0].status, {"message": told, "files": files, **error_body(error)}


async def read_form(request: web.Request, limit: int) -> Form:
    """Raises Refused for a body that is no form."""
    form = Form()
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise Refused("the form has a form within")
            if part.filename is None:
                value = await part.read(decode=True)
                form.fields[part.name or ""] = bytes(value[:_MOST_FIELD]).decode(errors="replace")
            else:
                await read_file(part, form, limit)
    except (ValueError, KeyError, AssertionError):
        raise Refused("the body is no form: send files as multipart/form-data") from None
    return form


async def read_file(part: BodyPartReader, form: Form, limit: int) -> None:
    """Whole, or refused when it is too long; the rest of the form is read either way."""
    name = name_of(part.filename or "")
    pieces, size = [], 0
    while piece := await part.read_chunk(2**16):
        size += len(piece)
        if size <= limit:
            pieces.append(piece)
    if size > limit:
        error = TooLarge(f"{name}: larger than {limit} bytes")
        form.refused.append(Progress(name, "failed", 0, error.message, error.status))
    else:
        form.files.append(File(name, b"".join(pieces)))


def name_of(given: str) -> str:
    """Without folders and without what would spoil a list."""
    flat = "".join(character for character in given if character.isprintable())
    return flat.replace("\\", "/").rpartition("/")[2].strip() or "unnamed"


def size_of(fields: dict[str, str]) -> Size:
    try:
        most = int(fields.get("chunk_size") or Size.most)
        overlap = int(fields.get("chunk_overlap") or min(Size.overlap, most // 2))
    except ValueError:
        raise Refused("chunk_size and chunk_overlap are whole numbers") from None
    if not 50 <= most <= 100_000 or not 0 <= overlap <= most // 2:
        raise Refused("chunk_size: 50 to 100000; chunk_overlap: at most half of it")
    return Size(most, overlap)


async def refuse_known(house: House, index: str, files: list[File]) -> None:
    """Raises Refused where a name is there."""
    for file in files:
        if await house.store.document(index, file.name):
            raise Refused(f"{file.name}: a file of this name was taken in before")


async def get(request: web.Request) -> web.Response:
    """The documents of an index, or of all."""
    house = request.app[HOUSE]
    body = await read_object(request, empty=True)
    rows = []
    for index in await named(house, body.get("index_name")):
        rows += [row(document, index) for document in await house.store.documents(index)]
    return json_reply(rows)


def row(document: Document, index: str) -> dict[str, Any]:
    """OPEA's, and what else is known."""
    return {
        "name": document.name,
        "id": document.name,
        "type": "File",
        "parent": "",
        "index_name": index,
        "kind": document.kind,
        "size": document.size,
        "passages": document.passages,
        "added": document.added,
        "metadata": dict(document.metadata),
    }


async def named(house: House, given: Any) -> list[str]:
    """The indexes that a request means."""
    if given == ALL:
        return [index.name for index in await house.store.indexes()]
    if given is not None and not isinstance(given, str):
        raise Refused("index_name: a text")
    return [checked_name(given or house.settings.index)]


async def delete(request: web.Request) -> web.Response:
    house = request.app[HOUSE]
    body = await read_object(request)
    path = body.get("file_path")
    if not isinstance(path, str) or not path:
        raise Refused("file_path: the id of a document, or all")
    indexes = await named(house, body.get("index_name"))
    if path == ALL:
        for index in indexes:
            await house.store.drop(index)
        return json_reply({"status": True})
    gone = [await house.store.delete(index, path) for index in indexes]
    if not any(gone):
        raise NotFound(f"{path}: there is no such document")
    return json_reply({"status": True})


async def indices(request: web.Request) -> web.Response:
    return json_reply([index.name for index in await request.app[HOUSE].store.indexes()])


ROUTES: Routes = {
    "POST /v1/dataprep/ingest": ingest,
    "POST /v1/dataprep/get": get,
    "POST /v1/dataprep/delete": delete,
    "POST /v1/dataprep/indices": indices,
}
