"""About how many tokens a text has, without asking anybody.

Exact is only the engine, and it would have to be asked for every passage. So this is an estimate,
by kinds of characters: four letters or spaces of ASCII to a token, one for two other marks of
ASCII, and one for two bytes of all other scripts. It is meant to be on the safe side: of English
prose and Markdown it tells somewhat more than tokenizers of BERT's and Llama's kind count; of long
random strings (keys, hashes) it tells less.
"""

from __future__ import annotations

import string

_LETTERS = (string.ascii_letters + string.whitespace).encode()
_MARKS = bytes(code for code in range(128) if code not in _LETTERS)


def estimated(text: str) -> float:
    """Additive: of two texts put together it is the sum."""
    data = text.encode("utf-8", "replace")
    beyond_letters = data.translate(None, _LETTERS)
    others = len(beyond_letters.translate(None, _MARKS))
    marks = len(beyond_letters) - others
    return (len(data) - len(beyond_letters)) / 4 + (marks + others) / 2
