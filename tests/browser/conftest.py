"""Headless Chromium in front of the real stack, and an eye on what it complains about."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.e2e.viewers import Api
from tests.support.network import still_network
from tests.support.programs import PROJECT
from tests.support.stack import Stack

ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# Longer than a page takes to come back to a Pushpin that has lost its first request.
expect.set_options(timeout=60_000)


@pytest.fixture(autouse=True)
def network() -> Iterator[None]:
    with still_network():
        yield


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """On SQLite: a browser cannot tell stores apart. Not for longer than these tests: a listener
    that nobody needs looks for changes all the time."""
    folder = tmp_path_factory.mktemp("stack")
    with Stack(f"sqlite:///{folder}/leaderboard.sqlite3", folder) as stack:
        yield stack


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """For these tests only: an event loop runs for as long as it is there, which other tests would
    find in their way."""
    # The shell is the same engine without the windows that nobody sees.
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert path, "script/test installs chromium-headless-shell"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api(stack.port)


@pytest.fixture
def made(api: Api) -> Iterator[list[str]]:
    """Paths of the boards that a test makes. They are deleted after its pages were closed: one that
    is open asks for its board again, and complains."""
    paths: list[str] = []
    yield paths
    for path in paths:
        api("DELETE", path)


@pytest.fixture
def board(api: Api, board_id: str, made: list[str]) -> str:
    """The path of a new board with players alice and bob."""
    path = f"/boards/{board_id}/"
    made.append(path)
    assert api("POST", "/boards/", {"id": board_id, "name": "A board"}).status == 201
    for name in ("Alice", "Bob"):
        body = {"id": name.lower(), "name": name}
        assert api("POST", f"{path}players/", body).status == 201
    return path


MOVING: dict[str, Any] = {"reduced_motion": "no-preference"}  # as most browsers are


class Visits:
    """Each in a browser of its own, as far as cookies and caches go."""

    def __init__(self, browser: Browser, port: int) -> None:
        self.browser, self.address = browser, f"http://localhost:{port}"
        self.pages: list[Page] = []
        self.complaints: list[tuple[str, str]] = []  # what, and of which address

    def __call__(
        self, path: str, prepare: Callable[[Page], object] | None = None, **options: Any
    ) -> Page:
        """`prepare(page)` is called before the page loads. `options` are a context's, such as its
        viewport. Nothing moves by default: motion takes the processor, which all tests share."""
        options = {"reduced_motion": "reduce", **options}
        page = self.browser.new_context(**options).new_page()
        self.pages.append(page)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append((str(error), page.url)))
        page.on("request", self._see)
        if prepare:
            prepare(page)
        page.goto(f"{self.address}{path}")
        return page

    def forgive(self, pattern: str, address: str = "") -> None:
        """Complaints that the test provokes, one of which must have come. `address` is a part of
        theirs; the pattern is not looked for there, where ids and ports have any digits."""

        def meant(what: str, where: str) -> bool:
            return bool(re.search(pattern, what)) and address in where

        kept = [each for each in self.complaints if not meant(*each)]
        assert len(kept) < len(self.complaints), f"nobody complained of {pattern}"
        self.complaints = kept

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append((message.text, message.location["url"]))

    def _see(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https") and url.hostname not in ("localhost", "127.0.0.1"):
            self.complaints.append(("a request to another host", request.url))


@pytest.fixture
def visit(chromium: Browser, stack: Stack, made: list[str]) -> Iterator[Visits]:
    visits = Visits(chromium, stack.port)
    yield visits
    for page in visits.pages:
        page.context.close()
    assert visits.complaints == []


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """A folder for them, kept by CI."""
    folder = Path(os.environ.get("CI_OUTPUT") or PROJECT / ".run") / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
