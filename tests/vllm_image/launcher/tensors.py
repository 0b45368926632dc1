"""Weight files of the right form and any size."""

from __future__ import annotations

import json


def safetensors(size: int = 0, fill: bytes = b"w") -> bytes:
    """One tensor of `size` bytes."""
    tensor = {"t": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    header = json.dumps(tensor if size else {}).encode()
    return len(header).to_bytes(8, "little") + header + fill * size


EMPTY = safetensors()
"""Ten bytes."""
