from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.load.picture import WIDTH, picture

SVG = "{http://www.w3.org/2000/svg}"
BARS = {"adapter": 13.0, "nginx": 6.5, "a <peer>": 104.0}
LINES = {"direct": {1: 0.05, 200: 0.1}, "adapter": {1: 0.2, 8: 0.2, 200: 2.0}}


def drawn(bars: dict[str, float], lines: dict[str, dict[int, float]]) -> ElementTree.Element:
    return ElementTree.fromstring(picture(bars, lines))


def texts(tree: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in tree.iter(f"{SVG}text")]


def test_a_bar_is_as_long_as_its_figure():
    bars = [rect for rect in drawn(BARS, {}).iter(f"{SVG}rect") if rect.get("height") == "18"]
    lengths = [float(bar.get("width") or 0) for bar in bars]
    assert lengths[0] / lengths[1] == pytest.approx(2.0, rel=0.01)
    assert lengths[2] == max(lengths) < WIDTH


def test_names_and_figures_are_written():
    said = texts(drawn(BARS, LINES))
    assert {"adapter", "a <peer>", "13.0", "104.0", "1", "8", "200", "0.1"} <= set(said)


def test_a_line_through_its_points_and_higher_is_slower():
    lines = list(drawn(BARS, LINES).iter(f"{SVG}polyline"))
    assert len(lines) == 2
    points = [tuple(map(float, pair.split(","))) for pair in lines[1].get("points", "").split()]
    assert len(points) == 3
    assert points[0][1] == points[1][1] > points[2][1]
    assert points[0][0] < points[1][0] < points[2][0]


def test_a_target_has_one_colour():
    page = picture(BARS, LINES)
    assert len(re.findall(r'class="f0"', page)) == 1 + 3 + 1  # a bar, three points, the legend


def test_it_is_legible_in_the_dark():
    assert "prefers-color-scheme:dark" in picture(BARS, LINES)


def test_all_lies_inside():
    tree = drawn(BARS, LINES)
    _, _, width, height = map(float, (tree.get("viewBox") or "").split())
    assert width == WIDTH
    for text in tree.iter(f"{SVG}text"):
        assert 0 <= float(text.get("y") or -1) <= height


@pytest.mark.parametrize("lines", [{}, {"direct": {1: 0.1}}, {"direct": {1: 0.0}}])
def test_of_little_there_is_little(lines: dict[str, dict[int, float]]):
    assert drawn({}, lines).tag == f"{SVG}svg"
