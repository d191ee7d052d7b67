"""Leaderboard, Board and Player: one method for each request of the API."""

import logging
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from leaderboard_client.retry import NOT_APPLIED, TRANSIENT, RetryBudget, is_transient
from leaderboard_client.token import TokenSource

Json = dict[str, Any]

logger = logging.getLogger("leaderboard_client")
NO_SIGN_OF_LIFE = "board %s: no sign of life since %s, reconnecting: %s"

TIMEOUT_SECONDS = 10.0
SILENCE_SECONDS = 45.0  # after which a stream is dead: the service sends a keep-alive every 20 s
ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"
MAX_PAGE_ROWS = 100
MAX_SEASON = 2**31 - 1


class LeaderboardError(Exception):
    """A request failed for good: the service refused it, or the retry budget is used up.

    `status` is that of the last answer, or 0 if there was none. The message says why. `type` is the
    kind of problem, such as "/docs/problems/#board-not-found", and does not change between
    releases. It is "about:blank" if only the status is known.
    """

    def __init__(self, status: int, detail: str, type: str = "about:blank") -> None:
        super().__init__(detail)
        self.status, self.type = status, type


class Leaderboard:
    """A leaderboard service at one address. Usable as a context manager, which closes it."""

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str] | None = None,
        patience: float = 30.0,
        http: httpx.Client | None = None,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            url: the address of the service, with scheme and port.
            token: a JWT for the Authorization header, or a function that returns one. The function
                is called again when the service refuses the last one, such as after its time.
            patience: for how many seconds a request is retried.
            http: an HTTP client to use instead of a new one.
        """
        self.http = http or httpx.Client(timeout=httpx.Timeout(TIMEOUT_SECONDS))
        self.url, self.token, self.patience = url.rstrip("/"), TokenSource(token), patience

    def board(self, id: str) -> "Board":
        """Return the board with this id, without asking the service whether it exists. Raises
        ValueError if no board can have the id."""
        return Board(self, id)

    def create_board(self, id: str | None = None, **settings: Any) -> "Board":
        """Create a board and return it. Without an `id` it gets a random one.

        `settings`: name, size, order, ranking, min, max, max_amount, private, ask_email,
        player_writes, schedule.
        """
        board = Board(self, str(uuid.uuid4()) if id is None else id)
        self.request("POST", "/boards/", {"id": board.id, **settings}, retry_on=NOT_APPLIED)
        return board

    def boards(self) -> Iterator[Json]:
        """Yield all boards that may be listed, with their settings, read page by page."""
        return self.pages("/boards/", "boards")

    def pages(self, path: str, what: str) -> Iterator[Json]:
        """Yield the rows of all pages at `path`, in each of which they are the field `what`."""
        cursor = None
        while True:
            params = {"limit": "100", **({"cursor": cursor} if cursor else {})}
            page = self.request("GET", path, params=params)
            yield from page[what]
            cursor = page["next"]
            if cursor is None:
                return

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        retry_on: set[int] = TRANSIENT,
    ) -> Any:
        """Send a request and return the JSON of its answer, or None if that has no body.

        It is retried after the statuses in `retry_on`, and after a failed connect. After a
        connection that broke later it is retried only if `retry_on` is TRANSIENT, because the
        request may have had its effect. LeaderboardError is raised when retries have no use or
        the patience is over. After a token was refused it is sent again, once, with a fresh one.
        """
        budget = RetryBudget(self.patience)
        attempts, is_renewed = 0, False
        while True:
            attempts += 1
            try:
                response = self._send(method, path, body, headers or {}, params)
            except httpx.TransportError as error:
                failure = connection_error(error)
                if retry_on != TRANSIENT and not isinstance(error, httpx.ConnectError):
                    raise failure from error
                budget.wait(failure)
                continue
            if response.is_success:
                return response.json() if response.content else None
            if method == "DELETE" and response.status_code == 404 and attempts > 1:
                return None  # an earlier attempt has deleted it
            failure = status_error(response)
            if not is_renewed and self.token.renew(failure.type):
                is_renewed = True
                continue
            if not is_transient(response, retry_on):
                raise failure
            budget.wait(failure, response.headers.get("Retry-After"))

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None,
    ) -> httpx.Response:
        url, headers = self.url + path, {**self.token.build_headers(), **headers}
        return self.http.request(method, url, json=body, headers=headers, params=params)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Board:
    """A board of the service, by its id."""

    def __init__(self, leaderboard: Leaderboard, id: str) -> None:
        self.leaderboard, self.id = leaderboard, require_id(id)
        self.path = f"/boards/{id}/"

    def snapshot(self) -> Json:
        """Return the board's top players.

        The shape is `{"id", "name", "players": [{"id", "name", "score", "rank"}, …]}`.
        """
        snapshot: Json = self.leaderboard.request("GET", self.path)
        return snapshot

    def watch(self) -> Iterator[Json]:
        """Yield the snapshot now, and again after each change of it, without end.

        The stream reconnects by itself, also after SILENCE_SECONDS without a sign of life. Then a
        warning is logged, which says since when there was none. LeaderboardError is raised when
        the service refuses the stream, such as with 404 after the board was deleted, and when the
        first snapshot has not come within the patience. A token that was refused is replaced by a
        fresh one, if that comes from a function.
        """
        last_id, budget = "", RetryBudget(self.leaderboard.patience)
        heard, is_lost, is_renewed = datetime.now(), False, False
        while True:
            try:
                for event in self._stream(last_id, budget):
                    heard, is_lost, is_renewed = datetime.now(), False, False
                    if event.event == "update" and event.id != last_id:  # else it is a repeat
                        last_id = event.id
                        budget.lift()
                        yield event.json()
                failure = LeaderboardError(0, "the stream ended")
            except httpx.TransportError as error:
                failure = connection_error(error)
            except StreamRefusedError as error:
                failure = status_error(error.response)
                if not is_renewed and self.leaderboard.token.renew(failure.type):
                    is_renewed = True
                    continue
                if not is_transient(error.response):
                    raise failure from None
            if last_id and not is_lost:
                logger.warning(NO_SIGN_OF_LIFE, self.id, heard.strftime("%X"), failure)
            is_lost = True
            budget.wait(failure)

    def _stream(self, last_id: str, budget: RetryBudget) -> Iterator[ServerSentEvent]:
        """Yield each event, keep-alives as well, until the stream ends."""
        board = self.leaderboard
        last = {"Last-Event-ID": last_id} if last_id else {}
        headers = {**board.token.build_headers(), **last}
        timeout = httpx.Timeout(TIMEOUT_SECONDS, read=SILENCE_SECONDS)
        with connect_sse(
            board.http, "GET", board.url + self.path, headers=headers, timeout=timeout
        ) as source:
            if source.response.status_code != 200:
                source.response.read()
                raise StreamRefusedError(source.response)
            budget.restart()
            for event in source.iter_sse():
                if event.retry is not None:
                    budget.pause = event.retry / 1000
                yield event

    def update(self, **settings: Any) -> Json:
        """Change settings; return the board with all of them."""
        board: Json = self.leaderboard.request("PATCH", self.path, settings)
        return board

    def delete(self) -> None:
        """Delete the board with its players and seasons."""
        self.leaderboard.request("DELETE", self.path)

    def reset(self, season: int) -> Json:
        """End this season once and begin the next; return the board with its new `season`.

        LeaderboardError with status 409 says that the season had ended before.
        """
        require_integer("season", season, MAX_SEASON)
        board: Json = self.leaderboard.request("POST", f"{self.path}reset/", {"season": season})
        return board

    def seasons(self) -> Iterator[Json]:
        """Yield past seasons, `{"season", "ended_at"}`, newest first, read page by page."""
        return self.leaderboard.pages(f"{self.path}seasons/", "past")

    def season(self, number: int) -> Json:
        """Return the final snapshot of a past season, with `season` and `ended_at`."""
        require_integer("season", number, MAX_SEASON)
        snapshot: Json = self.leaderboard.request("GET", f"{self.path}seasons/{number}/")
        return snapshot

    def player(self, id: str) -> "Player":
        """Return the player with this id, without asking the service whether there is one. Raises
        ValueError if no player can have the id."""
        return Player(self, id)

    def add_player(self, name: str, id: str | None = None, email: str | None = None) -> "Player":
        """Add a player and return it. Without an `id` the player gets a random one."""
        player = Player(self, str(uuid.uuid4()) if id is None else id)
        body = {"id": player.id, "name": name}
        if email is not None:
            body["email"] = email
        self.leaderboard.request("POST", f"{self.path}players/", body, retry_on=NOT_APPLIED)
        return player

    def players(self) -> Iterator[Json]:
        """Yield all ranked players, best first, read page by page."""
        return self.leaderboard.pages(f"{self.path}players/", "players")

    def add_scores(
        self,
        amounts: Mapping[str, int],
        season: int | None = None,
        names: Mapping[str, str] | None = None,
    ) -> list[Json]:
        """Add to the scores of up to 1,000 players; return one result each, in the same order.

        `amounts` is by player id. A result has a `status` (200, 201, 404, 409 or 422), and the new
        `score` or a `detail`. If a `season` is named, only that season is added to. A player who is
        missing is created if `names` has a name for the id.
        """
        names = names or {}
        rows = [
            {"player": require_id(id), "amount": amount, **score_fields(season, names.get(id))}
            for id, amount in amounts.items()
        ]
        path, headers = f"{self.path}scores/", {"Idempotency-Key": uuid.uuid4().hex}
        answer = self.leaderboard.request("POST", path, rows, headers)
        results: list[Json] = answer["results"]
        return results


class Player:
    """A player of a board, by its id."""

    def __init__(self, board: Board, id: str) -> None:
        self.board, self.id = board, require_id(id)
        self.path = f"{board.path}players/{id}/"

    def read(self) -> Json:
        """Return `{"id", "name", "score", "rank"}`; the rank of an unranked player is None."""
        return self._request("GET", "")

    def around(self, limit: int = 5) -> list[Json]:
        """Return a window of the ranking with the player in its middle."""
        require_integer("limit", limit, MAX_PAGE_ROWS)
        players: list[Json] = self._request("GET", f"around/?limit={limit}")["players"]
        return players

    def add(
        self,
        amount: int = 1,
        key: str | None = None,
        season: int | None = None,
        name: str | None = None,
    ) -> int:
        """Add to the score and return the new one. An idempotency key counts once.

        Without a `key` the call makes its own. If a `season` is named and another one is running,
        LeaderboardError is raised with status 409. With a `name` the player is created if the board
        has none of that id.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex if key is None else key}
        body = {"amount": amount, **score_fields(season, name)}
        return int(self._request("POST", "score-add/", body, headers)["score"])

    def set(
        self, score: int, best: bool = False, season: int | None = None, name: str | None = None
    ) -> int:
        """Set the score, or with `best` keep the better of the two; return the score afterwards.

        `season` and `name` are as in `add`.
        """
        mode = "best" if best else "set"
        body = {"score": score, "mode": mode, **score_fields(season, name)}
        return int(self._request("PUT", "score/", body)["score"])

    def update(self, **fields: Any) -> Json:
        """Change `name` or `hidden`; return the player."""
        return self._request("PATCH", "", fields)

    def delete(self) -> None:
        """Delete the player."""
        self.board.leaderboard.request("DELETE", self.path)

    def _request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Json:
        answer: Json = self.board.leaderboard.request(method, self.path + path, body, headers)
        return answer


class StreamRefusedError(Exception):
    """The service answered a stream's request with another status than 200."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response


def require_id(id: str) -> str:
    """Return the id, which stands in paths. Raises ValueError if it is none: ".." would lead to
    another resource."""
    if not isinstance(id, str) or not re.fullmatch(ID_PATTERN, id):
        raise ValueError(f"id {id!r}: must be 1 to 64 of the characters A-Z, a-z, 0-9, _ and -")
    return id


def require_integer(name: str, value: int, most: int) -> None:
    """Raise ValueError unless the value is an integer from 1 to `most`."""
    if type(value) is not int or not 1 <= value <= most:  # True is an int, too
        raise ValueError(f"{name} {value!r}: must be an integer from 1 to {most}")


def score_fields(season: int | None, name: str | None) -> Json:
    """Return the fields of a body that say for which season a score is, and who a new player is."""
    if season is not None:
        require_integer("season", season, MAX_SEASON)
    fields = {"season": season, "name": name}
    return {field: value for field, value in fields.items() if value is not None}


def connection_error(error: httpx.TransportError) -> LeaderboardError:
    return LeaderboardError(0, str(error) or type(error).__name__)


def status_error(response: httpx.Response) -> LeaderboardError:
    """Return the error for a failed request, with the problem's detail and type if there are."""
    try:
        problem = response.json()
        detail, type = str(problem["detail"]), str(problem.get("type", "about:blank"))
    except (ValueError, KeyError, TypeError):
        detail, type = response.text[:200] or response.reason_phrase, "about:blank"
    return LeaderboardError(response.status_code, detail, type)
