from __future__ import annotations

from adapter.translate.definition import Definition, layers
from adapter.translate.models import Card, Listing
from adapter.translate.progress import create_lines, pull_lines

DIGEST = "0123456789abcdef" * 4
AT = "2026-11-21T02:18:46.123456789Z"


def listing(size: int) -> Listing:
    return Listing("nat:latest", "nat", DIGEST, AT, Card(size=size), frozenset())


def test_a_pull_of_what_is_here():
    line = {"status": "pulling 0123456789ab", "digest": f"sha256:{DIGEST}"}
    assert pull_lines(listing(5)) == [
        {"status": "pulling manifest"},
        line | {"total": 5, "completed": 5},
        {"status": "verifying sha256 digest"},
        {"status": "writing manifest"},
        {"status": "success"},
    ]
    assert pull_lines(listing(0))[1] == line


def test_a_create_tells_what_is_new():
    under = Definition("nat:latest", system="one", license=("MIT",))
    made = Definition("nat:latest", system="two", license=("MIT",))
    license_text, system = layers(made)
    words = [line["status"] for line in create_lines(listing(5), under, made, ["sha256:9"])]
    assert words == [
        f"using existing layer sha256:{DIGEST}",
        f"using existing layer {license_text}",
        f"creating new layer {system}",
        "creating new layer sha256:9",
        "writing manifest",
        "success",
    ]
