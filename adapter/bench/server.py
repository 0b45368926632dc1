"""A server that is measured: what it has, and one answer of it at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from time import perf_counter

import aiohttp
import orjson

from adapter.bench.dialects import OLLAMA, OPENAI, Dialect, Question
from adapter.bench.figures import Answer
from adapter.conformance import address

_LINE = 2**20
"""Bytes of the longest line that is read."""
_SAID = 200


class Unusable(Exception):
    """It can't be measured; the message says why in one line."""


class Server:
    """`name` is what the report calls it, `url` has no path but one before `/api` or `/v1`."""

    def __init__(self, name: str, url: str, session: aiohttp.ClientSession, dialect: Dialect):
        self.name = name
        self.url = url
        self.model = ""
        self._session = session
        self._dialect = dialect

    async def choose(self, wanted: str) -> None:
        """Finds the model; without a name, the first that there is.

        Raises:
            Unusable: the server can't be reached, or lacks the model.
        """
        listed = await self._models()
        if not listed:
            raise Unusable(f"{self.url} has no model")
        names = (wanted, f"{wanted}:latest", wanted.removesuffix(":latest")) if wanted else listed
        found = next((name for name in names if name in listed), None)
        if found is None:
            raise Unusable(f"{self.url} has no model {wanted}; it has {', '.join(listed[:9])}")
        self.model = found

    async def _models(self) -> Sequence[str]:
        ollama = self._dialect is OLLAMA
        kind = "Ollama's API" if ollama else "OpenAI's API"
        url = self.url + ("/api/tags" if ollama else "/v1/models")
        try:
            async with self._session.get(url) as response:
                body = await response.read()
            if response.status != 200:
                raise Unusable(
                    f"{self.url} is no server of {kind}: {url} answers {response.status}"
                )
            read = orjson.loads(body)
            rows = read["models"] if ollama else read["data"]
            return [str(row["name" if ollama else "id"]) for row in rows]
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            where = address.public(self.url)
            raise Unusable(f"{where} can't be reached: {reason(error)}") from error
        except (ValueError, LookupError, TypeError) as error:
            raise Unusable(f"{address.public(self.url)} is no server of {kind}") from error

    async def try_out(self) -> None:
        """Asks for a short answer, so that a model is loaded before the clock runs.

        Raises:
            Unusable: it gave none.
        """
        answer = await self.ask(0, 4)
        if answer.fault:
            raise Unusable(
                f"{self.url} gives no answer with the model {self.model}: {answer.fault}"
            )

    async def ask(self, number: int, tokens: int) -> Answer:
        """One answer, whatever comes of it."""
        body = self._dialect.body(Question(self.model, number, tokens))
        headers = {"Content-Type": "application/json"}
        began = perf_counter()
        url = self.url + self._dialect.path
        try:
            async with self._session.post(url, data=body, headers=headers) as response:
                if response.status != 200:
                    said = (await response.content.read(_SAID)).decode(errors="replace")
                    return Answer(f"status {response.status}: {' '.join(said.split())}")
                return await self._take(response, began)
        except TimeoutError:
            return Answer("timed out")
        except (aiohttp.ClientError, OSError) as error:
            return Answer(reason(error))
        except (ValueError, TypeError, LookupError, AttributeError):
            return Answer("malformed")

    async def _take(self, response: aiohttp.ClientResponse, began: float) -> Answer:
        times: list[float] = []
        tokens, rest = 0, b""
        async for data in response.content.iter_any():
            *lines, rest = (rest + data).split(b"\n")
            now = perf_counter()
            for line in lines:
                piece = self._dialect.read(line)
                if piece.error:
                    return Answer(f"error in the stream: {piece.error[:_SAID]}")
                if piece.text and (not times or times[-1] != now):
                    times.append(now)
                tokens = piece.tokens if piece.tokens is not None else tokens
                if piece.over:
                    gaps = [then - before for before, then in pairwise(times)]
                    return Answer("", tokens, times[0] - began if times else None, gaps)
            if len(rest) > _LINE:
                return Answer("malformed")
        return Answer("cut")


def reason(error: BaseException) -> str:
    """In a few words, without an address: those that fail alike are counted together."""
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return os.strerror(number) if number and number > 0 else "no connection"
    known: dict[type[BaseException], str] = {
        aiohttp.ServerDisconnectedError: "disconnected",
        aiohttp.ClientPayloadError: "cut",
        TimeoutError: "timed out",
    }
    return known.get(type(error), "") or str(error) or type(error).__name__


def dialect_of(direct: bool) -> Dialect:
    return OPENAI if direct else OLLAMA


def session(timeout: float) -> aiohttp.ClientSession:
    """For both servers; `timeout`: seconds for a whole answer."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=10),
        headers={"User-Agent": "ollama-vllm bench"},
    )
