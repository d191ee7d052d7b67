"""The JavaScript client in pages of another origin: a game with a player's token, and React."""

import json
import re
import shutil
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from leaderboardapp.realtime.expiry import JITTER_SECONDS, STEP_SECONDS
from leaderboardapp.web.auth import create_token
from leaderboardapp.web.tickets import CLOCK_DIFFERENCE_SECONDS
from tests.browser.stream_counter import StreamCounter
from tests.browser.stream_counter import counter as counter
from tests.clients.test_js import (
    BUILT,
    CLIENT,
    bearer,
    come_back_with,
    expect_text,
    run,
)
from tests.clients.test_js import origin_port as origin_port
from tests.clients.test_js import page as page
from tests.clients.test_js import stack as stack
from tests.e2e.viewers import Api
from tests.support.programs import PROJECT, wait_until
from tests.support.stack import Stack

WORKER = BUILT / "leaderboard-worker.js"


@pytest.fixture
def admin(board_id: str) -> dict[str, str]:
    return bearer(create_token(["admin"], [board_id], 600))


@pytest.fixture
def path(stack: Stack, board_id: str, admin: dict[str, str]) -> str:
    """The path of a private board, on which players add to their scores."""
    body = {"id": board_id, "private": True, "player_writes": "add"}
    assert Api(stack.web_port)("POST", "/boards/", body, admin).status == 201
    return f"/boards/{board_id}/"


@pytest.fixture
def tokens(page: Page, board_id: str) -> list[str]:
    """Those that the page was given by the game's own server. The first is valid for a moment."""
    tokens: list[str] = []

    def sign_token() -> str:
        seconds = 600 if tokens else 8 - CLOCK_DIFFERENCE_SECONDS
        tokens.append(create_token(["play"], [board_id], seconds, player="alice"))
        return tokens[-1]

    page.expose_function("fetchToken", sign_token)
    return tokens


# A game: it shows its player's score, and what the board's connection does.
GAME = """async ([url, id]) => {
    const { Leaderboard } = await import("./leaderboard.js");
    window.board = new Leaderboard(url, { token: () => fetchToken() }).board(id);
    window.alice = board.player("alice");
    window.states = [];
    const onLive = () => states.push("live");
    const onLost = (since, failure) => states.push(failure.message);
    const output = document.createElement("output");
    document.body.append(output);
    (async () => {
        for await (const { players } of board.watch({ onLive, onLost, share: true })) {
            output.textContent = players.map(({ name, score }) => `${name} ${score}`).join();
        }
    })().catch((error) => output.textContent = error.type);
}"""


def add(page: Page, amount: int) -> object:
    return page.evaluate(f"async () => (await alice.add({amount}, {{ name: 'Alice' }})).score")


def test_a_game_of_another_origin_needs_only_the_client_and_a_players_token(
    page: Page,
    stack: Stack,
    board_id: str,
    path: str,
    admin: dict[str, str],
    tokens: list[str],
    tmp_path: Path,
) -> None:
    api = Api(stack.web_port)  # beside Pushpin
    shutil.copy(WORKER, tmp_path)
    page.clock.install()
    page.evaluate(GAME, [f"http://localhost:{stack.port}", board_id])
    wait_until(lambda: page.evaluate("states") == ["live"], "the stream")
    assert add(page, 2) == 2, "joined and scored at once"
    expect_text(page, "Alice 2")
    assert page.evaluate("async () => (await alice.read()).rank") == 1
    other = "async () => board.player('bob').add(1, { name: 'Bob' }).catch(({ status }) => status)"
    assert page.evaluate(other) == 403

    def token_has_ended() -> bool:
        return "the stream ended" in page.evaluate("states")

    wait_until(token_has_ended, "the end of the token", STEP_SECONDS + JITTER_SECONDS + 30)
    assert add(page, 1) == 3
    come_back_with(page, "Alice 3")
    assert len(tokens) == 2, "a fresh one when the first is refused, and no more"

    stack.pushpin.restart()
    assert add(page, 3) == 6, "once, whatever was lost"
    come_back_with(page, "Alice 6")

    stack.pushpin.signal_all(signal.SIGSTOP)
    try:  # the machine sleeps, and nothing that was open before is alive
        body = {"amount": 4}
        assert api("POST", f"{path}players/alice/score-add/", body, admin).status == 200
        page.clock.set_system_time(page.evaluate("Date.now() / 1000 + 9 * 3600"))
        wait_until(lambda: "sign of life" in page.evaluate("states.at(-1)"), "that it is noticed")
    finally:
        stack.pushpin.signal_all(signal.SIGCONT)
    come_back_with(page, "Alice 10")
    assert page.evaluate("async () => (await alice.read()).rank") == 1


APP = """
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Leaderboard } from "./leaderboard.js";

const root = createRoot(document.querySelector("main"));
root.render(<StrictMode><Scores /></StrictMode>); // which mounts everything twice
window.unmount = () => root.unmount();
"""


def test_the_hook_of_the_documentation_keeps_a_component_live_while_it_is_mounted(
    page: Page,
    stack: Stack,
    board_id: str,
    path: str,
    admin: dict[str, str],
    counter: StreamCounter,
    tmp_path: Path,
) -> None:
    api = Api(stack.web_port)
    assert api("PATCH", path, {"private": False}, admin).status == 200
    text = (PROJECT / "docs" / "clients.md").read_text()
    examples = "".join(re.findall(r"```jsx\n(.*?)```", text, re.DOTALL))
    examples = examples.replace(":7999", f":{counter.port}").replace('"demo"', json.dumps(board_id))
    (tmp_path / "app.jsx").write_text(APP + examples)
    shutil.copy(WORKER, tmp_path)
    esbuild = ("node_modules/.bin/esbuild", tmp_path / "app.jsx", f"--outfile={tmp_path}/app.js")
    flags = ("--bundle", "--format=esm", "--jsx=automatic", "--external:./leaderboard.js")
    run(*esbuild, *flags, NODE_PATH=str(CLIENT / "node_modules"))

    page.evaluate("import('./app.js')")
    for score in (5, 10):
        body = {"amount": 5, "name": "Dora"}
        answer = api("POST", f"{path}players/dora/score-add/", body, admin)
        assert answer.status in (200, 201)
        expect(page.get_by_role("listitem")).to_have_text(f"Dora: {score}")
    wait_until(lambda: counter.open == 1, "one stream of the component that was mounted twice")
    page.evaluate("unmount()")
    wait_until(lambda: counter.open == 0, "the end of the stream")

    page.evaluate("import('./app.js?again')")
    expect(page.get_by_role("listitem")).to_have_text("Dora: 10")
    assert api("DELETE", path, headers=admin).status == 204
    expect(page.get_by_role("alert")).to_contain_text("no board")
