"""HTML: a section for each heading; a table's rows with their columns' names; code kept as it is.

What is no text of the page is dropped: scripts, styles, navigation, forms' controls, and what is
hidden. Nothing is fetched, and there is no tree: the parser tells what it meets, so nesting,
however deep, costs nothing.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

from lxml import etree  # type: ignore[import-untyped]

from services.errors import Refused
from services.ingest.reading import GUESSED, Reading, Section
from services.ingest.tables import rows_told

_DROPPED = frozenset(
    {"script", "style", "nav", "noscript", "template", "iframe", "object", "svg", "canvas"}
    | {"audio", "video", "button", "select", "textarea", "datalist", "dialog"}
)
_BLOCKS = frozenset(
    {"p", "div", "section", "article", "main", "aside", "header", "footer", "figure", "hr"}
    | {"figcaption", "blockquote", "address", "form", "fieldset", "details", "summary", "body"}
    | {"ul", "ol", "dl", "dt", "dd", "center"}
)
_HEADINGS = {f"h{depth}": depth for depth in range(1, 7)}
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})", re.I)
_KNOWN_CHARSETS = re.compile(
    r"utf-?(8|16|16le|16be)|us-ascii|iso-?8859-?\d{1,2}|latin-?\d|windows-?\d{3,4}|cp\d{3,4}"
    r"|koi8-[ru]|gbk|gb2312|gb18030|big5(-hkscs)?|euc-(jp|kr)|shift[-_]jis|iso-2022-jp|macintosh",
    re.I,
)
_FENCE = "```"
_SPACE = re.compile(r"\s+")
_MARK_WITHIN = 4096
_FED = 2**20
_MOST_COLUMNS = 1000
_LONGEST_HEADING = 500
"""What is longer was not closed: it is text."""


def read(name: str, data: bytes) -> Reading:
    text, remark = decoded(data)
    page = _Page()
    # The text is ours by now: whatever the page says of its encoding, it is UTF-8.
    parser = etree.HTMLParser(target=page, encoding="utf-8", remove_comments=True, huge_tree=True)
    encoded = text.encode("utf-8", "replace")
    try:
        for at in range(0, len(encoded), _FED):
            parser.feed(encoded[at : at + _FED])
        parser.close()
    except etree.XMLSyntaxError:
        pass  # what was met until here is there
    page.finish()
    if not page.sections:
        raise Refused(f"{name}: there is no text in this page")
    return Reading("html", page.sections, page.title, remark=remark)


def decoded(data: bytes) -> tuple[str, str]:
    """By its mark, by what the page says, as UTF-8, else as Windows-1252 with a remark."""
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (b"\xff\xfe", "utf-16"),
                           (b"\xfe\xff", "utf-16")):  # fmt: skip
        if data.startswith(mark):
            return data.decode(encoding, "replace"), ""
    if found := _CHARSET.search(data[:_MARK_WITHIN]):
        charset = found[1].decode("ascii", "replace")
        # A page that could be read so far is not in UTF-16, whatever it says.
        if _KNOWN_CHARSETS.fullmatch(charset) and not charset.lower().startswith("utf-16"):
            with_charset = recoded(data, charset)
            if with_charset is not None:
                return with_charset, ""
    try:
        return data.decode(), ""
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), GUESSED


def recoded(data: bytes, charset: str) -> str | None:
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return None


class _Page:
    """What the parser tells → sections."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.title = ""
        self._text: list[str] = []
        self._path: list[tuple[int, str]] = []
        self._dropping = 0
        """Elements that are open, the outermost of them a dropped one. Of each the parser tells
        the end, too."""
        self._into: list[str] | None = None
        """Where the text of a title or heading goes."""
        self._table = _Table()
        self._pre = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._dropping or is_dropped(tag, attributes):
            self._dropping += 1
        elif tag in ("title", *_HEADINGS) and not self._table.depth:
            self._into = []
        elif tag in ("table", "tr", "td", "th"):
            self._table_starts(tag)
        elif tag == "br":
            self._break("\n")
        elif tag == "li":
            self._break("\n- ")
        elif tag == "pre":
            self._break(f"\n\n{_FENCE}\n")
            self._pre += 1
        elif tag in _BLOCKS:
            self._break("\n\n")

    def end(self, tag: str) -> None:
        if self._dropping:
            self._dropping -= 1
        elif tag == "title" and self._into is not None:
            self.title = self.title or flat(self._into)
            self._into = None
        elif tag in _HEADINGS and self._into is not None:
            self._heading(_HEADINGS[tag], flat(self._into))
            self._into = None
        elif tag == "table":
            self._table_ends()
        elif tag in ("td", "th"):
            self._table.close_cell()
        elif tag == "pre" and self._pre:
            self._pre -= 1
            self._break(f"\n{_FENCE}\n\n")
        elif tag in _BLOCKS:
            self._break("\n\n")

    def data(self, text: str) -> None:
        if self._dropping:
            return
        if self._into is not None:
            self._into.append(text)
        elif self._table.depth:
            self._table.add(text)
        else:
            self._text.append(text if self._pre else _SPACE.sub(" ", text))

    def close(self) -> None:
        """The parser's end; the page's is `finish`."""

    def finish(self) -> None:
        if self._table.depth:
            self._table.depth = 1
            self._table_ends()
        text = tidied("".join(self._text))
        if text:
            self.sections.append(Section(text, tuple(heading for _, heading in self._path)))
        self._text.clear()

    def _heading(self, depth: int, text: str) -> None:
        if len(text) > _LONGEST_HEADING:
            self._text.append(f"\n\n{text}\n\n")
            return
        if not text:
            return
        self.finish()
        self._path = [*(one for one in self._path if one[0] < depth), (depth, text)]

    def _break(self, mark: str) -> None:
        if self._table.depth:
            self._table.add(" ")
        elif self._into is not None:
            self._into.append(" ")
        else:
            self._text.append(mark)

    def _table_starts(self, tag: str) -> None:
        if tag == "table":
            self._table.depth += 1
        elif self._table.depth == 1:
            self._table.open(tag)
        elif self._table.depth:
            self._table.add(" ")

    def _table_ends(self) -> None:
        if self._table.depth > 1:
            self._table.depth -= 1
        elif self._table.depth:
            told = "\n".join(self._table.told())
            self._table = _Table()
            self._text.append(f"\n\n{told}\n\n")


class _Table:
    """The outermost table that is open; one within is text of its cell."""

    def __init__(self) -> None:
        self.depth = 0
        self._rows: list[list[str]] = []
        self._cell: list[str] | None = None
        self._outside: list[str] = []
        self._heads = 0

    def open(self, tag: str) -> None:
        self.close_cell()
        if tag == "tr" or not self._rows:
            self._rows.append([])
        if tag != "tr":
            self._cell = []
            self._heads += tag == "th" and len(self._rows) == 1

    def add(self, text: str) -> None:
        (self._outside if self._cell is None else self._cell).append(text)

    def close_cell(self) -> None:
        if self.depth == 1 and self._cell is not None:
            if len(self._rows[-1]) < _MOST_COLUMNS:
                self._rows[-1].append("".join(self._cell))
            self._cell = None

    def told(self) -> list[str]:
        self.close_cell()
        rows = [row for row in self._rows if row]
        is_head = len(rows) > 1 and self._heads == len(rows[0]) > 1
        caption = flat(self._outside)
        return [*([caption] if caption else []), *rows_told(rows, first_is_head=is_head)]


def is_dropped(tag: str, attributes: Mapping[str, str]) -> bool:
    if tag in _DROPPED or "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    style = attributes.get("style")
    return bool(style) and "display:none" in str(style).replace(" ", "").lower()


def flat(parts: list[str]) -> str:
    return " ".join("".join(parts).split())


def tidied(text: str) -> str:
    """At most one empty line on end, none at the ends of the text or of code; spaces only between
    words and in code."""
    lines: list[str] = []
    code = False
    for line in text.split("\n"):
        told = line.rstrip() if code else " ".join(line.split())
        last = lines[-1] if lines else ""
        if told == _FENCE:
            while code and not lines[-1]:
                lines.pop()
            code = not code
        elif not told and last == (_FENCE if code else ""):
            continue
        lines.append(told)
    return "\n".join(lines).strip()
