"""Parts of the stack are replaced one after the other, and clients that try again lose nothing."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable

from tests.containers import clients
from tests.containers.stack import Stack

URL = "http://127.0.0.1:11434"


def test_each_part_is_replaced_while_clients_go_on(stack: Callable[..., Stack]) -> None:
    running = stack()
    running.change("llm-cpu", environment={"STAND_IN_PAUSE": "0.3"})
    running.write()
    running.tool("up", "cpu")
    running.until_healthy("adapter", "llm-cpu")
    adapter = running.state("adapter")["StartedAt"]

    running.daemon.docker("restart", "--time", "5", running.container("llm-cpu"))
    assert "done" in running.python(clients.RETRYING_CHAT, URL, "tiny-chat").splitlines()[-1]
    assert running.state("adapter")["StartedAt"] == adapter

    talking = Talk(running)
    running.daemon.docker("restart", "--time", "30", running.container("adapter"))
    assert talking.last_line()["done"] is True  # the stream that was under way was let finish
    assert "done" in running.python(clients.RETRYING_CHAT, URL, "tiny-chat").splitlines()[-1]


class Talk:
    """A streamed chat in a thread; made when its first line is there."""

    def __init__(self, stack: Stack) -> None:
        self.lines: list[str] = []
        self._first = threading.Event()
        self._thread = threading.Thread(target=self._talk, args=(stack,))
        self._thread.start()
        assert self._first.wait(30)

    def _talk(self, stack: Stack) -> None:
        ask = (
            "import sys, urllib.request as r\n"
            'body = b\'{"model":"tiny-chat","messages":[{"role":"user","content":"hi"}]}\'\n'
            "for line in r.urlopen(sys.argv[1] + '/api/chat', body):\n"
            "    print(line.decode(), end='', flush=True)\n"
        )
        for line in stack.daemon.lines(sys.executable, "-c", ask, URL):
            self.lines.append(line)
            self._first.set()
        self._first.set()

    def last_line(self) -> dict[str, object]:
        self._thread.join(60)
        found = json.loads(self.lines[-1])
        assert isinstance(found, dict)
        return found
