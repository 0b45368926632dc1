from __future__ import annotations

import pytest
from services.errors import Refused
from services.ingest.csvfile import delimiter_of, read
from services.ingest.reading import GUESSED


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(delimiter: str):
    text = f"name{delimiter}city\nAnna{delimiter}Köln\n\nBo{delimiter}Rome\n"
    [section] = read("a.csv", text.encode()).sections
    assert section.text == "| name: Anna | city: Köln |\n| name: Bo | city: Rome |"


def test_commas_within_other_columns():
    assert delimiter_of("name;price\nA, B;1,5\nC;2,5\n") == ";"
    assert delimiter_of("only one column\nwithout any\n") == ","


def test_quotes_hold_lines_and_delimiters():
    [section] = read("a.csv", b'a,b\r\n"x, ""y""\r\nz",2\r\n').sections
    assert section.text == '| a: x, "y" z | b: 2 |'


def test_an_excel_export():
    reading = read("a.csv", "Straße;PLZ\nAm Wall;1\n".encode("cp1252"))
    assert reading.remark == GUESSED
    assert reading.sections[0].text == "| Straße: Am Wall | PLZ: 1 |"


@pytest.mark.parametrize("data", [b"\n\n", b"a\0,b", b"\x81\xff"])
def test_nothing_to_read(data: bytes):
    with pytest.raises(Refused, match=r"^a.csv: "):
        read("a.csv", data)


def test_no_cell_has_anything():
    assert read("a.csv", b",,\n,,\n").sections[0].text == ""


def test_a_million_cells():
    [section] = read("a.csv", (b"x," * 999 + b"x\n") * 1000).sections
    assert section.text.count("x") == 1_000_000


def test_a_cell_beyond_all_measure():
    with pytest.raises(Refused, match=r"^a.csv: line 2: .*limit"):
        read("a.csv", b'a,b\n"' + b"x" * (2**24 + 1) + b'",c\n')
