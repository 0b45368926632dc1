"""A table as text: each row by itself tells what its cells are.

    | Name: Anna | Age: 7 |

So a row is understood, and found, though the others are in another passage.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

_LONGEST_NAME = 80


def rows_told(rows: Iterable[Sequence[str]], *, first_is_head: bool | None = None) -> Iterator[str]:
    """A line for each row. `first_is_head` None: if it looks like one."""
    left = iter(rows)
    first = [flat(cell) for cell in next(left, ())]
    is_head = looks_like_head(first) if first_is_head is None else first_is_head
    names = [cell[:_LONGEST_NAME] for cell in first] if is_head else []
    any_told = False
    for row in left if is_head else itertools.chain([first], left):
        if told := line(named(names, [flat(cell) for cell in row])):
            any_told = True
            yield told
    if is_head and not any_told and (told := line(first)):
        yield told


def named(names: Sequence[str], cells: Sequence[str]) -> list[str]:
    """Cells with their columns' names; an empty cell is left out."""
    return [
        f"{names[at]}: {cell}" if at < len(names) and names[at] and names[at] != cell else cell
        for at, cell in enumerate(cells)
        if cell
    ]


def line(cells: Iterable[str]) -> str:
    told = " | ".join(cell for cell in cells if cell)
    return f"| {told} |" if told else ""


def flat(cell: str) -> str:
    return " ".join(cell.split())


def looks_like_head(cells: Sequence[str]) -> bool:
    """Names, all there, all different, none of them a number."""
    if len(cells) < 2 or not all(cells) or len(set(cells)) < len(cells):
        return False
    return all(len(cell) <= _LONGEST_NAME and any(map(str.isalpha, cell)) for cell in cells)
