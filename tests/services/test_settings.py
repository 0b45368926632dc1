from __future__ import annotations

import pytest
from services.errors import ConfigError
from services.settings import load_settings


def test_flag_beats_environment_beats_default():
    environ = {"RAG_HOST": "0.0.0.0", "CHATQNA_PORT": "1", "INDEX_NAME": ""}
    settings = load_settings({"host": "127.0.0.2", "adapter_url": None}, environ)
    assert settings.host == "127.0.0.2"
    assert settings.chatqna_port == 1
    assert settings.index == "rag"
    assert settings.adapter_url == "http://127.0.0.1:11434"


def test_the_culprit_is_named():
    with pytest.raises(ConfigError, match=r"^CHATQNA_PORT: "):
        load_settings({}, {"CHATQNA_PORT": "x"})


@pytest.mark.parametrize("name", ["chatqna", "chatqna:latest", "ChatQnA", "chatqna2", "me/chatqna"])
def test_the_pipeline_is_not_its_own_model(name: str):
    with pytest.raises(ConfigError, match="itself"):
        load_settings({}, {"LLM_MODEL_ID": name})


def test_nor_under_another_name():
    with pytest.raises(ConfigError, match="itself"):
        load_settings({}, {"LLM_MODEL_ID": "docs:latest", "CHATQNA_MODEL": "docs"})
    load_settings({}, {"LLM_MODEL_ID": "llama3.2", "CHATQNA_MODEL": "docs"})


def test_where_engines_are_asked():
    settings = load_settings({}, {"ADAPTER_URL": "http://a/", "LLM_URL": "http://b/"})
    assert settings.asked_at("embedding") == "http://a"
    assert settings.asked_at("llm") == "http://b"
