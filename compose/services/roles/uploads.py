"""What a form brings: files, which go to disk as they come, and fields."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from services.errors import Refused, TooLarge
from services.ingest.ingest import File
from services.ingest.progress import Progress, failed
from services.ingest.spool import Spool

MOST_FILES = 1000
_MOST_FIELDS = 100
_MOST_FIELD = 2**18
_MOST_TOGETHER = 10
"""So many times the largest file all files of a form may have together."""
_BESIDES = 2**25
"""Bytes: fields, and what stands between the parts."""
_LONGEST_NAME = 200
_AT_ONCE = 2**16
_FILENAME = re.compile(r''';\s*filename\s*=\s*"((?:\\"|[^"])*)"''', re.IGNORECASE)
_ENCODED = re.compile(r";\s*filename\*", re.IGNORECASE)


@dataclass
class Form:
    """What was sent to be taken in. `refused` are files that are not even read."""

    files: list[File] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    refused: list[Progress] = field(default_factory=list)


async def read_form(request: web.Request, spool: Spool, limit: int) -> Form:
    """`limit`: bytes of a file.

    Raises:
        Refused: the body is no form, or there is too much in it.
    """
    if request.content_type == "application/x-www-form-urlencoded":
        given = await request.post()
        return Form(fields={key: str(value) for key, value in given.items()})
    if (request.content_length or 0) > _MOST_TOGETHER * limit + _BESIDES:
        raise TooLarge(f"the request is larger than {_MOST_TOGETHER} of the largest files")
    form = Form()
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise Refused("the form has a form within")
            name = filename_of(part)
            if name is None:
                await read_field(part, form)
            else:
                await read_file(name_of(name), part, form, spool, limit)
    except (ValueError, KeyError, AssertionError, HttpProcessingError):
        raise Refused("the body is no form: send files as multipart/form-data") from None
    return form


async def read_field(part: BodyPartReader, form: Form) -> None:
    name, value = part.name or "", bytearray()
    if len(form.fields) >= _MOST_FIELDS:
        raise TooLarge(f"more than {_MOST_FIELDS} fields in the form")
    async for piece in pieces_of(part):
        value += piece
        if len(value) > _MOST_FIELD:
            raise TooLarge(f"{name[:_LONGEST_NAME]}: too much in the fields of the form")
    form.fields[name] = value.decode(errors="replace")


async def read_file(name: str, part: BodyPartReader, form: Form, spool: Spool, limit: int) -> None:
    """Whole, or refused when it is too long; the rest of the form is read either way."""
    if len(form.files) + len(form.refused) >= MOST_FILES:
        raise TooLarge(f"more than {MOST_FILES} files in one request")
    if any(file.name == name for file in form.files):
        form.refused.append(failed(name, Refused(f"{name}: two files of this name in one request")))
        async for _ in pieces_of(part):
            pass
        return
    room = _MOST_TOGETHER * limit - sum(file.spooled.size for file in form.files)
    pieces = pieces_of(part)
    try:
        form.files.append(File(name, await spool.take(name, pieces, min(limit, room))))
    except TooLarge as error:
        form.refused.append(failed(name, error))
        async for _ in pieces:
            pass  # what it would have been is not kept


class _Pieces:
    """Goes on where it was left, unlike a generator."""

    def __init__(self, part: BodyPartReader) -> None:
        self._part = part

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if piece := await self._part.read_chunk(_AT_ONCE):
            return bytes(piece)
        raise StopAsyncIteration


def pieces_of(part: BodyPartReader) -> AsyncIterator[bytes]:
    return _Pieces(part)


def filename_of(part: BodyPartReader) -> str | None:
    """None: it is a field.

    In quotes it is read here: aiohttp takes a file whose name has two semicolons for a field, and
    joins the folders of `C:\\a\\b.md` into one name.
    """
    header = part.headers.get("Content-Disposition", "")
    quoted = None if _ENCODED.search(header) else _FILENAME.search(header)
    return quoted[1].replace('\\"', '"') if quoted else part.filename


def name_of(given: str) -> str:
    """Without folders and without what would spoil a list."""
    flat = "".join(character for character in given if character.isprintable())
    flat = flat.replace("\\", "/").rpartition("/")[2].strip()
    return flat[-_LONGEST_NAME:] or "unnamed"
