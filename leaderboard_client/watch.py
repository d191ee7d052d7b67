"""Watching boards: an event stream that reconnects by itself."""

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from leaderboard_client.errors import (
    LeaderboardError,
    StreamRefusedError,
    connection_error,
    status_error,
)
from leaderboard_client.retry import RetryBudget, is_transient

if TYPE_CHECKING:
    from leaderboard_client.client import Leaderboard

logger = logging.getLogger("leaderboard_client")
NO_SIGN_OF_LIFE = "board %s: no sign of life since %s, reconnecting: %s"

TIMEOUT_SECONDS = 10.0
SILENCE_SECONDS = 45.0  # after which a stream is dead: the service sends a keep-alive every 20 s


def watch(leaderboard: "Leaderboard", name: str, path: str) -> Iterator[dict[str, Any]]:
    """Yield the snapshots at the path of a board or window, as `Board.watch` says. Log under the
    name."""
    shown = ""
    for event in follow(leaderboard, name, path):
        if event.event == "update" and event.id != shown:  # else it is a repeat
            shown = event.id
            yield event.json()


def watch_boards(
    leaderboard: "Leaderboard", name: str, path: str
) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield ids and snapshots of boards, as `Leaderboard.watch_boards` says. Log under the name."""
    shown: dict[str, str | None] = {}  # the event's id by the board's; None: it is gone
    for event in follow(leaderboard, name, path):
        data, is_update = event.json(), event.event == "update"
        id, newest = data["id"], event.id if is_update else None
        if id not in shown or shown[id] != newest:
            shown[id] = newest
            yield id, data if is_update else None


def follow(leaderboard: "Leaderboard", name: str, path: str) -> Iterator[ServerSentEvent]:
    """Yield the events `update` and `deleted` of the stream at the path, repeats as well. Log under
    the name."""
    last_id, budget = "", RetryBudget(leaderboard.patience)
    heard, is_lost, is_renewed = datetime.now(), False, False
    while True:
        try:
            for event in stream(leaderboard, path, last_id, budget):
                heard, is_lost, is_renewed = datetime.now(), False, False
                if event.event == "update":
                    last_id = event.id
                    budget.lift()
                if event.event in ("update", "deleted"):
                    yield event
            failure = LeaderboardError(0, "the stream ended")
        except httpx.TransportError as error:
            failure = connection_error(error)
        except StreamRefusedError as error:
            failure = status_error(error.response)
            if not is_renewed and leaderboard.token.renew(failure.type, error.response.request):
                is_renewed = True
                continue
            if not is_transient(error.response):
                raise failure from None
        if last_id and not is_lost:
            logger.warning(NO_SIGN_OF_LIFE, name, heard.strftime("%X"), failure)
        is_lost, is_renewed = True, False
        budget.wait(failure)


def stream(
    leaderboard: "Leaderboard", path: str, last_id: str, budget: RetryBudget
) -> Iterator[ServerSentEvent]:
    """Yield each event, keep-alives as well, until the stream ends."""
    last = {"Last-Event-ID": last_id} if last_id else {}
    headers = {**leaderboard.token.build_headers(), **last}
    timeout = httpx.Timeout(TIMEOUT_SECONDS, read=SILENCE_SECONDS)
    url = leaderboard.url + path
    with connect_sse(leaderboard.http, "GET", url, headers=headers, timeout=timeout) as source:
        if source.response.status_code != 200:
            source.response.read()
            raise StreamRefusedError(source.response)
        budget.restart()
        for event in source.iter_sse():
            if event.retry is not None:
                budget.pause = event.retry / 1000
            yield event
