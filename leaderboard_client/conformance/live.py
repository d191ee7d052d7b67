"""What viewers are sent: event streams, long-polls and WebSockets."""

import json
import secrets
import time
from typing import Any

from leaderboard_client.conformance.checks import check
from leaderboard_client.conformance.event_stream import (
    NOT_PUBLISHED,
    SILENCE_SECONDS,
    Event,
    EventStream,
    read_fingerprint,
    shows,
)
from leaderboard_client.conformance.expect import (
    CheckFailed,
    describe,
    require,
    require_problem,
    require_status,
)
from leaderboard_client.conformance.service import HELD_SECONDS, Board, Service, in_background
from leaderboard_client.conformance.web_socket import PING, PONG, WebSocket, open_web_socket

FRONT = "The front's settings for streams: deploy/ has files of fronts with which they pass."
NO_RESUME = "A front drops the header Last-Event-ID."
NO_HOLD = (
    "The long-poll was not held: no GRIP proxy is between, or a front drops the header Prefer or "
    "If-None-Match."
)
IDLE = (
    "Something between ends connections that are silent for a while. It has to let them be silent "
    "for more than 20 s, and long-polls for as long as their wait (docs/deployment.md, One "
    "address)."
)
QUIET_SECONDS = 3.0  # after which nothing older is on its way to viewers of a board
WAIT_SECONDS = 15  # of a long-poll on a board that does not change
CHANGES = 5


def is_update(event: Event) -> bool:
    return event.name == "update"


def first_score(event: Event) -> Any:
    """Return the score of the first player in an update; None of another event."""
    is_shown = is_update(event) and event.data["players"]
    return event.data["players"][0]["score"] if is_shown else None


@check("streams", "A stream begins with the snapshot of a poll", FRONT, needs="a board")
def first_snapshot(service: Service) -> str:
    board = service.get_board()
    with EventStream(service, board.path) as stream:
        event = stream.wait_for(is_update, "the snapshot as the first event", board)
        polled = board.read()
        if board.is_own:  # another's may have changed meanwhile
            is_same = shows(polled)(event)
            require(is_same, f"event {read_fingerprint(polled)}: {polled.text}", event)
        is_jittered = 2000 <= stream.retry <= 4000
        require(is_jittered, "retry: with two to four seconds", stream.retry)
        return f"after {(event.at - stream.opened_at) * 1000:.0f} ms"


@check("streams", "Each change is sent at once, and no front buffers", FRONT)
def each_change(service: Service) -> str:
    board = service.create_board([("alice", 0)])
    delays = []
    with EventStream(service, board.path) as stream:
        stream.wait_for(is_update, "the first snapshot", board)
        for score in range(1, CHANGES + 1):
            answer = board.add("alice")
            require_status(answer, 200, "an increment")
            began = time.monotonic() - answer.elapsed.total_seconds()
            polled = board.read()
            event = stream.wait_for(shows(polled), f"an event with score {score}", board)
            delays.append(event.at - began)
    delays.sort()
    return f"{CHANGES} changes, after {delays[0] * 1000:.0f} to {delays[-1] * 1000:.0f} ms"


@check(
    "streams", "Whoever comes back is sent what is new, and nothing else", NO_RESUME, pace="slow"
)
def resume(service: Service) -> None:
    board = service.create_board([("alice", 0)])
    old = read_fingerprint(board.read())
    board.add("alice")
    newest = board.read()
    time.sleep(QUIET_SECONDS)
    headers = {"Last-Event-ID": read_fingerprint(newest)}
    with EventStream(service, board.path, headers) as stream:
        stream.wait_for_answer()
        board.add("alice")
        stream.wait_for(lambda event: first_score(event) == 2, "the change", board)
        first = next(filter(is_update, stream.events))
        require(first_score(first) == 2, "nothing before the change", f"{first.id} again")
    with EventStream(service, board.path, {"Last-Event-ID": old}) as stream:
        stream.wait_for(shows(board.read()), "the newest snapshot, for an older id", board)


@check("streams", "One stream shows several boards", FRONT)
def several_boards(service: Service) -> None:
    boards = [service.create_board([("alice", 0)]) for _ in range(2)]
    ids = ",".join(board.id for board in boards)
    with EventStream(service, f"/boards/?ids={ids}") as stream:
        for board in boards:
            stream.wait_for(shows(board.read()), "the snapshot of each board", board)
        for board in boards:
            board.add("alice")
            stream.wait_for(shows(board.read()), "a change of each board", board)


@check("streams", "The streams of a deleted board end", FRONT)
def deleted(service: Service) -> None:
    board = service.create_board()
    with EventStream(service, board.path) as stream:
        stream.wait_for(is_update, "the first snapshot", board)
        require_status(service.request("DELETE", board.path), 204, "DELETE of the board")
        stream.wait_until(lambda: False, service.patience)
        if not stream.end:
            raise CheckFailed("the end of the stream", "none", NOT_PUBLISHED)
        last = stream.events[-1]
        require(last.name == "deleted", "the event deleted, last", last)


@check("quiet", "A quiet stream stays open, and has keep-alives", IDLE, "a board", "slow")
def keep_alives(service: Service) -> str:
    board = service.get_board()
    with EventStream(service, board.path) as stream:

        def is_alive() -> bool:
            return any(event.name == "keep-alive" for event in stream.events)

        if not stream.wait_until(is_alive, SILENCE_SECONDS):
            stream.fail("a keep-alive every 20 s")
        return f"after {stream.events[-1].at - stream.opened_at:.0f} s"


def ask_to_wait(board: Board) -> dict[str, str]:
    """Return the headers of a poll that waits for a change of the board."""
    etag = board.read().headers.get("ETag", "")
    return {"If-None-Match": etag, "Prefer": f"wait={WAIT_SECONDS}"}


@check("long-polls", "A long-poll is held until the next change", NO_HOLD, pace="slow")
def long_poll(service: Service) -> None:
    board = service.create_board([("alice", 0)])
    time.sleep(QUIET_SECONDS)
    headers = {
        "If-None-Match": board.read().headers.get("ETag", ""),
        "Prefer": f"wait={WAIT_SECONDS}",
    }
    polling = in_background(
        lambda: service.request("GET", board.path, headers=headers, held=WAIT_SECONDS)
    )
    time.sleep(HELD_SECONDS)
    board.read()  # which takes as long as the other takes to get there
    if polling.done():
        came = f"{describe(polling.result())} at once"
        raise CheckFailed("no answer before the board changes", came)
    began = time.monotonic()
    board.add("alice")
    answer = polling.result()
    late = f"{describe(answer)} after {time.monotonic() - began:.1f} s"
    is_in_time = time.monotonic() - began < service.patience
    require(answer.status_code == 200 and is_in_time, "the change", late, NOT_PUBLISHED)
    polled = board.read()
    is_same = answer.content == polled.content
    require(is_same, f"the snapshot of a poll: {polled.text}", describe(answer))
    tags = read_fingerprint(answer), read_fingerprint(polled)
    require(tags[0] == tags[1], f"ETag {tags[1]}", tags[0])


@check("quiet", f"A long-poll is over after {WAIT_SECONDS} s", IDLE, pace="slow")
def long_poll_ends(service: Service) -> None:
    board = service.create_board()
    time.sleep(QUIET_SECONDS)
    headers = ask_to_wait(board)
    began = time.monotonic()
    answer = service.request("GET", board.path, headers=headers, held=WAIT_SECONDS)
    took = time.monotonic() - began
    is_over = answer.status_code == 304 and took > WAIT_SECONDS - 1
    came = f"{describe(answer)} after {took:.1f} s"
    look_at = NO_HOLD if took < HELD_SECONDS else ""
    require(is_over, f"304 after {WAIT_SECONDS} s", came, look_at)
    applied = answer.headers.get("Preference-Applied", "")
    require(applied == f"wait={WAIT_SECONDS}", f"Preference-Applied: wait={WAIT_SECONDS}", applied)


def read_update(socket: WebSocket, service: Service, polled: Any) -> None:
    """Read messages until the update with a poll's snapshot. Raises CheckFailed."""
    update = {"event": "update", "id": read_fingerprint(polled), "data": polled.json()}
    expected = f"the message {json.dumps(update)}"
    socket.expect(lambda message: message == update, expected, service.patience, NOT_PUBLISHED)


@check("websockets", "A WebSocket begins with the snapshot, and shows each change", FRONT)
def web_socket(service: Service) -> None:
    board = service.create_board([("alice", 0)])
    with open_web_socket(service, f"{board.path}ws/") as socket:
        read_update(socket, service, board.read())
        for _ in range(3):
            board.add("alice")
            read_update(socket, service, board.read())


@check("websockets", "Pings are answered", FRONT, needs="a board")
def pings(service: Service) -> None:
    board = service.get_board()
    with open_web_socket(service, f"{board.path}ws/") as socket:
        socket.expect(is_message("update"), "the first message", service.patience)
        socket.send(b'{"event": "ping"}')
        socket.expect(is_message("pong"), 'the message {"event": "pong"}', service.patience)
        socket.send(b"protocol", PING)
        end = time.monotonic() + service.patience
        try:
            while socket.read_frame(end - time.monotonic()).opcode != PONG:
                pass
        except OSError:
            raise CheckFailed("a pong of the protocol", "none") from None


@check("websockets", "A WebSocket of no board is closed with 4404", FRONT, needs="nothing")
def no_board(service: Service) -> None:
    with open_web_socket(service, f"/boards/{secrets.token_hex(8)}/ws/") as socket:
        code = socket.expect_close(service.patience)
        require(code == 4404, "code 4404", code)


@check("websockets", "A WebSocket is closed with 4404 when its board is deleted", FRONT)
def closed_with_board(service: Service) -> None:
    board = service.create_board()
    with open_web_socket(service, f"{board.path}ws/") as socket:
        socket.expect(is_message("update"), "the first message", service.patience)
        service.request("DELETE", board.path)
        code = socket.expect_close(service.patience, NOT_PUBLISHED)
        require(code == 4404, "code 4404", code)


@check("websockets", "A plain request is told to upgrade", FRONT, needs="a board")
def plain_request(service: Service) -> None:
    board = service.get_board()
    answer = service.request("GET", f"{board.path}ws/")
    require_problem(answer, 426, "websocket-required", "a plain GET of a WebSocket's path")


@check("quiet", "A quiet WebSocket stays open, and has keep-alives", IDLE, "a board", "slow")
def keep_alive_messages(service: Service) -> None:
    board = service.get_board()
    with open_web_socket(service, f"{board.path}ws/") as socket:
        socket.expect(is_message("keep-alive"), "a keep-alive every 20 s", SILENCE_SECONDS)


def is_message(event: str) -> Any:
    """Return a function that says whether a message is of this event."""
    return lambda message: message.get("event") == event
