"""Which Redis will do, by what it tells of itself."""

from __future__ import annotations

from typing import Any

import pytest
from services.store.redis_schema import caveat, columns, unfit, unfit_address

INFO = {
    "redis_version": "8.2.3",
    "redis_mode": "standalone",
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
}


@pytest.mark.parametrize(
    ("changes", "database", "told"),
    [
        ({}, 0, ""),
        ({"redis_version": "8.0"}, 0, ""),
        ({"redis_version": "10.1.0"}, 0, ""),
        ({"redis_version": "7.4.2"}, 0, "Redis 8 or newer is needed, not 7.4.2"),
        ({"redis_mode": "cluster"}, 0, "one Redis server is needed, not a cluster"),
        ({"redis_mode": "sentinel"}, 0, "one Redis server is needed, not a sentinel"),
        ({}, 3, "database 0 is needed, not 3"),
        ({"maxmemory_policy": "allkeys-lru"}, 0, ""),
        ({"maxmemory": 9, "maxmemory_policy": "volatile-lru"}, 0, ""),
        (
            {"maxmemory": 9, "maxmemory_policy": "allkeys-lru"},
            0,
            "its maxmemory-policy allkeys-lru would lose documents: noeviction is needed",
        ),
    ],
)
def test_servers(changes: dict[str, Any], database: int, told: str):
    assert unfit(INFO | changes, database) == told


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://h", ""),
        ("rediss://u:p%5B@h:1/0?ssl_ca_certs=/x&client_name=a", ""),
        ("redis://h?decode_responses=true", "an option that can't be chosen"),
        ("redis://h?protocol", "an option that can't be chosen"),
        ("redis://:se/cret@h", "not an address"),
        ("redis://:se?cret=1@h:6379", "not an address"),
    ],
)
def test_addresses(url: str, told: str):
    found = unfit_address(url)
    assert found.startswith(told)
    assert bool(found) == bool(told)
    assert "cret" not in found


def test_the_dimension_is_in_the_columns():
    assert columns(768)[-4:] == ["DIM", 768, "DISTANCE_METRIC", "COSINE"]


@pytest.mark.parametrize(
    ("version", "warned"), [("8.0.5", True), ("8.2.3", True), ("8.2.4", False), ("8.10.0", False)]
)
def test_servers_that_rank_wrongly_are_told_of(version: str, warned: bool):
    assert caveat({"redis_version": version}).startswith(f"Redis {version} " if warned else "")
    assert bool(caveat({"redis_version": version})) is warned
