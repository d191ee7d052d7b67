"""Several proxies at once: each is sent what it holds, by whichever way it is published to."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from leaderboardapp.realtime.proxy_client import Publication
from leaderboardapp.realtime.zmq_client import ZmqProxyClient
from tests.e2e.test_websockets import message, watch
from tests.e2e.viewers import Api, Viewer
from tests.support.programs import wait_until
from tests.support.stack import Stack

VIEWERS = 20  # of each Pushpin


@pytest.fixture(scope="module")
def pushpins(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Three Pushpins, which log what is published to them."""
    folder = tmp_path_factory.mktemp("stack")
    options = ["--loglevel=2"]
    with Stack(new_database("sqlite"), folder, pushpins=3, pushpin_options=options) as stack:
        yield stack


@pytest.fixture
def boards(pushpins: Stack, board_id: str) -> list[str]:
    """The paths of three boards, of which a player of each has 1."""
    api = Api(pushpins.port)
    ids = [f"{board_id}-{number}" for number in range(3)]
    for id in ids:
        assert api("POST", "/boards/", {"id": id, "name": "A board"}).status == 201
        add(api, f"/boards/{id}/")
    return [f"/boards/{id}/" for id in ids]


def add(api: Api, board: str) -> int:
    """Add to Ann's score; return it."""
    body = {"amount": 1, "name": "Ann"}
    return int(api("POST", f"{board}players/ann/score-add/", body).json["score"])


def shows(viewer: Viewer, score: int) -> bool:
    return bool(viewer.events) and viewer.events[-1].data["players"][0]["score"] == score


def logs(stack: Stack) -> list[Path]:
    return [stack.folder / name for name in ("pushpin.log", "pushpin1.log", "pushpin2.log")]


def published(log: Path) -> set[str]:
    """Return the GRIP channels of boards that Pushpin was published to."""
    return set(re.findall(r"publish channel=(board-\S+)", log.read_text()))


def test_each_is_sent_only_what_it_holds(pushpins: Stack, boards: list[str]) -> None:
    api = Api(pushpins.port)
    with ExitStack() as opened:
        viewers = [
            [opened.enter_context(Viewer(port, board)) for _ in range(VIEWERS)]
            for port, board in zip(pushpins.pushpin_ports, boards, strict=True)
        ]
        for _ in range(5):
            for board, watching in zip(boards, viewers, strict=True):
                score = add(api, board)
                wait_until(
                    lambda: all(shows(viewer, score) for viewer in watching),  # noqa: B023
                    "the score",
                )
    channels = [f"board-{board.split('/')[2]}" for board in boards]
    for log, channel in zip(logs(pushpins), channels, strict=True):
        assert published(log) & {*channels} == {channel}


def test_messages_without_a_pause_in_between_are_not_kept_back(
    pushpins: Stack, boards: list[str]
) -> None:
    channel = f"board-{boards[0].split('/')[2]}"
    content = 'event: beat\ndata: {"player": {}}\n\n'
    item = {"channel": channel, "formats": {"http-stream": {"content": content}}}
    client = ZmqProxyClient(pushpins.env["GRIP_URL"].partition("?")[0])
    with Viewer(pushpins.port, boards[0]) as viewer:
        wait_until(lambda: client.is_connected and client.holds(channel), "the connection")
        sent, pause = 0, threading.Event()
        while sent < 400 and not viewer.heard("beat"):
            client.publish([Publication(channel, json.dumps(item).encode())])
            sent += 1
            pause.wait(0.005)
        client.close()
        assert sent < 400
        wait_until(lambda: len(viewer.heard("beat")) == sent, "all messages")


def test_one_by_http_and_one_by_zeromq_show_the_same(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    with Stack(new_database("sqlite"), tmp_path, websockets=True, publish_by="http tcp") as stack:
        assert [url[:4] for url in stack.env["GRIP_URL"].split()] == ["http", "tcp:"]
        api, board = Api(stack.port), "/boards/b/"
        assert api("POST", "/boards/", {"id": "b", "name": "A board"}).status == 201
        add(api, board)
        with Viewer(stack.port, board) as viewer, watch(stack, board) as socket:
            for _ in range(5):
                score = add(api, board)
                wait_until(lambda: shows(viewer, score), "the score of the stream")  # noqa: B023
                shown = viewer.events[-1]
                update = {"event": "update", "id": shown.id, "data": shown.data}
                wait_until(lambda: message(socket) == update, "the same")  # noqa: B023
            assert api("DELETE", board).status == 204
            wait_until(viewer.closed.is_set, "the end of the stream")
