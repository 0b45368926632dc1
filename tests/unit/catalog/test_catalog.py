from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapter.catalog.catalog import Catalog, Clash, Found, build
from adapter.catalog.names import asked
from adapter.catalog.state import Alias
from adapter.errors import ConfigError
from adapter.settings import Settings
from adapter.translate.definition import Definition
from adapter.translate.models import Card
from adapter.wire.ollama import Message
from adapter.wire.openai import ServedModel

SINCE, SEEN = "2026-11-21T00:00:00.000000000Z", "2026-11-21T01:00:00.000000000Z"
CHAT = ServedModel("org/chat", root="/models/chat", context_length=4096)
EMBED = ServedModel("embed", context_length=256, capabilities=frozenset({"embedding"}))


def settings(
    models: Any = None, server: Any = None, kinds: tuple[str, ...] = ("vllm",)
) -> Settings:
    upstreams = [
        {"name": f"u{i}", "kind": kind, "url": f"http://h{i}"} for i, kind in enumerate(kinds)
    ]
    return Settings.model_validate(
        {"upstreams": upstreams, "models": models or {}, "server": server or {}}
    )


def found(*served: ServedModel) -> list[Found]:
    return [Found(model, Card(family="llama"), SEEN) for model in served]


def test_what_an_engine_serves_has_its_own_name():
    catalog = build(settings(), {"u0": found(CHAT, EMBED)}, SINCE)
    chat, embed = catalog.entries
    assert (chat.listing.name, chat.listing.served_name) == ("org/chat:latest", "org/chat")
    assert (chat.target.served_name, chat.target.context_length) == ("org/chat", 4096)
    assert chat.listing.modified_at == SEEN
    assert chat.capabilities == {"completion"}
    assert (embed.capabilities, embed.upstream) == ({"embedding"}, "u0")
    assert catalog.find(asked("ORG/Chat:latest")) is chat
    assert catalog.find(asked("chat")) is None


def test_the_date_of_the_files_comes_before_that_of_the_first_sight():
    row = Found(CHAT, Card(modified_at="2026-01-02T03:04:05.000000000Z"), SEEN)
    [entry] = build(settings(), {"u0": [row]}, SINCE).entries
    assert entry.listing.modified_at == "2026-01-02T03:04:05.000000000Z"


def test_an_entry_renames_what_is_served():
    models = {"nat": {"served_name": "org/chat", "aliases": ["llama2:7b"], "options": {"seed": 1}}}
    catalog = build(settings(models), {"u0": found(CHAT)}, SINCE)
    nat, alias = catalog.entries
    assert (nat.listing.name, alias.listing.name) == ("nat:latest", "llama2:7b")
    assert (nat.configured, alias.configured) == ("nat", "nat")
    assert nat.target == alias.target
    assert (nat.target.served_name, nat.target.options) == ("org/chat", {"seed": 1})
    assert nat.listing.digest == alias.listing.digest
    assert alias.name.full == "registry.ollama.ai/library/llama2:7b"
    assert catalog.find(asked("org/chat")) is None


def test_two_entries_of_the_same_model_know_the_same_of_it():
    models = {name: {"served_name": "org/chat"} for name in ("nat", "other")}
    nat, other = build(settings(models), {"u0": found(CHAT)}, SINCE).entries
    assert nat.target == other.target
    assert (nat.listing.card, nat.listing.modified_at) == (Card(family="llama"), SEEN)
    assert (other.listing.card, other.listing.modified_at) == (Card(family="llama"), SEEN)


def test_an_entry_that_no_engine_has_shown_is_listed_with_what_it_says():
    models = {"nat": {"capabilities": ["completion"], "context_length": 100}}
    [entry] = build(settings(models), {}, SINCE).entries
    assert entry.listing.modified_at == SINCE
    assert entry.listing.card == Card()
    assert (entry.target.served_name, entry.target.context_length) == ("nat", 100)


def test_the_first_to_claim_a_name_has_it():
    models = {"a": {"served_name": "x", "aliases": ["b"]}, "B": {"served_name": "y"}}
    catalog = build(settings(models), {"u0": found(ServedModel("A"))}, SINCE)
    assert [entry.target.served_name for entry in catalog.entries] == ["x", "y"]
    assert catalog.find(asked("b")).target.served_name == "y"
    assert catalog.find(asked("a")).target.served_name == "x"


def test_models_of_two_engines():
    models = {"nat": {"served_name": "org/chat", "upstream": "u1"}}
    both = {"u0": found(CHAT), "u1": found(CHAT)}
    catalog = build(settings(models, kinds=("vllm", "openai")), both, SINCE)
    rows = [(entry.listing.name, entry.upstream, entry.target.vllm) for entry in catalog.entries]
    assert rows == [("nat:latest", "u1", False), ("org/chat:latest", "u0", True)]


@pytest.mark.parametrize(
    ("configured", "served", "bound", "context"),
    [
        (None, None, None, None),
        (None, 4096, None, 4096),
        (100, 4096, None, 100),
        (100, None, None, 100),
        (None, 4096, 1000, 1000),
        (None, 500, 1000, 500),
        (None, None, 1000, 1000),
    ],
)
def test_the_context_length(configured, served, bound, context):
    models = {"m": {"context_length": configured}} if configured else {"m": {}}
    rows = {"u0": found(ServedModel("m", context_length=served))}
    [entry] = build(settings(models, {"context_length": bound}), rows, SINCE).entries
    assert entry.target.context_length == entry.listing.context_length == context


def test_what_an_entry_says_that_it_can_counts():
    can = ["completion", "tools", "vision", "insert"]
    catalog = build(settings({"org/chat": {"capabilities": can}}), {"u0": found(CHAT)}, SINCE)
    assert catalog.find(asked("org/chat")).capabilities == set(can)


def test_ollamas_defaults_are_sent_but_not_shown_as_the_models_own():
    models = {"org/chat": {"options": {"top_k": 5}}}
    asked_for = settings(models, {"sampling_defaults": "ollama"})
    [entry] = build(asked_for, {"u0": found(CHAT)}, SINCE).entries
    assert entry.target.options == {"temperature": 0.8, "top_k": 5, "top_p": 0.9}
    assert entry.listing.options == {"top_k": 5}


def test_nothing():
    assert Catalog().entries == build(settings(), {}, SINCE).entries == ()
    assert Catalog().find(asked("x")) is None


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"temperature": "hot"}, 'option "temperature" must be of type float32'),
        ({"top_k": float("inf")}, 'option "top_k" must be of type integer'),
        ({"stop": "x"}, 'option "stop" must be of type array'),
    ],
)
def test_default_options_are_judged_at_once(options: Any, complaint: str):
    with pytest.raises(ConfigError, match=f"^models.m.options: {complaint}$"):
        build(settings({"m": {"options": options}}), {}, SINCE)


@pytest.mark.parametrize(
    "name",
    ["überåuge", "my model", "/models/llama", "a/b/c/d", "x:", "gpt-oss:120b-cloud", "x:local", ""],
)
def test_a_name_that_nobody_can_ask_for_is_refused(name: str):
    text = "is no name that clients can ask for, such as llama3.2"
    for models, where in (
        ({name: {}}, f"models.{name}"),
        ({"m": {"aliases": ["fine:7b", name]}}, "models.m.aliases"),
    ):
        with pytest.raises(ConfigError) as complaint:
            build(settings(models), {}, SINCE)
        assert str(complaint.value).startswith(f"{where}: {name!r} {text}")


def test_what_an_engine_calls_a_model_may_be_any_text():
    served = ServedModel("/models/überåuge")
    models = {"eyes": {"served_name": "/models/überåuge"}}
    [entry] = build(settings(models), {"u0": found(served)}, SINCE).entries
    assert (entry.listing.name, entry.target.served_name) == ("eyes:latest", "/models/überåuge")


# --- aliases --------------------------------------------------------------------------------

TURNS = (Message(role="user", content="hi"),)
OWN = Definition("org/chat:latest", "one", messages=TURNS, options={"seed": 2, "top_p": 0.5})
THINKER = {
    "org/chat": {"capabilities": ["completion", "tools", "thinking"], "options": {"seed": 1}}
}
LORA = "ollama-vllm-lora-" + "0" * 32


def with_alias(own: Definition, name: str = "mario", models: Any = None, **server: Any) -> Catalog:
    alias = Alias(asked(name), own, SINCE)
    rows = {"u0": found(CHAT, EMBED)}
    return build(settings(models, server), rows, SINCE, [alias])


def test_an_alias_lays_its_definition_over_its_base():
    catalog = with_alias(OWN, models=THINKER)
    base, mario = catalog.find(asked("org/chat")), catalog.find(asked("Mario"))
    assert base.alias is None
    assert mario.alias.definition is OWN
    assert mario.upstream == base.upstream
    assert mario.target == replace(
        base.target, options={"seed": 2, "top_p": 0.5}, system="one", turns=TURNS
    )
    assert mario.target.thinks
    assert mario.capabilities == base.capabilities
    assert mario.listing.name == "mario:latest"
    assert mario.listing.modified_at == SINCE
    assert (mario.listing.own, mario.listing.card) == (OWN, base.listing.card)
    assert mario.listing.digest not in (base.listing.digest, "")


def test_a_template_can_do_what_it_says():
    for template, can in (("{{ .Prompt }}", set()), ("{{ .Prompt }}{{ .Suffix }}", {"insert"})):
        catalog = with_alias(replace(OWN, template=template), models=THINKER)
        mario = catalog.find(asked("mario"))
        assert mario.capabilities == {"completion"} | can
        assert (mario.target.template, mario.target.thinks) == (template, False)
    embedding = with_alias(Definition("embed:latest", template="{{ .Suffix }}"))
    assert embedding.find(asked("mario")).capabilities == {"embedding"}


def test_an_alias_with_an_adapter_asks_for_the_adapter():
    catalog = with_alias(replace(OWN, lora=LORA), state_dir="/state")
    mario = catalog.find(asked("mario"))
    assert mario.target.served_name == mario.listing.served_name == LORA
    assert mario.listing.adapter == f"/state/loras/{LORA}"


def test_an_adapter_of_ours_is_no_model_of_its_own():
    rows = [CHAT, ServedModel(LORA, parent="org/chat"), ServedModel("my-lora", parent="org/chat")]
    catalog = build(settings(), {"u0": found(*rows)}, SINCE)
    assert [entry.listing.name for entry in catalog.entries] == [
        "org/chat:latest",
        "my-lora:latest",
    ]


def test_an_alias_hides_no_model():
    catalog = with_alias(OWN, "embed")
    assert catalog.find(asked("embed")).alias is None
    assert len(catalog.entries) == 2


def test_an_alias_without_its_base_is_not_there():
    assert with_alias(Definition("gone:latest")).find(asked("mario")) is None
    # Nor does it stand on another alias.
    aliases = [Alias(asked("a"), OWN, SINCE), Alias(asked("b"), Definition("a:latest"), SINCE)]
    catalog = build(settings(), {"u0": found(CHAT)}, SINCE, aliases)
    assert [entry.listing.name for entry in catalog.entries] == ["org/chat:latest", "a:latest"]


def test_an_alias_of_a_configured_name():
    models = {"nat": {"served_name": "org/chat", "aliases": ["llama2:7b"]}}
    catalog = with_alias(Definition("llama2:7b"), models=models)
    assert catalog.find(asked("mario")).target.served_name == "org/chat"


def ollama_row(name: str, **more: Any) -> ServedModel:
    told = {"name": name, "model": name, "modified_at": "2026-01-01T00:00:00Z", "size": 5, **more}
    return ServedModel(name, root="d" * 64, told=told)


def test_a_model_of_a_real_ollama():
    rows = {"u0": found(ollama_row("llava:7b"))}
    [entry] = build(settings(kinds=("ollama",)), rows, SINCE).entries
    assert entry.verbatim
    assert (entry.listing.name, entry.listing.digest) == ("llava:7b", "d" * 64)
    assert entry.listing.modified_at == "2026-01-01T00:00:00Z"


def test_a_name_without_its_tag_is_that_of_an_ollama():
    models = {"eyes": {"served_name": "llava"}}
    rows = {"u0": found(ollama_row("llava:latest"))}
    [entry] = build(settings(models, kinds=("ollama",)), rows, SINCE).entries
    assert (entry.listing.name, entry.target.served_name) == ("eyes:latest", "llava:latest")
    assert entry.listing.told is not None


@pytest.mark.parametrize("kind", ["vllm", "ollama", "openai"])
def test_a_configured_model_that_its_engine_does_not_have(kind: str):
    configured = settings({"m": {}}, kinds=(kind,))
    [unheard] = build(configured, {}, SINCE).entries
    assert not unheard.gone
    [entry] = build(configured, {"u0": []}, SINCE).entries
    assert entry.gone is (kind != "openai"), "lists of other servers may lack what they serve"


def test_a_name_of_two_engines_is_that_of_the_first_in_the_file():
    rows = {"u1": found(CHAT), "u0": found(CHAT)}
    catalog = build(settings(kinds=("vllm", "vllm")), rows, SINCE)
    [entry] = catalog.entries
    assert entry.upstream == "u0"
    assert catalog.clashes == [Clash("org/chat:latest", "u0", "u1")]
    other = catalog.at("u1", asked("org/chat"))
    assert other is not None
    assert other.upstream == "u1"
    assert catalog.at("u2", asked("org/chat")) is None


def test_the_file_comes_before_what_engines_say():
    models = {"org/chat": {"upstream": "u1"}}
    rows = {"u0": found(CHAT), "u1": found(CHAT)}
    catalog = build(settings(models, kinds=("vllm", "vllm")), rows, SINCE)
    [entry] = catalog.entries
    assert (entry.upstream, catalog.clashes) == ("u1", [])


def test_a_fallback_is_known_before_its_upstream_is():
    models = {"m": {"upstream": "u0", "fallback": "u1/old", "aliases": ["n"]}}
    catalog = build(settings(models, kinds=("vllm", "ollama")), {}, SINCE)
    for entry in catalog.entries:
        assert entry.fallback is not None
        assert (entry.fallback.upstream, entry.fallback.target.served_name) == ("u1", "old:latest")
        assert entry.fallback.verbatim


def test_only_a_plain_alias_has_its_bases_fallback():
    models = {"m": {"upstream": "u0", "fallback": "u1/old"}}
    aliases = [
        Alias(asked("plain"), Definition("m:latest"), SEEN),
        Alias(asked("mario"), Definition("m:latest", system="You are Mario."), SEEN),
    ]
    catalog = build(settings(models, kinds=("vllm", "ollama")), {}, SINCE, aliases)
    plain, mario = (catalog.find(asked(name)) for name in ("plain", "mario"))
    assert plain is not None
    assert plain.fallback is not None
    assert mario is not None
    assert mario.fallback is None


def test_an_alias_does_not_stand_on_a_model_of_an_ollama():
    alias = Alias(asked("mario"), Definition("llava:7b", system="You are Mario."), SEEN)
    rows = {"u0": found(ollama_row("llava:7b"))}
    catalog = build(settings(kinds=("ollama",)), rows, SINCE, [alias])
    assert catalog.find(asked("mario")) is None
