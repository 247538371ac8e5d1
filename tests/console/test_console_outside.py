"""Does sign-in work with an OpenID provider that we did not write? The npm package oidc-provider, through its own pages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from console_browser import SESSION, Browser
from hours import machine_now
from house import HARBOUR, ISSUER, House, copy_template, free_port, open_house
from typer.testing import CliRunner

from gateway.cli import make_app

PACKAGE = "oidc-provider"
SCRIPT = Path(__file__).with_name("console_provider.mjs")
CLIENT = "stile-northmoor"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the npm package lies."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node or npm is not installed")
    folder = tmp_path_factory.mktemp("npm")
    words = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", PACKAGE]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm could not install {PACKAGE} in time")
    if done.returncode != 0:
        pytest.skip(f"npm could not install {PACKAGE}")
    shutil.copy(SCRIPT, folder / SCRIPT.name)
    return folder


@pytest.fixture(scope="module")
def house(packages: Path, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway whose own key the provider knows, as `stile operator provider-key` prints it."""
    directory = copy_template(template, tmp_path_factory.mktemp("outside") / "council")
    printed = CliRunner().invoke(make_app(["operator"]), ["operator", "provider-key", "--dir", str(directory)])
    assert printed.exit_code == 0, printed.output
    port = free_port()
    words = ["node", SCRIPT.name, str(port), ISSUER, CLIENT, json.dumps(json.loads(printed.stdout))]
    settings = {
        "oidc_issuer": f"http://127.0.0.1:{port}",
        "oidc_client_id": CLIENT,
        "oidc_roles": {"dpo-people": "dpo", "admin-people": "administrator"},
    }
    with subprocess.Popen(words, cwd=packages, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            assert any("listening" in line for line in process.stdout), "the provider did not start"
            with open_house(directory, clock=machine_now, **settings) as running:
                yield running
        finally:
            process.kill()


def through_its_pages(address: str, who: str, session: requests.Session) -> str:
    """Sign in and agree at the provider's own pages; return the address that it sends the browser back to."""
    for _ in range(12):
        answer = session.get(address, allow_redirects=False, timeout=20)
        while answer.is_redirect:
            address = urljoin(address, answer.headers["location"])
            if address.startswith(ISSUER):
                return address.removeprefix(ISSUER)
            answer = session.get(address, allow_redirects=False, timeout=20)
        assert answer.status_code == 200, answer.text
        (action,) = re.findall(r'<form[^>]*action="([^"]+)"', answer.text)
        (prompt,) = re.findall(r'name="prompt" value="([^"]+)"', answer.text)
        form = {"prompt": prompt, "login": who, "password": "any"}
        answer = session.post(urljoin(address, action), form, allow_redirects=False, timeout=20)
        assert answer.is_redirect, answer.text
        address = urljoin(address, answer.headers["location"])
    raise AssertionError("the provider's pages lead nowhere")


def sign_in(browser: Browser, who: str) -> requests.Session:
    session = requests.Session()
    browser.get("/console/sign-in")
    begun = browser.submit("/console/sign-in/provider")
    assert begun.status_code == 303, begun.text
    browser.get(through_its_pages(str(begun.headers["location"]), who, session))
    return session


def test_an_operator_signs_in_and_publishes_after_a_step_up(house: House) -> None:
    """Discovery, PKCE, our key's assertion, the callback with its `iss`, and `auth_time` for the step-up."""
    browser = Browser(house)
    session = sign_in(browser, "dpo-people")
    assert "dpo-people of the provider" in browser.get("/console").text
    version, text, _ = house.wiring.services.reader.find_text("agreement", HARBOUR.agreement)
    text = text.replace(f"version: {version}\n", f"version: {version + 1}\n")
    browser.get("/console/publish")
    asked = browser.submit("/console/publish/now", text=text)
    assert asked.headers["location"] == "/console/step-up?to=/console/publish"

    browser.get(asked.headers["location"])
    begun = browser.submit("/console/step-up/begin")
    back = browser.get(through_its_pages(str(begun.headers["location"]), "dpo-people", session))
    assert (back.status_code, back.headers["location"]) == (303, "/console/publish"), back.text
    browser.get("/console/publish")
    done = browser.submit("/console/publish/now", text=text)

    assert "Published: entry" in done.text
    published = house.last()
    assert published["entry"]["kind"] == "agreement.published"
    assert published["who"]["by"] == house.truth(house.entries("sign-in")[-1])["who"]["by"]


def test_whom_no_role_is_given_stays_out(house: House) -> None:
    browser = Browser(house)

    sign_in(browser, "marketing-people")

    assert browser.page is not None
    assert (browser.page.status_code, "gives you no role here" in browser.page.text) == (403, True)
    assert SESSION not in browser.cookies


def test_who_breaks_off_at_the_provider_is_told_so(house: House) -> None:
    browser = Browser(house)
    browser.get("/console/sign-in")
    address = str(browser.submit("/console/sign-in/provider").headers["location"])
    session = requests.Session()
    first = session.get(address, allow_redirects=False, timeout=20)
    page = urljoin(address, first.headers["location"])
    (abort,) = re.findall(r'href="([^"]*/abort)"', session.get(page, timeout=20).text)
    broken_off = session.get(urljoin(page, abort), allow_redirects=False, timeout=20)
    last = session.get(urljoin(page, broken_off.headers["location"]), allow_redirects=False, timeout=20)
    back = urlsplit(last.headers["location"])

    answer = browser.get(f"{back.path}?{back.query}")

    assert (answer.status_code, "callback_refused" in answer.text) == (400, True)
