"""What a database's failure is told as."""

from __future__ import annotations

from services.errors import ServiceError


class StoreFault(ServiceError):
    kind = "store_error"


class StoreBusy(StoreFault):
    """It may do better later: away, not yet there, or at work for somebody else."""

    status = 503
