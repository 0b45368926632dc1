"""The project's own documentation, as the services take it in, and the questions about it.

What answers a question is a section: `file#heading`, the heading as it stands in a link to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.ingest import markdown, spool
from services.ingest.cutting import Size, header_of
from services.ingest.ingest import File, Ingestion
from services.kit.metrics import Metrics
from services.settings import Settings
from services.store.model import Passage

from tests.services.eval.judged import INDEX, Judged, Question, an_empty_store, the_embedding

ROOT = Path(__file__).parents[3]
TABLE = Path(__file__).with_name("questions.jsonl")
"""One JSON object a line: `kind`, `question`, `answers` (anchors)."""


def pages() -> list[File]:
    found = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    return [File(page.relative_to(ROOT).as_posix(), spool.at(page)) for page in found]


def questions() -> list[Question]:
    rows = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]
    return [Question(row["question"], frozenset(row["answers"]), row["kind"]) for row in rows]


def anchors(page: File) -> set[str]:
    """Of the page's sections that have text."""
    reading = markdown.read(page.name, page.spooled.path.read_bytes())
    return {
        anchor(page.name, header_of(page.name, reading.title, section.path))
        for section in reading.sections
    }


def anchor(document: str, header: str) -> str:
    return f"{document}#{slug(header.rpartition(' > ')[2])}"


def slug(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def section_of(passage: Passage) -> str:
    return anchor(passage.document, passage.header)


@asynccontextmanager
async def documentation() -> AsyncIterator[Judged]:
    embedding = the_embedding()
    async with an_empty_store() as store:
        ingestion = Ingestion(store, embedding, Metrics(), Settings())
        taken = [await ingestion.take(INDEX, page, Size()) for page in pages()]
        await ingestion.close()
        failed = [one for one in taken if one.stage == "failed"]
        assert not failed, failed
        count = sum(one.passages for one in taken)
        yield Judged("documentation", store, embedding, questions(), count, section_of)
