from __future__ import annotations

from pathlib import Path

import pytest
from launcher import pipeline, settings
from launcher.ports import Address
from services.settings import load_settings

from adapter.settings import load_settings as load_adapter_settings

CHATQNA = Address("127.0.0.1", 8888)


def environment(root: Path, **environ: str) -> dict[str, str]:
    chosen = settings.read({"HOME": str(root), "DOCS": str(root), **environ}, root)
    assert chosen.docs
    return pipeline.environment(chosen, chosen.docs, environ)


def test_the_services_make_their_own_vectors_and_ask_the_adapter(tmp_path: Path) -> None:
    given = load_settings({}, environment(tmp_path, OLLAMA_HOST="0.0.0.0:1234"))
    assert given.embedding_kind == "wordllama"
    assert given.adapter_url == "http://127.0.0.1:1234"
    assert (given.chatqna_port, given.dataprep_port) == (8888, 6007)
    others = (given.embedding_port, given.tei_port, given.retriever_port, given.reranker_port)
    assert {*others, given.llm_port} == {0}
    assert given.store.startswith(f"sqlite:{tmp_path}/.venv/documents/")


def test_the_users_settings_win(tmp_path: Path) -> None:
    own = {"EMBEDDING_KIND": "openai", "STORE_URL": "sqlite:x", "LLM_PORT": "9000"}
    given = load_settings({}, environment(tmp_path, **own, CHATQNA_PORT="1", RAG_PASSAGES="3"))
    assert (given.embedding_kind, given.store, given.llm_port) == ("openai", "sqlite:x", 9000)
    assert (given.chatqna_port, given.passages) == (1, 3)


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    assert load_settings({}, environment(tmp_path, STORE_URL="")).store.startswith("sqlite:/")


def test_they_run_from_the_checkout(tmp_path: Path) -> None:
    assert environment(tmp_path)["PYTHONPATH"] == f"{tmp_path}/compose"
    assert environment(tmp_path, PYTHONPATH="/x")["PYTHONPATH"] == f"{tmp_path}/compose:/x"


def test_each_folder_has_its_own_place(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    assert pipeline.place(tmp_path, a) == pipeline.place(tmp_path, tmp_path / "b" / ".." / "a")
    assert pipeline.place(tmp_path, a) != pipeline.place(tmp_path, b)


@pytest.mark.parametrize("key", ["", "secret"])
@pytest.mark.parametrize("demo", [True, False])
def test_the_adapter_has_the_pipeline_as_one_more_model(
    tmp_path: Path, key: str, demo: bool
) -> None:
    file = tmp_path / "adapter.toml"
    text = pipeline.adapter_toml('http://h:1/a"b\\', CHATQNA, key=bool(key), demo=demo)
    file.write_text(text)
    given = load_adapter_settings(environ={"VLLM_API_KEY": key}, file=str(file))
    engine, chatqna = given.upstreams
    assert (engine.kind, engine.url) == ("vllm", 'http://h:1/a"b\\')
    assert ("api_key_env" in text) is bool(key)
    assert (chatqna.kind, chatqna.url) == ("openai", "http://127.0.0.1:8888")
    model = given.models["chatqna"]
    assert (model.upstream, list(model.capabilities or ())) == ("chatqna", ["completion"])
    assert model.options == ({"num_predict": 128} if demo else {})
