"""Do the pages work in a real browser: cookies with their prefix, the script and its policy, passkeys, 320 px?"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from console_browser import PASSWORD
from console_chromium import FOUND, Page, opened
from console_scene import grant
from house import HARBOUR, copy_template, free_port, open_house

from gateway.app import build_app
from gateway.council.directory import open_council
from gateway.oauth.clients import Role
from gateway.serving.server import server_of

PICTURES = os.environ.get("STILE_TEST_PICTURES")  # a folder for a person to look at


@pytest.fixture
def gateway(template: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Serve a council at localhost, the one name at which a browser takes passkeys without TLS; yields it with a text."""
    if FOUND is None:
        pytest.skip("Chromium is not installed")
    directory = copy_template(template, tmp_path / "council")
    with open_house(directory) as house:
        grant(house, "nadia", Role.DPO, Role.ADMINISTRATOR)
        version, text, _ = house.wiring.services.reader.find_text("agreement", HARBOUR.agreement)
    port = free_port()
    council = open_council(directory)
    url = f"http://localhost:{port}"
    council = replace(council, settings=council.settings.model_copy(update={"public_url": url}))
    server = server_of(build_app(council), host="127.0.0.1", port=port)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield url, text.replace(f"version: {version}\n", f"version: {version + 1}\n")
    finally:
        server.should_exit = True
        thread.join(20)
        council.keyring.close()


async def sign_in(page: Page, url: str) -> None:
    await page.open(f"{url}/console/local")
    await looked_at(page, "local")
    for field, value in (("name", "nadia"), ("password", PASSWORD)):
        await page.eval(f"document.querySelector('#{field}').value = {value!r}")
    await page.eval("document.querySelector('main button').click(), 0")
    await page.until("!!document.querySelector('#ask') && document.readyState === 'complete'")
    await looked_at(page, "passkey")
    await page.eval("document.querySelector('#ask').click(), 0")
    await page.until("location.pathname === '/console' && document.readyState === 'complete'")


async def looked_at(page: Page, name: str) -> None:
    """No page is wider than its window, at 320 px too; every field has a label, and everything is reached by keyboard."""
    await page.width(320)
    assert await page.eval("document.documentElement.scrollWidth") <= 320, name
    unlabelled = (
        "[...document.querySelectorAll('input:not([type=hidden]), textarea')].filter((one) => !one.labels.length).length"
    )
    assert await page.eval(unlabelled) == 0, name
    assert await page.eval("document.querySelectorAll('[tabindex]').length") == 0, name
    assert await page.eval("document.querySelectorAll('h1').length") == 1, name
    if PICTURES:
        await page.picture(Path(PICTURES) / f"{name}-320.png")
        await page.width(1100)
        await page.picture(Path(PICTURES) / f"{name}.png")
    await page.width(1100)


async def walk(url: str, text: str, folder: Path) -> None:
    async with opened(folder) as page:
        await page.open(f"{url}/console")
        assert await page.eval("location.pathname") == "/console/sign-in"
        await looked_at(page, "sign-in")
        await sign_in(page, url)
        await looked_at(page, "home")
        assert await page.eval("document.cookie") == "", "no script reads a cookie of ours"
        await page.eval("document.forms[0].querySelector('button').click(), 0")
        await page.until("location.pathname === '/console/sign-in' && document.readyState === 'complete'")
        await sign_in(page, url)  # now by the passkey that was registered
        await page.open(f"{url}/console/publish")
        await page.eval("document.querySelector('#text').value = 'agreement: x', 0")
        await page.eval("document.querySelector('button.second').click(), 0")
        await page.until("document.body.innerText.includes('to mend')")
        await looked_at(page, "publish")
        await page.eval(f"document.querySelector('#text').value = {json.dumps(text)}, 0")
        await page.eval("document.querySelector('button:not(.second)').click(), 0")
        await page.until("document.body.innerText.includes('Published: entry')")
        for name in ("keys", "step-up", "changes"):
            await page.open(f"{url}/console/{name}")
            await looked_at(page, name)
        await page.open(f"{url}/console/command-line/8765.{'s' * 22}.{'j' * 43}.{'c' * 43}")
        await looked_at(page, "command-line")
        await page.open(f"{url}/console/callback?state=a")
        await looked_at(page, "problem")


def test_a_browser_registers_a_passkey_signs_in_by_it_and_publishes(gateway: tuple[str, str], tmp_path: Path) -> None:
    asyncio.run(walk(*gateway, tmp_path / "browser"))
