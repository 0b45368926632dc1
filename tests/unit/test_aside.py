from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from adapter.aside import LARGE, aside


async def test_a_little_work_is_done_at_once_and_much_in_another_thread():
    here = threading.get_ident()
    assert await aside(LARGE - 1, threading.get_ident) == here
    assert await aside(LARGE, threading.get_ident) != here


async def test_the_loop_goes_on_meanwhile():
    """The work waits for what only the loop can do."""
    done = threading.Event()
    running = aside(LARGE, done.wait, timeout=10)
    asyncio.get_running_loop().call_soon(done.set)
    assert await running


@pytest.mark.parametrize("size", [0, LARGE])
async def test_what_it_raises_is_raised(size: int):
    with pytest.raises(ValueError, match="invalid literal"):
        await aside(size, int, "x")


async def test_once_there_are_threads_their_turns_are_short():
    await aside(LARGE, len, "")
    assert sys.getswitchinterval() <= 0.001
