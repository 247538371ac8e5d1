"""A Chromium without a window, spoken to over its DevTools protocol, with an authenticator of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

FOUND = next((one for one in ("chromium", "chromium-browser", "google-chrome") if shutil.which(one)), None)
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-port=0",
)
PATIENCE = 20.0


class Page:
    """One page. `run` calls a method of the protocol; `eval` a line of script in the page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    async def run(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            told = await asyncio.wait_for(self._socket.receive_json(), PATIENCE)
            if told.get("id") == number:
                assert "error" not in told, told
                return told["result"]

    async def eval(self, script: str) -> Any:
        result = await self.run("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until a line of script is true; between two pages there may be none to ask."""
        for _ in range(int(PATIENCE / 0.05)):
            result = await self.run("Runtime.evaluate", expression=script, returnByValue=True)
            if result["result"].get("value") is True:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never came true: {script}; at {await self.eval('location.href + document.body.innerText')}")

    async def open(self, address: str) -> None:
        await self.run("Page.navigate", url=address)
        await self.until(f"location.href.startsWith({address!r}) && document.readyState === 'complete'")

    async def picture(self, file: Path) -> None:
        shot = await self.run("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))  # noqa: ASYNC240 -- a test has nothing else to do

    async def width(self, pixels: int) -> None:
        await self.run("Emulation.setDeviceMetricsOverride", width=pixels, height=900, deviceScaleFactor=1, mobile=False)


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Page]:
    """Start a browser with a folder of its own; it ends with the block."""
    words = [str(FOUND), *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: ASYNC220 -- the same
        try:
            port = await _port_of(folder)
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    (target,) = [one for one in await answer.json() if one["type"] == "page"]
                async with http.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Page(socket)
                    for domain in ("Page", "Runtime", "WebAuthn"):
                        await page.run(f"{domain}.enable")
                    authenticator = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True}
                    authenticator |= {"hasResidentKey": True, "isUserVerified": True, "automaticPresenceSimulation": True}
                    await page.run("WebAuthn.addVirtualAuthenticator", options=authenticator)
                    yield page
        finally:
            process.kill()


async def _port_of(folder: Path) -> int:
    file = folder / "DevToolsActivePort"
    for _ in range(int(PATIENCE / 0.1)):
        if file.exists() and file.read_text().strip():
            return int(file.read_text().splitlines()[0])
        await asyncio.sleep(0.1)
    raise AssertionError("the browser did not start")
