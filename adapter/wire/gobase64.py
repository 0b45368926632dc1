"""Base64 as Go's decoder takes it: standard alphabet, padded, line ends anywhere.

Source of the rules and of the error's text: `encoding/base64` of Go, measured with Ollama 0.33.
"""

from __future__ import annotations

import binascii
import re

_NOT_IN_ALPHABET = re.compile(r"[^A-Za-z0-9+/]")
_STEP = 2**18
"""Characters that are decoded in one step, whole groups of four: threads take turns between."""


def checked(text: str) -> str:
    """The text without its line ends.

    Raises:
        ValueError: it is no base64; the message is Go's.
    """
    bare = text.replace("\n", "").replace("\r", "") if "\n" in text or "\r" in text else text
    if not _is_whole(bare):
        raise ValueError(f"illegal base64 data at input byte {_first_fault(text)}")
    return bare


def _is_whole(bare: str) -> bool:
    # Python lets the first two pass, and the third is not seen in steps.
    if len(bare) % 4 or bare.endswith("===") or 0 <= bare.find("=") < len(bare) - 2:
        return False
    try:
        for at in range(0, len(bare), _STEP):
            binascii.a2b_base64(bare[at : at + _STEP], strict_mode=True)
    except ValueError:  # binascii.Error, or text that is no ASCII
        return False
    return True


def _first_fault(text: str) -> int:
    """Where Go's decoder gives up: the offset of a bad byte, or of a group that is not complete."""
    fault = next(
        (match for match in _NOT_IN_ALPHABET.finditer(text) if match[0] not in "\r\n"), None
    )
    end = fault.start() if fault else len(text)
    group = sum(character not in "\r\n" for character in text[:end]) % 4
    if fault is None:
        return end - group
    if fault[0] != "=" or group < 2:
        return len(text[:end].encode())
    return _after_padding(text, end, 4 - group)


def _after_padding(text: str, start: int, missing: int) -> int:
    """Where padding that begins at `start`, of which `missing` are needed, goes wrong."""
    at = _past_line_ends(text, start + 1)
    if missing == 2 and at < len(text):
        if text[at] != "=":
            # Go points at what stands before it.
            return len(text[:at].encode()) - 1
        at = _past_line_ends(text, at + 1)
    return len(text[:at].encode())


def _past_line_ends(text: str, at: int) -> int:
    while at < len(text) and text[at] in "\r\n":
        at += 1
    return at
