"""Known items, made of Python's own docstrings: the first sentence asks for all the rest.

The object's name is taken out of the question, so that the words of the sentence have to do.
"""

from __future__ import annotations

import ast
import re
import sysconfig
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.store.model import NewPassage

from tests.services.eval.judged import Judged, Question, filled

LEAST_ASKED, LEAST_TOLD = 4, 20
"""Words of a question, and of the text that answers it."""
NO_LIBRARY = {"idlelib", "lib2to3", "site-packages", "dist-packages", "test", "tests", "turtledemo"}
Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Item:
    question: str
    text: str


def items(sources: Iterator[str]) -> list[Item]:
    """Each text once, each question once: what answers two would be judged wrongly."""
    found: dict[str, Item] = {}
    asked: set[str] = set()
    for source in sources:
        for name, told in docstrings(ast.parse(source)):
            item = item_of(name, told)
            if item and item.text not in found and item.question.lower() not in asked:
                found[item.text] = item
                asked.add(item.question.lower())
    return list(found.values())


def docstrings(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, Documented) and (told := ast.get_docstring(node)):
            yield node.name, told


def item_of(name: str, told: str) -> Item | None:
    first, _, rest = told.partition("\n\n")
    own = re.compile(rf"(?i)\b{re.escape(name)}\b")
    question, text = " ".join(own.sub(" ", first).split()), rest.strip()
    enough = len(words(question)) >= LEAST_ASKED and len(words(text)) >= LEAST_TOLD
    return Item(question, text) if enough else None


def words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]{2,}", text)


def library() -> Iterator[str]:
    """The sources of this Python's standard library, in order of their names."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        if not NO_LIBRARY & set(path.relative_to(root).parts):
            yield path.read_text(encoding="utf-8", errors="replace")


@asynccontextmanager
async def docstrings_of_python() -> AsyncIterator[Judged]:
    known = items(library())
    passages = [NewPassage(one.text, key=str(number)) for number, one in enumerate(known)]
    asked = [Question(one.question, frozenset({str(at)})) for at, one in enumerate(known)]
    async with filled("docstrings", passages, asked) as judged:
        yield judged
