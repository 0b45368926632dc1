"""Markdown: a section for each heading. Marks in fenced code are no headings."""

from __future__ import annotations

import re

from services.ingest.reading import Reading, Section, text_of

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*)")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")


def read(name: str, data: bytes) -> Reading:
    text, remark = text_of(name, data)
    path: list[tuple[int, str]] = []
    sections: list[Section] = []
    lines: list[str] = []
    fence = title = ""

    def close() -> None:
        text = "\n".join(lines).strip()
        if text:
            sections.append(Section(text, tuple(heading for _, heading in path)))
        lines.clear()

    for line in text.split("\n"):
        if found := _FENCE.match(line):
            if not fence:
                fence = found[1]
            elif found[1].startswith(fence):
                fence = ""
        may_be = line.startswith("#") and not fence
        heading = _HEADING.fullmatch(line) if may_be else None
        if heading is None:
            lines.append(line)
            continue
        close()
        depth, told = len(heading[1]), without_closing(heading[2])
        path[:] = [*(one for one in path if one[0] < depth), (depth, told)]
        title = title or (told if depth == 1 else "")
    close()
    return Reading("markdown", sections or [Section(title)], title, remark=remark)


def without_closing(heading: str) -> str:
    """`Guide ##` → `Guide`; `C#` stays. By hand: as a pattern it takes cubic time to fail."""
    heading = heading.strip(" \t")
    bare = heading.rstrip("#")
    return bare.rstrip(" \t") if not bare or bare[-1] in " \t" else heading
