"""Which failures of Redis pass, and which stay."""

from __future__ import annotations

import pytest
from redis import exceptions as driver
from services.store.faults import StoreFault
from services.store.redis_connection import fault


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (driver.ConnectionError("Connection refused"), 503, "Connection refused"),
        (OSError("no route"), 503, "no route"),
        (driver.TimeoutError("Timeout reading"), 503, "no answer in time"),
        (driver.BusyLoadingError("Redis is loading"), 503, "Redis is loading"),
        (driver.ResponseError("BUSY Redis is busy"), 503, "BUSY Redis is busy"),
        (driver.AuthenticationError("WRONGPASS"), 500, "WRONGPASS"),
        (driver.OutOfMemoryError("command not allowed"), 500, "command not allowed"),
        (driver.ReadOnlyError("read only"), 503, "read only"),
    ],
)
def test_failures(error: Exception, status: int, told: str):
    found = fault(error)
    assert isinstance(found, StoreFault)
    assert (found.status, found.message) == (status, f"the store: {told}")
