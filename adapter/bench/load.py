"""Puts a load to servers, in turns, and collects what came of it."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Sequence
from time import perf_counter

from adapter.bench.figures import Answer, Round
from adapter.bench.server import Server

TURNS = 2
"""How often each server is loaded with each number of streams: A B A B."""


class Load:
    """`rounds` are those that are over; a run that is cancelled leaves what there is by then.

    `requests` is how many each stream makes in a round, one after another. `told` is called after
    each round.
    """

    def __init__(self, tokens: int, requests: int, told: Callable[[Round], None]) -> None:
        self.rounds: list[Round] = []
        self._tokens = tokens
        self._requests = requests
        self._told = told
        # No two runs ask alike: an engine remembers the beginnings of prompts.
        self._numbers = itertools.count(random.randrange(10**9))

    async def run(self, servers: Sequence[Server], streams: Sequence[int]) -> None:
        for count in streams:
            for server in (*servers,) * TURNS:
                await self.round(server, count)

    async def round(self, server: Server, streams: int) -> Round:
        """One server, with so many streams at once."""
        began = perf_counter()
        answers: list[Answer] = []
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(streams):
                    group.create_task(self._stream(server, answers))
        finally:
            found = Round(server.name, streams, perf_counter() - began, answers)
            if answers:
                self.rounds.append(found)
        self._told(found)
        return found

    async def _stream(self, server: Server, answers: list[Answer]) -> None:
        for _ in range(self._requests):
            answer = await server.ask(next(self._numbers), self._tokens)
            answers.append(answer)  # at once: a round may be interrupted
