import pytest

from adapter.translate.models import Card, Listing
from adapter.translate.v1_models import model, model_list


def listing(name: str, modified_at: str) -> Listing:
    return Listing(
        name=name,
        served_name="s",
        digest="0" * 64,
        modified_at=modified_at,
        card=Card(),
        capabilities=frozenset({"completion"}),
        context_length=None,
    )


@pytest.mark.parametrize(
    "modified_at", ["1970-01-01T00:01:05.123456789Z", "1970-01-01T02:01:05+02:00"]
)
def test_a_model_is_dated_in_seconds(modified_at: str):
    assert model(listing("a:latest", modified_at), "A") == {
        "id": "A",
        "object": "model",
        "created": 65,
        "owned_by": "library",
    }


def test_the_list():
    assert model_list([]) == {"object": "list", "data": []}
    [row] = model_list([listing("a:latest", "1970-01-01T00:00:01Z")])["data"]
    assert row["id"] == "a:latest"
