"""Listings as the strictest clients read them: all keys, integers, no nulls, dates with a zone."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.definition import Definition
from adapter.translate.models import (
    DISPLAY_ORDER,
    Card,
    Listing,
    digest_of,
    ps_reply,
    show_reply,
    tags_reply,
)
from adapter.translate.ndjson import dumps
from adapter.wire.ollama import Message, ShowRequest
from tests.unit.strategies import SCALARS, TEXTS

AT = "2026-11-21T02:18:46.123456789Z"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

FULL = Listing(
    name="nat:latest",
    served_name="org/Nat-1B",
    digest=digest_of("org/Nat-1B", "/models/nat"),
    modified_at=AT,
    card=Card("llama", 1_234_567, "1.23M", "BF16", 2_469_134, 64, 2),
    capabilities=frozenset({"thinking", "completion", "tools"}),
    context_length=4096,
    options={"temperature": 0.7, "stop": ["<end>", 'say "no"']},
)
BARE = Listing("x:latest", "x", digest_of("x", ""), AT, Card(), frozenset())

ALIAS = replace(
    FULL,
    name="mario:latest",
    options={"seed": 1},
    own=Definition(
        "nat:latest",
        system="one",
        template="<{{ .Prompt }}>",
        messages=(Message(role="user", content="hi"), Message(content="x", tool_name="f")),
        license=("MIT", "mine"),
    ),
    adapter="/loras/x",
)

LISTINGS = st.builds(
    Listing,
    name=TEXTS,
    served_name=TEXTS,
    digest=st.builds(digest_of, TEXTS, TEXTS),
    modified_at=st.just(AT),
    card=st.builds(
        Card,
        family=TEXTS,
        parameter_count=st.none() | st.integers(0, 2**40),
        size=st.integers(0, 2**60),
        embedding_length=st.none() | st.integers(1, 9999),
        block_count=st.none() | st.integers(1, 99),
    ),
    capabilities=st.frozensets(st.sampled_from(DISPLAY_ORDER)),
    context_length=st.none() | st.integers(1, 2**20),
    options=st.dictionaries(
        TEXTS, SCALARS.filter(lambda v: not isinstance(v, int) or abs(v) < 2**63)
    ),
    own=st.none()
    | st.builds(
        Definition,
        base=TEXTS,
        system=TEXTS,
        template=TEXTS,
        messages=st.lists(st.builds(Message, role=TEXTS, content=TEXTS), max_size=2).map(tuple),
        license=st.lists(TEXTS, max_size=2).map(tuple),
    ),
)


def no_nulls(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(no_nulls, value.values()))
    if isinstance(value, list):
        return all(map(no_nulls, value))
    return value is not None


def check_details(details: dict[str, Any]) -> None:
    for key in ("parent_model", "format", "family", "parameter_size", "quantization_level"):
        assert isinstance(details[key], str)
    assert details["families"] == [details["family"]]


def check_row(row: dict[str, Any]) -> None:
    assert row["name"] == row["model"]
    assert type(row["size"]) is int
    assert re.fullmatch(r"[0-9a-f]{64}", row["digest"])
    check_details(row["details"])


@given(st.lists(LISTINGS, max_size=3))
def test_what_strict_clients_need(listings: list[Listing]):
    tags = json.loads(dumps(tags_reply(listings)))
    ps = json.loads(dumps(ps_reply([(listing, AT) for listing in listings])))
    assert no_nulls(tags)
    assert no_nulls(ps)
    assert len(tags["models"]) == len(ps["models"]) == len(listings)
    for row in tags["models"]:
        check_row(row)
        assert RFC3339.fullmatch(row["modified_at"])
        assert isinstance(row["capabilities"], list)
    for row in ps["models"]:
        check_row(row)
        assert RFC3339.fullmatch(row["expires_at"])
        assert type(row["size_vram"]) is type(row["context_length"]) is int
    for listing in listings:
        shown = json.loads(dumps(show_reply(listing)))
        assert no_nulls(shown)
        check_details(shown["details"])
        assert RFC3339.fullmatch(shown["modified_at"])
        for key in ("license", "modelfile", "parameters", "template"):
            assert isinstance(shown[key], str)
            assert shown[key]
        assert shown["capabilities"] == [w for w in DISPLAY_ORDER if w in listing.capabilities]
        assert "general.architecture" in shown["model_info"]


def test_nothing_is_an_empty_list():
    assert dumps(tags_reply([])) == dumps(ps_reply([])) == b'{"models":[]}'


def test_a_tag_with_everything():
    assert tags_reply([FULL])["models"][0] == {
        "name": "nat:latest",
        "model": "nat:latest",
        "modified_at": AT,
        "size": 2_469_134,
        "digest": FULL.digest,
        "details": {
            "parent_model": "",
            "format": "safetensors",
            "family": "llama",
            "families": ["llama"],
            "parameter_size": "1.23M",
            "quantization_level": "BF16",
            "context_length": 4096,
            "embedding_length": 64,
        },
        "capabilities": ["completion", "tools", "thinking"],
    }


def test_the_order_of_keys_is_ollamas():
    assert list(tags_reply([FULL])["models"][0])[:6] == [
        "name",
        "model",
        "modified_at",
        "size",
        "digest",
        "details",
    ]
    assert list(ps_reply([(FULL, AT)])["models"][0]) == [
        "name",
        "model",
        "size",
        "digest",
        "details",
        "expires_at",
        "size_vram",
        "context_length",
    ]
    assert list(show_reply(ALIAS)) == [
        "license",
        "modelfile",
        "parameters",
        "template",
        "system",
        "details",
        "messages",
        "model_info",
        "capabilities",
        "modified_at",
    ]


def test_what_is_not_known_is_left_out_or_says_unknown():
    details = tags_reply([BARE])["models"][0]["details"]
    assert details["family"] == details["parameter_size"] == "unknown"
    assert not {"context_length", "embedding_length"} & set(details)
    assert show_reply(BARE)["license"] == "unknown"
    assert show_reply(BARE)["parameters"] == "num_predict                    -1"
    assert show_reply(BARE)["model_info"] == {
        "general.architecture": "unknown",
        "general.basename": "x",
        "unknown.embedding_length": 0,
    }


def test_parameters_are_padded_and_quoted_one_stop_per_line():
    assert show_reply(FULL)["parameters"].split("\n") == [
        "num_ctx                        4096",
        "temperature                    0.7",
        'stop                           "<end>"',
        'stop                           "say \\"no\\""',
    ]


def test_the_modelfile_names_what_the_engine_serves():
    assert show_reply(FULL)["modelfile"].split("\n")[2:6] == [
        "# FROM nat:latest",
        "",
        "FROM org/Nat-1B",
        "PARAMETER num_ctx 4096",
    ]


def test_an_alias_is_shown_for_what_it_is():
    shown = show_reply(ALIAS)
    assert shown["details"] == show_reply(FULL)["details"] | {"parent_model": "nat:latest"}
    assert (shown["license"], shown["template"]) == ("MIT\nmine", "<{{ .Prompt }}>")
    assert shown["messages"] == [
        {"role": "user", "content": "hi"},
        {"role": "", "content": "x", "tool_name": "f"},
    ]
    assert "ADAPTER /loras/x\n" in shown["modelfile"]
    assert "PARAMETER seed 1\n" in shown["modelfile"]


def test_a_request_may_want_another_system_prompt_and_options_shown():
    asked = ShowRequest(model="nat", system="two", options={"seed": 2, "top_k": None})
    for listing in (FULL, ALIAS):
        shown = show_reply(listing, asked)
        assert shown["system"] == "two"
        assert shown["details"]["parent_model"] == ("nat:latest" if listing.own else "")
        assert "seed                           2" in shown["parameters"].split("\n")
        assert "top_k" not in shown["parameters"]


def test_a_model_that_fills_gaps_says_so_in_its_template():
    fills = replace(FULL, capabilities=frozenset({"completion", "insert"}))
    assert ".Suffix" in show_reply(fills)["template"]
    assert ".Suffix" not in show_reply(FULL)["template"]


def test_the_licence_is_the_models_own_where_an_alias_has_none():
    licensed = replace(FULL, card=replace(FULL.card, license="Apache"))
    assert show_reply(licensed)["license"] == "Apache"
    assert 'LICENSE """Apache"""' in show_reply(licensed)["modelfile"]


def test_model_info_under_the_architectures_name():
    assert show_reply(FULL)["model_info"] == {
        "general.architecture": "llama",
        "general.basename": "nat",
        "general.parameter_count": 1_234_567,
        "llama.block_count": 2,
        "llama.context_length": 4096,
        "llama.embedding_length": 64,
    }


def test_newest_first_and_longest_lived_first():
    dates = ["2026-11-21T02:18:46.000000000Z", "2026-11-22T02:18:46.000000000Z"]
    old, new = (Listing(d, d, "0" * 64, d, Card(), frozenset()) for d in dates)
    assert [row["name"] for row in tags_reply([old, new])["models"]] == dates[::-1]
    loaded = [(old, dates[0]), (new, dates[1])]
    assert [row["expires_at"] for row in ps_reply(loaded)["models"]] == dates[::-1]


@pytest.mark.parametrize(("other", "equal"), [(("a", "b"), True), (("a", "c"), False)])
def test_a_digest_stays_while_the_same_thing_is_served(other, equal):
    assert (digest_of("a", "b") == digest_of(*other)) is equal
