"""Every exception of aiohttp's client becomes one of ours."""

from __future__ import annotations

import inspect
import ssl

import aiohttp
import pytest

from adapter.errors import (
    AdapterError,
    UpstreamAway,
    UpstreamBroken,
    UpstreamCut,
    UpstreamError,
    UpstreamSilent,
    UpstreamUnreachable,
)
from adapter.upstream.faults import border, fault_of


def family(kind: type[BaseException]) -> list[type[BaseException]]:
    return [kind, *(child for below in kind.__subclasses__() for child in family(below))]


def blank(kind: type[BaseException]) -> BaseException:
    return kind.__new__(kind)  # most want arguments that only aiohttp has


CLIENT = sorted(set(family(aiohttp.ClientError)), key=lambda kind: kind.__name__)
SOCKET = [OSError, ConnectionResetError, ConnectionRefusedError, BrokenPipeError, TimeoutError]
SOCKET += [ssl.SSLError, ssl.SSLCertVerificationError]


@pytest.mark.parametrize("kind", [*CLIENT, *SOCKET], ids=lambda kind: kind.__name__)
def test_it_maps_to_one_of_ours(kind: type[BaseException]):
    error = fault_of(blank(kind), "llm")
    assert isinstance(error, UpstreamError)
    assert type(error) is not UpstreamError
    assert "llm" in error.message
    assert "{" not in error.message


def test_no_exception_of_aiohttps_client_is_outside_that_family():
    named = [getattr(aiohttp, name) for name in aiohttp.__all__]
    kinds = [kind for kind in named if inspect.isclass(kind) and issubclass(kind, Exception)]
    theirs = {kind for kind in kinds if kind.__module__ == "aiohttp.client_exceptions"}
    assert theirs - set(CLIENT) == {aiohttp.WSMessageTypeError}  # of websockets only


@pytest.mark.parametrize(
    ("kind", "ours", "status"),
    [
        (aiohttp.ConnectionTimeoutError, UpstreamUnreachable, 503),
        (aiohttp.SocketTimeoutError, UpstreamSilent, 504),
        (aiohttp.ServerTimeoutError, UpstreamSilent, 504),
        (TimeoutError, UpstreamSilent, 504),
        (aiohttp.ClientConnectorError, UpstreamAway, 503),
        (aiohttp.ClientConnectorDNSError, UpstreamAway, 503),
        (aiohttp.ServerDisconnectedError, UpstreamBroken, 502),
        (aiohttp.ClientOSError, UpstreamBroken, 502),
        (aiohttp.ClientPayloadError, UpstreamCut, 502),
        (aiohttp.ClientResponseError, UpstreamBroken, 502),
        (ConnectionResetError, UpstreamBroken, 502),
    ],
)
def test_which_one(kind: type[BaseException], ours: type[UpstreamError], status: int):
    error = fault_of(blank(kind), "llm")
    assert (type(error), error.status, error.outcome) == (ours, status, "upstream_fault")


def test_only_these_cross_the_border_changed():
    with pytest.raises(UpstreamBroken) as broken, border("llm"):
        raise aiohttp.ServerDisconnectedError
    assert isinstance(broken.value.__cause__, aiohttp.ServerDisconnectedError)
    with pytest.raises(ZeroDivisionError), border("llm"):
        raise ZeroDivisionError
    with pytest.raises(AdapterError), border("llm"):
        raise AdapterError("ours")


def test_what_is_not_theirs_is_not_mapped():
    with pytest.raises(ZeroDivisionError):
        fault_of(ZeroDivisionError(), "llm")
