"""The JavaScript client, under Node and in Chromium, with the real service behind Pushpin."""

import base64
import functools
import json
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from leaderboardapp.domain.fields import MAX_PAGE_ROWS, MAX_SEASON
from leaderboardapp.domain.types import BOARD_DEFAULTS, ID_PATTERN, PLAYER_WRITES, RANKINGS
from leaderboardapp.realtime.formats import KEEP_ALIVE, KEEP_ALIVE_SECONDS
from leaderboardapp.web.auth import create_token
from tests.api.test_auth import SECRET
from tests.e2e.viewers import Api
from tests.support.programs import PROJECT, Program, free_ports, program_environment, wait_until
from tests.support.stack import Stack

CLIENT = PROJECT / "clients" / "js"
BUILT = CLIENT / "dist"
MAX_SIZE = 8.0  # kB, gzipped


@pytest.fixture(scope="module")
def origin_port() -> int:
    """Where pages of another origin come from."""
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, origin_port: int) -> Iterator[Stack]:
    """On SQLite: clients cannot tell stores apart."""
    folder = tmp_path_factory.mktemp("stack")
    with Stack(
        f"sqlite:///{folder}/leaderboard.sqlite3",
        folder,
        websockets=True,
        CORS_ALLOWED_ORIGINS=f"http://localhost:{origin_port}",
        ALLOW_ANONYMOUS_WRITES="0",
    ) as stack:
        yield stack


def run(*command: str | Path, **variables: str) -> str:
    """Run a command in the client's folder; return its output. Raises if it fails."""
    assert (CLIENT / "node_modules").is_dir(), "script/test installs Node's packages"
    ended = subprocess.run(
        command,
        cwd=CLIENT,
        env=program_environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=250,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def run_tests(*files: str, **variables: str) -> None:
    """Run tests with Node's own runner."""
    help = run("node", "--help")
    flags = ["--experimental-websocket"] if "--experimental-websocket" in help else []  # Node 20
    output = run("node", *flags, "--test", *[f"test/{file}.test.js" for file in files], **variables)
    assert re.search(r"\bpass [1-9]", output), output


def test_the_committed_files_are_what_the_sources_become(tmp_path: Path) -> None:
    output = run("node", "build.js", tmp_path / "dist")
    built, committed = files_in(tmp_path / "dist"), files_in(BUILT)
    assert built.keys() == committed.keys()
    for name, content in built.items():
        assert content == committed[name], f"{name} is old: npm run build"
    size = re.search(r"leaderboard.js, gzipped: ([\d.]+) kB", output)
    assert size and float(size[1]) < MAX_SIZE, output


def files_in(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


def test_its_types_fit_its_tests() -> None:
    run("node", "node_modules/typescript/bin/tsc", "--project", "test")


def test_requests_are_retried_and_watches_resumed() -> None:
    run_tests("requests", "watch", "page")


def test_scores_are_written_as_text() -> None:
    run_tests("format")


def test_everything_is_done_by_the_real_service(stack: Stack) -> None:
    run_tests(
        "service",
        LEADERBOARD_URL=f"http://localhost:{stack.port}",
        LEADERBOARD_WS_URL=f"http://localhost:{stack.ws_port}",
        LEADERBOARD_TOKEN=create_token(["admin"], None, 600),
    )


def test_a_watch_outlasts_its_tokens_over_either_transport(stack: Stack) -> None:
    run_tests(
        "tokens",
        LEADERBOARD_URL=f"http://localhost:{stack.port}",
        LEADERBOARD_WS_URL=f"http://localhost:{stack.ws_port}",
        LEADERBOARD_KEY=base64.b64encode(SECRET).decode(),
    )


def test_it_accepts_what_the_service_does_and_knows_its_keep_alives() -> None:
    source = "".join(path.read_text() for path in sorted((CLIENT / "src").glob("*.ts")))
    assert f"/^{ID_PATTERN}$/" in source
    assert f"MAX_PAGE_ROWS = {MAX_PAGE_ROWS};" in source
    assert "MAX_SEASON = 2 ** 31 - 1;" in source and MAX_SEASON == 2**31 - 1
    silence = re.search(r"^const SILENCE = (\d+);", source, re.MULTILINE)
    assert silence and 2 * KEEP_ALIVE_SECONDS < int(silence[1]) < 3 * KEEP_ALIVE_SECONDS
    assert f'"{KEEP_ALIVE}"' in source


def test_its_settings_are_those_of_the_service() -> None:
    types = (CLIENT / "src" / "types.ts").read_text()
    settings = re.search(r"^export interface Settings {\n(.*?)^}", types, re.DOTALL | re.MULTILINE)
    assert settings
    chosen = dict(re.findall(r"^  (\w+)\?: (.*);$", settings[1], re.MULTILINE))
    assert chosen.keys() == BOARD_DEFAULTS.keys() - {"season", "ends_at", "since"}
    assert chosen["player_writes"] == " | ".join(map(json.dumps, PLAYER_WRITES))
    assert chosen["ranking"] == " | ".join(map(json.dumps, RANKINGS))


def test_bundlers_find_its_worker() -> None:
    """They look for this expression, and take no options but literals."""
    url = 'new URL("./leaderboard-worker.js", import.meta.url)'
    built = (BUILT / "leaderboard.js").read_text()
    assert re.search(rf'new SharedWorker\({re.escape(url)}, {{ name: "[^"]+" }}\)', built)


def test_the_example_of_the_documentation_runs(stack: Stack, tmp_path: Path) -> None:
    text = (PROJECT / "docs" / "clients.md").read_text()
    examples = re.findall(r"```js\n(import .*?)```", text, re.DOTALL)
    assert len(examples) == 1
    token = json.dumps(create_token(["admin"], None, 600))
    example = examples[0].replace(":7999", f":{stack.port}").replace("undefined", token)
    shutil.copy(BUILT / "leaderboard.js", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "example.js").write_text(example)
    program = Program(["node", str(tmp_path / "example.js")], tmp_path / "example.log")
    try:
        wait_until(
            lambda: re.search(r"0 +│ +1 +│ +'Dora' +│ +7 ", program.output()), "the board", 30
        )
    finally:
        program.stop()


INDEX = """<!doctype html><html lang="en"><title>A game</title><main><h1>A game</h1></main>"""


@pytest.fixture
def page(chromium: Browser, origin_port: int, tmp_path: Path) -> Iterator[Page]:
    """A page of another origin, which has nothing but the built files."""
    for file in ("leaderboard.js", "leader-board.js"):
        shutil.copy(BUILT / file, tmp_path)
    (tmp_path / "index.html").write_text(INDEX)
    handler = functools.partial(SilentHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", origin_port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page = chromium.new_page()
        page.goto(f"http://localhost:{origin_port}/index.html")
        yield page
        page.context.close()
        server.shutdown()
        thread.join()


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def score_at(api: Api, board_id: str, token: str) -> None:
    path = f"/boards/{board_id}/players/alice/score-add/"
    assert api("POST", path, headers=bearer(token)).status == 200


def expect_text(page: Page, text: object) -> None:
    expect(page.locator("output")).to_have_text(str(text))


def expect_lost(page: Page, reason: str) -> None:
    wait_until(lambda: page.evaluate("states.at(-1)") == reason, reason)


def come_back_with(page: Page, text: object) -> None:
    """Move the page's clock over its pauses, until it shows the text."""
    for _ in range(10):
        try:
            return expect(page.locator("output")).to_have_text(str(text), timeout=2000)
        except AssertionError:
            page.clock.fast_forward(5000)
    expect_text(page, text)


# Watches the board of `path`, and keeps what it sees in the page.
WATCH = """async ([url, id, token]) => {
    const { Leaderboard } = await import("./leaderboard.js");
    window.board = new Leaderboard(url, { token, fetch }).board(id);
    window.states = [];
    const onLive = () => states.push("live");
    const onLost = (since, failure) => states.push(failure.message);
    const output = document.createElement("output");
    document.body.append(output);
    (async () => {
        for await (const { players } of board.watch({ onLive, onLost })) {
            output.textContent = players.map(({ score }) => score).join();
        }
    })().catch((error) => output.textContent = error.type);
}"""


def test_a_page_of_another_origin_scores_and_survives_what_happens_to_its_link(
    page: Page, stack: Stack, board_id: str
) -> None:
    token = create_token(["admin"], [board_id], 600)
    api = Api(stack.web_port)  # beside Pushpin
    body = {"id": board_id, "name": "A board", "private": True}
    assert api("POST", "/boards/", body, bearer(token)).status == 201
    page.clock.install()
    page.evaluate(WATCH, [f"http://localhost:{stack.port}", board_id, token])
    page.evaluate("async () => { window.alice = await board.addPlayer('Alice', { id: 'alice' }) }")
    expect_text(page, 0)
    assert page.evaluate("async () => (await alice.add(2)).score") == 2
    expect_text(page, 2)

    stack.pushpin.restart()
    assert page.evaluate("async () => (await alice.add(3)).score") == 5, "once, whatever was lost"
    come_back_with(page, 5)

    page.context.set_offline(True)
    expect_lost(page, "the browser is offline")
    score_at(api, board_id, token)
    page.context.set_offline(False)
    come_back_with(page, 6)

    stack.pushpin.signal_all(signal.SIGSTOP)  # as a link that died silently
    try:
        score_at(api, board_id, token)
        page.clock.fast_forward(35_000)
        assert page.evaluate("states.at(-1)") == "live", "a keep-alive may still come"
        page.clock.fast_forward(12_000)
        expect_lost(page, "no sign of life for 45 s")
    finally:
        stack.pushpin.signal_all(signal.SIGCONT)
    come_back_with(page, 7)

    assert api("DELETE", f"/boards/{board_id}/", None, bearer(token)).status == 204
    come_back_with(page, "/docs/problems/#board-not-found")


SHOW = """async ([url, token]) => {
    await import("./leader-board.js");
    window.board = document.createElement("leader-board");
    board.setAttribute("src", url);
    board.token = async () => token;
    board.addEventListener("snapshot", ({ detail }) => window.last = detail);
    document.querySelector("main").append(board);
    const style = document.createElement("style");
    style.textContent = "leader-board::part(first) { color: rgb(1, 2, 3) }";
    document.head.append(style);
}"""


SHOW_BEFORE_IT_IS_LOADED = """async ([url, token]) => {
    window.board = document.createElement("leader-board");
    board.setAttribute("src", url);
    board.token = token;
    document.querySelector("main").append(board);
    await import("./leader-board.js");
}"""


def test_the_element_takes_a_token_that_was_set_before_it_was_loaded(
    page: Page, stack: Stack, board_id: str
) -> None:
    token = create_token(["admin"], [board_id], 600)
    body = {"id": board_id, "private": True}
    assert Api(stack.web_port)("POST", "/boards/", body, bearer(token)).status == 201
    url = f"http://localhost:{stack.port}/boards/{board_id}/"
    page.evaluate(SHOW_BEFORE_IT_IS_LOADED, [url, token])
    expect(page.locator("leader-board")).to_have_attribute("state", "live")
    page.evaluate("board.token = ''")
    expect(page.locator("leader-board")).to_have_attribute("state", "refused")


def test_the_element_shows_a_window_of_a_board(page: Page, stack: Stack, board_id: str) -> None:
    token = create_token(["admin"], [board_id], 600)
    api, path = Api(stack.web_port), f"/boards/{board_id}/"
    assert api("POST", "/boards/", {"id": board_id}, bearer(token)).status == 201
    for windows, amount in (([], 5), (["day"], 3)):
        assert api("PATCH", path, {"windows": windows}, bearer(token)).status == 200
        score = {"amount": amount, "name": "Alice"}
        answer = api("POST", f"{path}players/alice/score-add/", score, bearer(token))
        assert answer.status in (200, 201)
    url = f"http://localhost:{stack.port}{path}"
    page.evaluate(SHOW, [f"{url}?window=day", token])
    rows = page.locator("leader-board tbody tr")
    expect(rows).to_have_text(["1Alice3"])
    page.evaluate("url => board.setAttribute('src', url)", url)
    expect(rows).to_have_text(["1Alice8"])


def test_the_element_shows_a_live_board_to_everybody(
    page: Page, stack: Stack, board_id: str, screenshots: Path
) -> None:
    token = create_token(["admin"], [board_id], 600)
    api, path = Api(stack.web_port), f"/boards/{board_id}/"
    body = {"id": board_id, "name": "A board", "private": True}
    assert api("POST", "/boards/", body, bearer(token)).status == 201
    for name in ("Alice", "<b>Bob</b>"):
        player = {"id": re.sub(r"\W", "", name).lower(), "name": name}
        assert api("POST", f"{path}players/", player, bearer(token)).status == 201
    page.evaluate(SHOW, [f"http://localhost:{stack.port}{path}", token])
    board, rows = page.locator("leader-board"), page.locator("leader-board tbody tr")
    expect(board).to_have_attribute("state", "live")
    expect(rows).to_have_text(["1Alice0", "2<b>Bob</b>0"])
    expect(page.get_by_role("table", name="A board")).to_be_visible()
    expect(page.get_by_role("rowheader", name="Alice")).to_be_visible()

    page.evaluate("window.row = board.shadowRoot.querySelector('tbody').lastChild")
    assert api("POST", f"{path}players/bbobb/score-add/", None, bearer(token)).status == 200
    expect(rows).to_have_text(["1<b>Bob</b>1", "2Alice0"])
    assert page.evaluate("row === board.shadowRoot.querySelector('tbody').firstChild")
    assert page.evaluate("last.players[0].score") == 1
    expect(rows.first).to_have_css("color", "rgb(1, 2, 3)")
    expect(board.get_by_role("status").last).to_have_text("<b>Bob</b> leads")
    page.keyboard.press("Tab")
    expect(page.get_by_role("region", name="A board")).to_be_focused()
    page.screenshot(path=screenshots / "element.png")
    assert Axe().run(page).response["violations"] == []

    settings = {"format": {"type": "decimal", "places": 1, "unit": "km"}}
    assert api("PATCH", path, settings, bearer(token)).status == 200
    expect(rows).to_have_text(["1<b>Bob</b>0.1\u00a0km", "2Alice0.0\u00a0km"])

    page.context.set_offline(True)
    expect(board).to_have_attribute("state", "lost")
    expect(board.get_by_role("status").first).to_have_text(
        re.compile("Reconnecting. .* as of .*[0-9]")
    )
    page.context.set_offline(False)
    expect(board).to_have_attribute("state", "live")
    assert api("DELETE", path, None, bearer(token)).status == 204
    expect(board).to_have_attribute("state", "refused")
    expect(board.get_by_role("status").first).to_contain_text("no board")
    assert api("POST", "/boards/", body, bearer(token)).status == 201
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it is shown again
    expect(board).to_have_attribute("state", "live")
    page.evaluate("board.setAttribute('src', 'nonsense')")
    expect(board.get_by_role("status").first).to_contain_text("must be the address of a board")
