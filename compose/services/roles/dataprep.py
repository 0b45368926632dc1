"""Documents in, listed and out: OPEA's /v1/dataprep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import Any

import orjson
from aiohttp import web

from services.errors import NotFound, Refused, ServiceError, error_body
from services.house import HOUSE, House
from services.ingest.cutting import Size
from services.ingest.ingest import File
from services.ingest.links import Links, links_of
from services.ingest.links import name_of as name_of_link
from services.ingest.progress import Progress, failed, gone
from services.ingest.spool import Spool
from services.kit.app import Card, Routes
from services.kit.replies import json_reply, read_object
from services.kit.streaming import LINES, streamed
from services.roles.uploads import Form, read_form
from services.settings import Settings
from services.store.model import Document, checked_name

CARD = Card("dataprep", "DataPrep", "Takes documents in, lists and deletes them")
ALL = "all"


async def ingest(request: web.Request) -> web.StreamResponse:
    """All files and links, one after another; a bad one does not keep the others out.

    With `Accept: application/x-ndjson` or a field `stream=true` the answer is a line for every
    step.
    """
    house = request.app[HOUSE]
    with Spool() as spool:
        form = await read_form(request, spool, house.settings.file_limit)
        links = links_of(form.fields.get("link_list") or "[]")
        if not form.files and not form.refused and not links:
            raise Refused("files or link_list: there is none")
        index = checked_name(form.fields.get("index_name") or house.settings.index)
        size = size_of(form.fields, house.settings)
        if house.settings.strict_names:
            names = [*(file.name for file in form.files), *map(name_of_link, links)]
            await refuse_known(house, index, names)
        steps = taken(house, index, form, links, size, spool)
        if wants_lines(request, form):
            return await streamed(request, lines(steps), LINES, failure)
        async with aclosing(steps):
            return reply([step async for step in steps])


def wants_lines(request: web.Request, form: Form) -> bool:
    given = form.fields.get("stream") or request.query.get("stream") or ""
    return LINES in request.headers.get("Accept", "") or given.lower() in ("true", "1")


async def taken(
    house: House, index: str, form: Form, links: Sequence[str], size: Size, spool: Spool
) -> AsyncGenerator[Progress]:
    """Every step of every file, as it is done."""
    for step in form.refused:
        yield noted(house, index, step)
    for file in form.files:
        async with aclosing(steps_of(house, index, file, size)) as steps:
            async for step in steps:
                yield step
    for link in links:
        name = name_of_link(link)
        try:
            yield noted(house, index, Progress(name, "fetching"))
            file = await Links(house.settings).fetch(link, spool)
        except ServiceError as error:
            yield noted(house, index, failed(name, error))
            continue
        except (asyncio.CancelledError, GeneratorExit):
            noted(house, index, gone(name))
            raise
        async with aclosing(steps_of(house, index, file, size)) as steps:
            async for step in steps:
                yield step


def noted(house: House, index: str, step: Progress) -> Progress:
    house.ingestion.board.note(index, step)
    return step


async def steps_of(house: House, index: str, file: File, size: Size) -> AsyncGenerator[Progress]:
    """The steps of one file; closed before the last, the file isn't taken in."""
    steps: asyncio.Queue[Progress | None] = asyncio.Queue()
    taking = asyncio.ensure_future(house.ingestion.take(index, file, size, steps.put_nowait))
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
            if step.is_outcome:
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
    done = [step for step in steps if step.is_outcome]
    bad = [step for step in done if step.stage == "failed"]
    files = [asdict(step) for step in done]
    if not bad:
        return 200, {"message": "Data preparation succeeded", "files": files}
    told = "; ".join(step.error for step in bad)
    if len(bad) < len(done):
        count = f"{len(done) - len(bad)} of {len(done)}"
        return 207, {"message": f"{count} files were taken in: {told}", "files": files}
    error = ServiceError(told, status=bad[0].status)
    return bad[0].status, {"message": told, "files": files, **error_body(error)}


def size_of(fields: dict[str, str], settings: Settings) -> Size:
    """OPEA's chunk_size and chunk_overlap are characters; chunk_tokens and overlap_tokens are
    tokens. Of these are the settings, too, which hold when nothing is given.

    Raises:
        Refused: they don't fit.
    """
    most_characters = whole(fields, "chunk_size")
    most = whole(fields, "chunk_tokens")
    if most_characters is not None and most is not None:
        raise Refused("chunk_size or chunk_tokens, not both")
    if most_characters is not None:
        overlap = whole(fields, "chunk_overlap")
        least, largest, usual = 50, 100_000, 100
        size = Size(most_characters, min(usual, most_characters // 2), "characters")
    else:
        overlap = whole(fields, "overlap_tokens")
        least, largest = 20, 32_000
        most = settings.chunk_tokens if most is None else most
        size = Size(most, min(settings.overlap_tokens, most // 2))
    size = size if overlap is None else replace(size, overlap=overlap)
    if not least <= size.most <= largest or not 0 <= size.overlap <= size.most // 2:
        told = f"{least} to {largest} {size.unit}; their overlap is at most half of it"
        raise Refused(f"the size of a passage: {told}")
    return size


def whole(fields: dict[str, str], name: str) -> int | None:
    try:
        return int(fields[name]) if fields.get(name) else None
    except ValueError:
        raise Refused(f"{name}: a whole number") from None


async def refuse_known(house: House, index: str, names: Sequence[str]) -> None:
    """Raises Refused where a name is there."""
    for name in names:
        if await house.store.document(index, name):
            raise Refused(f"{name}: a file of this name was taken in before")


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


async def status(request: web.Request) -> web.Response:
    """What is under way in this process and how the last files ended; `index_name` narrows it."""
    return json_reply(request.app[HOUSE].ingestion.board.told(request.query.get("index_name")))


ROUTES: Routes = {
    "POST /v1/dataprep/ingest": ingest,
    "POST /v1/dataprep/get": get,
    "POST /v1/dataprep/delete": delete,
    "POST /v1/dataprep/indices": indices,
    "GET /v1/dataprep/status": status,
}
