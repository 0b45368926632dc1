"""The Cranfield collection: 1400 abstracts on aerodynamics, 225 questions, judged in the 1960s.

It is read from a folder with the files `cran.all.1400`, `cran.qry` and `cranqrel`, as it is handed
around; the project does not carry it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.store.model import NewPassage

from tests.services.eval.judged import Judged, Question, filled

RELEVANT = range(1, 5)
"""Degrees 1 (a complete answer) to 4 (of some interest); what stands beyond is not relevant."""


def records(text: str) -> Iterator[dict[str, str]]:
    """Each `.I` with its fields, by their letters."""
    for part in re.split(r"(?m)^\.I ", text)[1:]:
        number, _, rest = part.partition("\n")
        fields = re.split(r"(?m)^\.([A-Z])\n", rest)
        yield {"I": number.strip()} | dict(zip(fields[1::2], fields[2::2], strict=True))


def abstracts(text: str) -> list[NewPassage]:
    """Two have no text and are left out; no question asks for them."""
    return [
        NewPassage(body, record.get("T", "").strip(), key=record["I"])
        for record in records(text)
        if (body := record.get("W", "").strip())
    ]


def questions(asked: str, judgments: str) -> list[Question]:
    """The judgments count the questions from 1, whatever their own numbers are."""
    relevant: dict[int, set[str]] = {}
    for line in judgments.splitlines():
        question, document, degree = (int(word) for word in line.split())
        if degree in RELEVANT:
            relevant.setdefault(question, set()).add(str(document))
    return [
        Question(" ".join(record["W"].split()), frozenset(relevant[number]))
        for number, record in enumerate(records(asked), 1)
        if number in relevant
    ]


@asynccontextmanager
async def cranfield(folder: Path) -> AsyncIterator[Judged]:
    texts = [(folder / name).read_text() for name in ("cran.all.1400", "cran.qry", "cranqrel")]
    async with filled("Cranfield", abstracts(texts[0]), questions(*texts[1:])) as judged:
        yield judged
