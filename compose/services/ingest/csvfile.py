"""CSV and its kin: a line for each row, with the columns' names."""

from __future__ import annotations

import csv
import io
import itertools

from services.errors import Refused
from services.ingest.reading import Reading, Section, text_of
from services.ingest.tables import rows_told

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 30
_LONGEST_SAMPLE = 2**16
_LONGEST_CELL = 2**24


def read(name: str, data: bytes) -> Reading:
    text, remark = text_of(name, data)
    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
    try:
        told = "\n".join(rows_told(row for row in rows if any(row)))
    except csv.Error as error:
        raise Refused(f"{name}: line {rows.line_num}: {error}") from None
    return Reading("csv", [Section(told)], remark=remark)


def delimiter_of(text: str) -> str:
    """The one that makes most rows of one width, the wider the better; a comma if none does."""
    lines = list(itertools.islice(text[:_LONGEST_SAMPLE].split("\n"), _SAMPLE_LINES))

    def fits(delimiter: str) -> tuple[float, int]:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            return 0, 0
        width = len(rows[0]) if rows else 0
        same = sum(len(row) == width for row in rows)
        return (same / len(rows), width) if width > 1 else (0, 0)

    return max(_DELIMITERS, key=fits)
