"""A tab of Chromium, driven over its DevTools protocol: real clicks and keys, nothing simulated
in the page."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

PATIENCE = 30.0
SHIFT = 8
KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "Tab": ("Tab", 9, ""),
    "Space": (" ", 32, " "),
}
"""Code → key, key code and text."""


class Tab:
    """`problems`: exceptions, complaints and violations of the policy; `requested`: all URLs."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.problems: list[str] = []
        self.requested: list[str] = []
        self._socket = socket
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def listen(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                waiting = self._waiting.pop(told["id"])
                if not waiting.done():
                    waiting.set_result(told)
            else:
                self._note(told["method"], told["params"])

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requested.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.problems.append(json.dumps(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["source"] != "network":
            self.problems.append(told["entry"]["text"])

    async def send(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = waiting
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        async with asyncio.timeout(PATIENCE):
            told = await waiting
        assert "error" not in told, f"{method}: {told['error']}"
        return told["result"]

    async def evaluate(self, expression: str) -> Any:
        """Its value, awaited."""
        told = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, expression: str, within: float = PATIENCE) -> None:
        """Waits until it is true."""
        deadline = asyncio.get_running_loop().time() + within
        while not await self.evaluate(f"Boolean({expression})"):
            assert asyncio.get_running_loop().time() < deadline, (
                f"never true: {expression}\n{await self.text('body')}\n{self.problems}"
            )
            await asyncio.sleep(0.02)

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url=url)
        await self.until(f"location.href === {json.dumps(url)}")
        await self.until("document.readyState === 'complete'")

    async def text(self, selector: str) -> str:
        """As it is shown; nothing, if it is hidden."""
        node = f"document.querySelector({json.dumps(selector)})"
        shown = await self.evaluate(f"{node}?.checkVisibility() ? {node}.innerText : ''")
        return str(shown)

    async def count(self, selector: str) -> int:
        return int(await self.evaluate(f"document.querySelectorAll({json.dumps(selector)}).length"))

    async def focused(self) -> str:
        """What has the focus, by its name."""
        return str(
            await self.evaluate(
                "document.activeElement.ariaLabel || document.activeElement.id "
                "|| document.activeElement.innerText || document.activeElement.tagName"
            )
        )

    async def click(self, selector: str) -> None:
        """With the mouse, where a user would: nothing may lie over it."""
        where = await self.evaluate(
            f"""(() => {{
              const node = document.querySelector({json.dumps(selector)});
              node.scrollIntoView({{block: "center"}});
              const box = node.getBoundingClientRect();
              const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
              return [x, y, node.contains(document.elementFromPoint(x, y))];
            }})()"""
        )
        assert where[2], f"{selector} is covered"
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                *("Input.dispatchMouseEvent",),
                type=kind,
                x=where[0],
                y=where[1],
                button="left",
                clickCount=1,
            )

    async def press(self, code: str, *, shift: bool = False) -> None:
        key, number, text = KEYS[code]
        rest = {"code": code, "key": key, "windowsVirtualKeyCode": number}
        rest |= {"modifiers": SHIFT if shift else 0}
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        await self.send("Input.dispatchKeyEvent", **down, **rest)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **rest)

    async def write(self, text: str) -> None:
        await self.send("Input.insertText", text=text)

    async def choose_files(self, selector: str, *files: Path) -> None:
        node = await self.send(
            "Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})"
        )
        await self.send(
            "DOM.setFileInputFiles",
            files=[str(file) for file in files],
            objectId=node["result"]["objectId"],
        )

    async def look(
        self, width: int = 1280, height: int = 800, scheme: str = "light", motion: str = "reduce"
    ) -> None:
        """The size of the window, and what the user prefers."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
        await self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": name, "value": value} for name, value in features.items()],
        )

    async def screenshot(self) -> bytes:
        """A PNG of what is in the window."""
        told = await self.send("Page.captureScreenshot", format="png")
        return base64.b64decode(told["data"])


@contextlib.asynccontextmanager
async def opened(devtools: str) -> AsyncIterator[Tab]:
    """A fresh tab with a profile of its own."""
    async with aiohttp.ClientSession() as session:
        async with session.put(f"{devtools}/json/new?about:blank") as reply:
            told = await reply.json(content_type=None)
        async with session.ws_connect(told["webSocketDebuggerUrl"], max_msg_size=2**27) as socket:
            tab = Tab(socket)
            listening = asyncio.ensure_future(tab.listen())
            try:
                for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
                    await tab.send(f"{domain}.enable")
                await tab.look()
                yield tab
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        async with session.get(f"{devtools}/json/close/{told['id']}"):
            pass
