from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher import settings, web, weights
from launcher.errors import CannotRun, TryAgain
from launcher.hub import ask
from launcher.settings import Settings

from tests.vllm_image.launcher import fake_hub
from tests.vllm_image.launcher.tensors import EMPTY

NOBODY = "http://127.0.0.1:9"  # the discard port: refused at once
DEFAULT = weights.DEFAULT


@pytest.fixture
def hub() -> Iterator[str]:
    with fake_hub.running() as url:
        yield url


def given(folder: Path, **environ: str) -> Settings:
    base = {"HOME": str(folder), "HF_HOME": str(folder / "hf"), "HF_ENDPOINT": NOBODY}
    return settings.read({**base, **environ}, folder)


def model_folder(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names or ("config.json", "tokenizer.json", "model.safetensors"):
        weights = name.endswith(".safetensors")
        (folder / name).write_bytes(EMPTY if weights else b"{}")
    return folder


def cache(folder: Path, model: str, *names: str) -> None:
    place = folder / "hf" / "hub" / f"models--{model.replace('/', '--')}"
    model_folder(place / "snapshots" / "abc", *names)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc")


def test_a_folder_is_served_under_its_own_name(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "My-Model")
    choice = weights.choose(given(tmp_path, MODEL=str(folder)))
    assert (choice.source, choice.model) == ("folder", str(folder))
    assert (choice.name, choice.size, choice.download) == ("my-model:latest", 10, 0)


@pytest.mark.parametrize(
    ("names", "lacking"),
    [
        (["tokenizer.json", "model.safetensors"], "config.json"),
        (["config.json", "model.safetensors"], "a tokenizer file"),
        (["config.json", "tokenizer.json"], "weights"),
    ],
)
def test_an_incomplete_folder_is_told_what_it_lacks(
    tmp_path: Path, names: list[str], lacking: str
) -> None:
    folder = model_folder(tmp_path / "m", *names)
    with pytest.raises(CannotRun, match=f"lacks {lacking}"):
        weights.choose(given(tmp_path, MODEL=str(folder)))


def test_a_missing_part_of_split_weights_is_named(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", "config.json", "tokenizer.json", "a.safetensors")
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CannotRun, match=r"lacks b\.safetensors"):
        weights.choose(given(tmp_path, MODEL=str(folder)))


@pytest.mark.parametrize("model", ["/no/such/folder", "./x", "~/x", "~nobodyx/x"])
def test_a_folder_that_is_not_there(tmp_path: Path, model: str) -> None:
    with pytest.raises(CannotRun, match="not there"):
        weights.choose(given(tmp_path, MODEL=model))


@pytest.mark.parametrize("model", ["a b", "m" * 300, "http://elsewhere/a/b"])
def test_what_is_neither_folder_nor_hub_name(tmp_path: Path, model: str) -> None:
    with pytest.raises(CannotRun, match="neither a folder nor a name"):
        weights.choose(given(tmp_path, MODEL=model))


def test_a_name_of_ollamas_is_told_the_hubs_form(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match=f"names of the hub look so: MODEL={DEFAULT}"):
        weights.choose(given(tmp_path, MODEL="qwen2.5:0.5b"))


@pytest.mark.parametrize("model", ["/some/m.gguf", "m.Q4_K_M.gguf", "org/m-GGUF"])
def test_gguf_is_not_taken(tmp_path: Path, model: str) -> None:
    with pytest.raises(CannotRun, match="GGUF files are not taken"):
        weights.choose(given(tmp_path, MODEL=model))


@pytest.mark.parametrize(
    "model", ["org/m/", "https://huggingface.co/org/m", "https://huggingface.co/org/m/tree/main/"]
)
def test_other_ways_to_write_a_name_of_the_hub(tmp_path: Path, model: str) -> None:
    cache(tmp_path, "org/m")
    assert weights.choose(given(tmp_path, MODEL=model)).model == "org/m"


def test_a_configuration_that_is_a_folder(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", "tokenizer.json", "model.safetensors")
    (folder / "config.json").mkdir()
    with pytest.raises(CannotRun, match=r"lacks config\.json"):
        weights.choose(given(tmp_path, MODEL=str(folder)))


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, b'{"siblings": [1, {"size": "x"}, {"rfilename": null, "size": 5}]}', "open"),
        (200, b"<html>log in first</html>", "silent"),
        (200, b'{"siblings": 1}', "silent"),
        (200, b"[]", "silent"),
        (429, b"", "silent"),
        (500, b"", "silent"),
        (403, b"", "closed"),
        (404, b"", "unknown"),
    ],
)
def test_only_the_hubs_own_answer_counts(
    tmp_path: Path, status: int, body: bytes, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "get", lambda *_, **__: web.Answer(status, body))
    assert ask(given(tmp_path).hub, "org/m").state == state


def test_the_default_comes_from_the_cache_when_it_is_complete(tmp_path: Path) -> None:
    cache(tmp_path, DEFAULT)
    choice = weights.choose(given(tmp_path))
    assert (choice.source, choice.name) == ("cache", "qwen2.5:0.5b")


def test_half_a_download_is_not_a_model(tmp_path: Path) -> None:
    cache(tmp_path, DEFAULT, "config.json", "tokenizer.json")
    assert weights.choose(given(tmp_path)).source == "demo"


def test_without_a_hub_there_is_the_demo(tmp_path: Path) -> None:
    choice = weights.choose(given(tmp_path))
    assert (choice.source, choice.name) == ("demo", "demo:latest")


def test_a_hub_without_the_default_means_the_demo(tmp_path: Path, hub: str) -> None:
    assert weights.choose(given(tmp_path, HF_ENDPOINT=hub)).source == "demo"


def test_an_open_model_is_sized_without_its_other_forms(tmp_path: Path, hub: str) -> None:
    choice = weights.choose(given(tmp_path, HF_ENDPOINT=hub, MODEL=fake_hub.OPEN))
    assert (choice.source, choice.name) == ("hub", "tiny:0.1b")
    small = len(fake_hub.FILES["config.json"]) + len(fake_hub.FILES["tokenizer.json"])
    assert choice.size == len(fake_hub.FILES["model.safetensors"]) + small
    assert "*.bin" in choice.ignored


def test_a_closed_model_tells_the_way_in_and_another_model(tmp_path: Path, hub: str) -> None:
    with pytest.raises(CannotRun, match="licence") as raised:
        weights.choose(given(tmp_path, HF_ENDPOINT=hub, MODEL=fake_hub.GATED))
    for part in (f"{hub}/{fake_hub.GATED}", "HF_TOKEN", f"MODEL={DEFAULT} make serve"):
        assert part in raised.value.text


def test_an_unknown_model(tmp_path: Path, hub: str) -> None:
    with pytest.raises(CannotRun, match="no model org/nothing"):
        weights.choose(given(tmp_path, HF_ENDPOINT=hub, MODEL="org/nothing"))


def test_a_silent_hub_may_answer_later(tmp_path: Path) -> None:
    with pytest.raises(TryAgain, match="does not answer"):
        weights.choose(given(tmp_path, MODEL="org/nothing"))


def test_offline_means_the_hub_is_not_asked(tmp_path: Path, hub: str) -> None:
    with pytest.raises(CannotRun, match="HF_HUB_OFFLINE"):
        weights.choose(given(tmp_path, HF_ENDPOINT=hub, HF_HUB_OFFLINE="1", MODEL=fake_hub.OPEN))
