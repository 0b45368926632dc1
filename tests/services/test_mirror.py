"""These tests mirror compose/services: who knows the module knows where its tests are."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.mirror import below, has_logic, test_of

TESTS = Path(__file__).parent
SERVICES = TESTS.parents[1] / "compose" / "services"

ELSEWHERE = {
    "__main__.py": "a process; test_running.py starts it",
    "cli.py": "a process; test_running.py starts it",
    "house.py": "opens engines and stores; every test of a role",
    "pipeline.py": "all stages in a row; roles/test_chatqna.py",
    "searching.py": "a store, an engine and HTTP; roles/test_retriever.py and test_running.py",
    "engines/llm.py": "requests to an engine; roles/test_chatqna.py and test_stages.py",
    "engines/reranker.py": "requests to an engine; roles/test_reranker.py",
    "errors.py": "its classes are met everywhere",
    "ingest/ingest.py": "engine and store together; roles/test_dataprep.py",
    "kit/app.py": "around every request; test_running.py",
    "kit/metrics.py": "declarations; test_running.py reads them",
    "kit/replies.py": "reads and writes sockets; every test of a role",
    "kit/streaming.py": "writes to a socket; roles/test_chatqna.py",
    "roles/events.py": "what chatqna and llm stream; roles/test_chatqna.py, roles/test_llm.py",
    "store/model.py": "what all stores promise; store/test_store.py",
    "store/postgres_rows.py": "store/test_store.py and store/test_postgres.py",
    "store/postgres_schema.py": "store/test_store.py",
    "store/postgres_writing.py": "store/test_store.py and store/test_postgres.py",
    "store/sqlite_reading.py": "store/test_store.py and store/test_sqlite.py",
    "store/sqlite_schema.py": "store/test_store.py and store/test_sqlite.py",
    "store/sqlite_writing.py": "store/test_store.py and store/test_sqlite.py",
}
"""Modules without a test file of their own, and who tests them."""

OF_THEIR_OWN = {
    "test_mirror.py",
    "test_older_clients.py",
    "test_opea_interface.py",
    "store/test_store.py",
}

MODULES = below(SERVICES, "*.py")
PROGRAMS = ("eval/", "load/")
"""They measure; their tests stand beside them."""
FILES = [file for file in below(TESTS, "test_*.py") if not file.startswith(PROGRAMS)]


@pytest.mark.parametrize(
    "module", [module for module in MODULES if has_logic((SERVICES / module).read_bytes())]
)
def test_a_module_with_logic_has_its_tests(module: str):
    assert test_of(module) in FILES or module in ELSEWHERE


@pytest.mark.parametrize("file", [file for file in FILES if file not in OF_THEIR_OWN])
def test_a_test_has_its_module(file: str):
    module = Path(file).with_name(Path(file).name.removeprefix("test_"))
    assert str(module) in MODULES or (SERVICES / module).with_suffix(".js").exists()


@pytest.mark.parametrize("module", ELSEWHERE)
def test_an_exception_is_needed(module: str):
    assert module in MODULES
    assert test_of(module) not in FILES


@pytest.mark.parametrize(
    "module", [module for module in MODULES if module.startswith("grounding/")]
)
def test_what_makes_prompts_is_pure(module: str):
    tree = ast.parse((SERVICES / module).read_bytes())
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
        )
    }
    assert not names & {"aiohttp", "asyncio", "time", "os", "logging", "sqlite3"}
