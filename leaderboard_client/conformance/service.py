"""The service under test: requests to it, and the boards that are made for the checks."""

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from leaderboard_client.conformance.expect import DOWN, CheckFailed, describe, require_status

PREFIX = "conformance-"
REQUEST_SECONDS = 30.0  # for which an answer is waited for, beyond what was asked to be held
HELD_SECONDS = 1.0  # after which an answer has been held
NO_ANSWERS = (500, 502, 503, 504)
MAX_RATE_SECONDS = 60.0  # for which a write waits for its write rate
FRESH_CONNECTIONS = httpx.Limits(max_keepalive_connections=0)  # one that was kept may just close
T = TypeVar("T")


class UnusableService(Exception):
    """There is no service at the address, or none that can be checked; the message says why."""


class Interrupted(Exception):
    """The run is ending, so no more boards are made."""


def in_background(call: Callable[[], T]) -> "Future[T]":
    """Call the function in a thread that does not keep the process; return its future result."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


@dataclass(frozen=True)
class Board:
    """A board of the service: of a check, or one that was there before, which is only read."""

    service: "Service"
    id: str
    is_own: bool = True

    @property
    def path(self) -> str:
        return f"/boards/{self.id}/"

    def read(self, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Return the answer to a poll."""
        return self.service.request("GET", self.path, headers=headers)

    def add(
        self, player: str, amount: int = 1, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Return the answer to an increment."""
        path = f"{self.path}players/{player}/score-add/"
        return self.service.request("POST", path, {"amount": amount}, headers=headers)


class Service:
    """The service at a URL, as one client sees it. Its methods may be called by any thread."""

    def __init__(
        self, url: str, token: str | None, origin: str | None, patience: float, storm: int
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            url: the address, with scheme and port.
            token: a JWT for the Authorization header.
            origin: one whose pages may use the API.
            patience: for how many seconds an event, or the answer to a long-poll, is waited for.
            storm: how many streams are opened at once.
        """
        self.url, self.origin, self.patience, self.storm = url, origin, patience, storm
        self.authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self.tls = httpx.create_ssl_context()
        self.http = httpx.Client(verify=self.tls, limits=FRESH_CONNECTIONS)
        self.refusal = ""  # why no board may be made
        self.board: Board | None = None  # that all checks may read
        self._run, self._numbers = f"{PREFIX}{secrets.token_hex(4)}", itertools.count(1)
        self.made: list[str] = []  # ids of boards
        self._making, self._is_ending = threading.Lock(), False

    def prepare(self) -> None:
        """Find out whether boards may be made, and which one can be read. Raises
        UnusableService."""
        try:
            answer = self.request("GET", "/healthz")
            if answer.is_redirect:
                target = answer.headers.get("Location", "")
                raise UnusableService(f"it leads to {target}: give the address that it leads to")
            made = self._make({})
        except CheckFailed as error:
            raise UnusableService(str(error)) from None
        if isinstance(made, Board):
            self.board = made
        elif made.status_code == 401 and self.authorization:
            raise UnusableService(f"the token is refused: {read_detail(made) or 401}")
        elif made.status_code in (401, 403):
            self.refusal = read_detail(made) or str(made.status_code)
            self.board = self._find_public_board()
        else:
            answered = f"POST /boards/ was answered {describe(made)}"
            raise UnusableService(f"{answered}: is this a leaderboard?")

    def create_board(self, players: Sequence[tuple[str, int]] = (), **settings: Any) -> Board:
        """Make a board for a check, and players with scores, one after the other. Raises
        CheckFailed."""
        made = self._make(settings)
        if not isinstance(made, Board):
            raise CheckFailed("201 for a board", describe(made))
        for player, score in players:
            body = {"score": score, "name": player.title()}
            answer = self.request("PUT", f"{made.path}players/{player}/score/", body)
            require_status(answer, 201, "a player's first score")
        return made

    def get_board(self) -> Board:
        """Return a new board with a player, or where none may be made, one to read."""
        if not self.refusal:
            return self.create_board([("alice", 0)])
        assert self.board
        return self.board

    def _make(self, settings: Mapping[str, Any]) -> Board | httpx.Response:
        """Return a new board, or the answer that refuses it."""
        with self._making:  # so that it is known whenever boards are deleted
            if self._is_ending:
                raise Interrupted
            id = f"{self._run}-{next(self._numbers)}"
            self.made.append(id)
            body = {"id": id, "name": "Conformance check", **settings}
            answer = self.request("POST", "/boards/", body)
            if answer.status_code == 201:
                return Board(self, id)
            self.made.remove(id)
            return answer

    def _find_public_board(self) -> Board | None:
        answer = self.request("GET", "/boards/?limit=1")
        if answer.status_code != 200:
            return None
        boards = answer.json()["boards"]
        return Board(self, boards[0]["id"], is_own=False) if boards else None

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        is_authorized: bool = True,
        content: bytes | None = None,
        held: float = 0,
    ) -> httpx.Response:
        """Send a request, with a body of JSON or any content; return the answer.

        A write that is over the write rate is sent again, as the answer says. `held` is for how
        many seconds the answer may be held. Raises CheckFailed if there is no answer of the
        service."""
        all_headers = {**(self.authorization if is_authorized else {}), **(headers or {})}
        end = time.monotonic() + MAX_RATE_SECONDS
        while True:
            request = self.http.build_request(
                method,
                self.url + path,
                json=body,
                content=content,
                headers=all_headers,
                timeout=REQUEST_SECONDS + held,
            )
            answer = self._send(request, held)
            pause = answer.headers.get("Retry-After", "")
            if answer.status_code != 429 or not pause.isdecimal() or time.monotonic() > end:
                return answer
            time.sleep(float(pause))

    def _send(self, request: httpx.Request, held: float) -> httpx.Response:
        began = time.monotonic()
        try:
            answer = self.http.send(request)
            if answer.status_code not in NO_ANSWERS:
                return answer
            came = describe(answer)
        except httpx.HTTPError as error:
            came = name_error(error)
        expected, took = (
            f"an answer to {request.method} {request.url.path}",
            time.monotonic() - began,
        )
        look_at = "" if took > HELD_SECONDS and held else DOWN
        raise CheckFailed(expected, f"{came}, after {took:.1f} s", look_at)

    def delete_boards(self) -> None:
        """Make no more boards, and delete those that were made. `made` has the ids of boards that
        are still there, as far as is known."""
        with self._making:
            self._is_ending = True
        for pause in (0.0, 1.0, 3.0):
            time.sleep(pause if self.made else 0)
            with suppress(CheckFailed):  # nothing answers, so the others would fail, too
                self.made = [id for id in self.made if not self._delete(id)]

    def _delete(self, id: str) -> bool:
        return self.request("DELETE", f"/boards/{id}/").status_code in (204, 404)


def name_error(error: httpx.HTTPError) -> str:
    """Return what a request failed with, in words."""
    return f"{type(error).__name__} {error}".strip()


def read_detail(answer: httpx.Response) -> str:
    """Return the detail of a problem; "" if the answer is none."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return ""
