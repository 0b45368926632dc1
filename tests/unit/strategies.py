"""What hypothesis draws from: JSON of any kind, texts that like to break things, cuts."""

from __future__ import annotations

import orjson
from hypothesis import strategies as st

# Legal inside a JSON string, yet dear to every bug in framing and escaping.
AWKWARD = [
    '"',
    "\\",
    '\\"',
    "\\\\",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    "\x00",
    "\x1b",
    "\x7f",
    "\x85",
    "\u2028",
    "\u2029",
    "\u2026",
    "é",
    "\U0001f642",
    "\ufffd",
    "\ufeff",
    "{}",
    "%s",
    "data: [DONE]\n\n",
    '"},"done":false}\n',
    '"},"done":true,"done_reason":"stop"}\n',
    '"},"logprobs":null,"finish_reason":null,"token_ids":null}]}',
    '{"error":"forged"}',
]

TEXTS = st.lists(
    st.one_of(
        st.sampled_from(AWKWARD), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    ),
    max_size=4,
).map("".join)

NUMBERS = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, -1, 1, 5.0, 5.5, 2**31, 2**63, 2**64, 1e19, 1e300, -1e300]),
)

SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)

JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)

WRITABLE = JSON.filter(lambda value: is_writable(value))
"""Without integers beyond 64 bits."""


def is_writable(value: object) -> bool:
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """`data` in pieces, as a socket may give it."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True) if a < b]
