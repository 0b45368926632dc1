from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.catalog import names
from adapter.catalog.names import Name, asked, for_served, parse
from adapter.errors import AdapterError, BadRequest, Forbidden
from tests.unit.strategies import TEXTS


@pytest.mark.parametrize(
    ("text", "full", "display"),
    [
        ("nat", "registry.ollama.ai/library/nat:latest", "nat:latest"),
        ("nat:7b", "registry.ollama.ai/library/nat:7b", "nat:7b"),
        (" nat ", "registry.ollama.ai/library/nat:latest", "nat:latest"),
        ("NAT", "registry.ollama.ai/library/NAT:latest", "NAT:latest"),
        ("library/nat", "registry.ollama.ai/library/nat:latest", "nat:latest"),
        ("registry.ollama.ai/library/nat:q4", "registry.ollama.ai/library/nat:q4", "nat:q4"),
        (
            "Qwen/Qwen2.5-7B-Instruct",
            "registry.ollama.ai/Qwen/Qwen2.5-7B-Instruct:latest",
            "Qwen/Qwen2.5-7B-Instruct:latest",
        ),
        ("hf.co/org/m:Q4_K", "hf.co/org/m:Q4_K", "hf.co/org/m:Q4_K"),
        ("localhost:5000/org/m", "localhost:5000/org/m:latest", "localhost:5000/org/m:latest"),
        ("h/library/m", "h/library/m:latest", "h/library/m:latest"),
        ("_a.b-c_", "registry.ollama.ai/library/_a.b-c_:latest", "_a.b-c_:latest"),
        ("llama3.2", "registry.ollama.ai/library/llama3.2:latest", "llama3.2:latest"),
        ("a" * 80, f"registry.ollama.ai/library/{'a' * 80}:latest", f"{'a' * 80}:latest"),
    ],
)
def test_a_legal_name(text: str, full: str, display: str):
    name = parse(text)
    assert name is not None
    assert (name.full, name.display) == (full, display)
    assert parse(name.full) == parse(full) == name
    assert parse(display).key == name.key


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "bad name!",
        ":tag",
        "nat:",
        "nat:a:b",
        "-nat",
        ".nat",
        "..",
        "nat:-x",
        "/nat",
        "//nat",
        "nat/",
        "ns//nat",
        "a.b/nat",
        "a/b/c/d",
        "nät",
        "nat\n:x",
        "nat\x00",
        "a" * 81,
        "n" * 81 + "/m",
        "h" * 351 + "/n/m",
        "m:" + "t" * 81,
    ],
)
def test_an_illegal_name(text: str):
    assert parse(text) is None
    with pytest.raises(BadRequest) as refused:
        asked(text)
    assert refused.value.message == "invalid model name"


SPELLINGS = ["nat", "NAT", "nat:latest", "library/nat", "Library/Nat:Latest", " nat\t"]
SPELLINGS += ["registry.ollama.ai/library/nat", "REGISTRY.OLLAMA.AI/library/nat:latest"]
SPELLINGS += ["nat:local", "nat:LOCAL", "library/nat:local"]


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings_of_one_model(text: str):
    assert asked(text).key == "registry.ollama.ai/library/nat:latest"


@pytest.mark.parametrize(
    ("text", "display"), [("nat:7b:local", "nat:7b"), ("nat-local", "nat-local:latest")]
)
def test_where_ollama_is_to_look_is_no_part_of_the_name(text: str, display: str):
    assert asked(text).display == display


@pytest.mark.parametrize("text", ["nat:cloud", "nat:7b-cloud", "NAT:CLOUD", "org/nat:cloud"])
def test_models_of_the_cloud(text: str):
    with pytest.raises(Forbidden) as refused:
        asked(text)
    assert refused.value.status == 403
    assert refused.value.message == "ollama cloud is disabled: remote model is unavailable"


@pytest.mark.parametrize("text", ["nat:cloud:local", "nat:local:cloud"])
def test_here_and_in_the_cloud_at_once(text: str):
    with pytest.raises(BadRequest) as refused:
        asked(text)
    assert refused.value.message == f'use either :local or :cloud, not both: "{text}"'


def test_a_model_may_end_in_cloud():
    assert asked("tag-cloud").display == "tag-cloud:latest"


@pytest.mark.parametrize(
    ("served_name", "display"),
    [
        ("tiny-chat", "tiny-chat:latest"),
        ("meta-llama/Llama-3.2-3B-Instruct", "meta-llama/Llama-3.2-3B-Instruct:latest"),
        ("/models/My Model (v2)", "My-Model-v2:latest"),
        ("/models/tiny-chat/", "tiny-chat:latest"),
        ("./models/x", "x:latest"),
        ("a/b/c/d/e", "e:latest"),
        ("-.x.-", "x:latest"),
        ("é", "model:latest"),
        ("", "model:latest"),
        ("x" * 100, f"{'x' * 80}:latest"),
    ],
)
def test_what_an_engine_serves_gets_a_legal_name(served_name: str, display: str):
    assert for_served(served_name).display == display


@given(st.one_of(TEXTS, st.text("aB1_-./: ", max_size=12)))
def test_any_text_is_a_name_or_refused_and_gives_a_legal_one(text: str):
    name = parse(text)
    if name is not None:
        assert parse(name.full) == name
        assert parse(name.display).key == name.key
    try:
        found = asked(text)
    except AdapterError:
        found = None
    assert found is None or parse(found.full) == found
    made = for_served(text)
    assert parse(made.full) == made


def test_equal_names_have_one_key():
    assert Name("A", "B", "C", "D").key == Name("a", "b", "c", "d").key


def test_blanks_around_a_name_are_not_kept():
    """A client may send megabytes of them."""
    before = names._asked.cache_info().currsize
    for number in range(5):
        assert names.asked("nat" + " " * (1000 + number)).display == "nat:latest"
    assert names._asked.cache_info().currsize <= before + 1
