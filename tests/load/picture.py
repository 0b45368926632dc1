"""The picture of a run, as SVG: a bar for each target's CPU per token, and a line for each target's
delay of a token over the number of streams. Pure.

Its colours follow the reader's light or dark mode.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH = 760
_LEFT, _RIGHT = 220, 70
_ROW, _BAR = 30, 18
_TOP = 46
_PLOT = 260
_LEGEND = 22
_GAP = 34

_LIGHT = ("#0b6bcb", "#b3541e", "#3f7d20", "#8b3fa8", "#8a6d00", "#b0214e", "#56606b", "#00767d")
_DARK = ("#6cb4ff", "#f0a06a", "#92d36e", "#d59bf0", "#e0c34d", "#ff8fae", "#a9b4c0", "#5fd3da")

Line = Mapping[int, float]
"""Milliseconds by the number of streams."""


def picture(bars: Mapping[str, float], lines: Mapping[str, Line]) -> str:
    """`bars`: µs of CPU per token by target; `lines`: the delay of a token by target.

    A target has the same colour in both.
    """
    colours = {name: at % len(_LIGHT) for at, name in enumerate(dict.fromkeys((*bars, *lines)))}
    shown, height = _bars(bars, colours)
    more, end = _lines(lines, colours, height) if lines else ([], height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {end:.0f}" role="img"'
        f' aria-label="CPU per token, and delay of a token over the number of streams">',
        f"<style>{_style()}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{end:.0f}"/>',
        *shown,
        *more,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _style() -> str:
    def colours(palette: Sequence[str]) -> str:
        return "".join(
            f".f{at}{{fill:{colour}}}.s{at}{{stroke:{colour}}}" for at, colour in enumerate(palette)
        )

    return (
        "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:15px}"
        ".faint{fill:#59636e;font-size:12px}.axis{stroke:#d1d9e0}.ground{fill:#fff}"
        f".line{{fill:none;stroke-width:2}}{colours(_LIGHT)}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}"
        f".axis{{stroke:#3d444d}}.ground{{fill:#0d1117}}{colours(_DARK)}}}"
    )


def _text(x: float, y: float, said: str, kind: str = "", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(said)}</text>'
    )


def _bars(bars: Mapping[str, float], colours: Mapping[str, int]) -> tuple[list[str], float]:
    parts = [_text(16, 26, "CPU per token, µs (less is better)", "title")]
    most = max(bars.values(), default=0) or 1.0
    for at, (name, value) in enumerate(bars.items()):
        y = _TOP + at * _ROW
        width = max(1.0, value / most * (WIDTH - _LEFT - _RIGHT))
        middle = y + _BAR / 2 + 4.5
        parts += [
            _text(_LEFT - 10, middle, name, anchor="end"),
            f'<rect class="f{colours[name]}" x="{_LEFT}" y="{y}" width="{width:.1f}"'
            f' height="{_BAR}" rx="2"/>',
            _text(_LEFT + width + 8, middle, f"{value:.1f}"),
        ]
    return parts, _TOP + len(bars) * _ROW + _GAP / 2


def _lines(
    lines: Mapping[str, Line], colours: Mapping[str, int], top: float
) -> tuple[list[str], float]:
    """Both axes are logarithmic: what matters are multiples."""
    counts = sorted({count for line in lines.values() for count in line})
    values = [value for line in lines.values() for value in line.values() if value > 0]
    low, high = _decades(values)
    floor = top + _TOP + _PLOT

    def x_of(count: int) -> float:
        if len(counts) == 1:
            return (_LEFT + WIDTH - _RIGHT) / 2
        share = math.log(count / counts[0]) / math.log(counts[-1] / counts[0])
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y_of(value: float) -> float:
        return floor - (math.log10(max(value, 10**low)) - low) / (high - low) * _PLOT

    parts = [_text(16, top + 26, "Delay of a token, ms (median), over streams at once", "title")]
    for decade in range(low, high + 1):
        y = y_of(10**decade)
        parts.append(f'<path class="axis" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(_text(_LEFT - 10, y + 4, f"{10**decade:g}", "faint", "end"))
    parts += [_text(x_of(count), floor + 20, str(count), "faint", "middle") for count in counts]
    for at, (name, line) in enumerate(lines.items()):
        path = " ".join(f"{x_of(n):.1f},{y_of(line[n]):.1f}" for n in sorted(line))
        dots = (
            f'<circle class="f{colours[name]}" cx="{x_of(n):.1f}" cy="{y_of(line[n]):.1f}" r="3"/>'
            for n in sorted(line)
        )
        y = top + _TOP + 8 + at * _LEGEND
        parts += [
            f'<polyline class="line s{colours[name]}" points="{path}"/>',
            *dots,
            f'<rect class="f{colours[name]}" x="16" y="{y - 10:.1f}" width="12" height="12"/>',
            _text(34, y, name),
        ]
    return parts, max(floor + _GAP, top + _TOP + len(lines) * _LEGEND + _GAP)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten below and above them all."""
    low = math.floor(math.log10(min(values, default=0.1)))
    high = math.ceil(math.log10(max(values, default=1.0)))
    return low, max(high, low + 1)
