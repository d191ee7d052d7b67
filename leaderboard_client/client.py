"""Leaderboard, Board and Player: one method for each request of the API."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpx

from leaderboard_client.arguments import (
    MAX_PAGE_ROWS,
    MAX_SCORE,
    MAX_SEASON,
    rank_query,
    require_id,
    require_integer,
    require_key,
    score_fields,
    season_path,
)
from leaderboard_client.errors import connection_error, status_error
from leaderboard_client.retry import NOT_APPLIED, TRANSIENT, RetryBudget, is_transient
from leaderboard_client.score import Score
from leaderboard_client.token import TokenSource
from leaderboard_client.watch import TIMEOUT_SECONDS, watch, watch_boards

Json = dict[str, Any]


class Leaderboard:
    """A leaderboard service at one address. Usable as a context manager, which closes it."""

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str | None] | None = None,
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

    def board(self, id: str, window: str | None = None) -> "Board":
        """Return the board with this id, without asking the service whether it exists. Raises
        ValueError if no board can have the id.

        With a `window` (day, week or month) all reads are of that window; writes are the board's.
        """
        return Board(self, id, window)

    def create_board(self, id: str | None = None, **settings: Any) -> "Board":
        """Create a board and return it. Without an `id` it gets a random one.

        `settings`: name, size, order, ranking, min, max, max_amount, private, ask_email,
        player_writes, show, format, keep_seasons, windows, schedule: a name, or an object such as
        {"every": "week", "on": "monday", "at": "06:00", "zone": "Europe/Berlin"}.
        """
        board = Board(self, str(uuid.uuid4()) if id is None else id)
        self.request("POST", "/boards/", {"id": board.id, **settings}, retry_on=NOT_APPLIED)
        return board

    def boards(self) -> Iterator[Json]:
        """Yield all boards that may be listed, with their settings, read page by page."""
        return self.pages("/boards/", "boards")

    def watch_boards(
        self, ids: Iterable[str], window: str | None = None
    ) -> Iterator[tuple[str, Json | None]]:
        """Yield the id and the snapshot of each of these boards (1 to 50) now, and of one again
        after each change of it, without end. Raises ValueError if no board can have one of the ids.

        None stands for the snapshot of a board that is missing, or was deleted. All come over one
        stream, which reconnects as that of `Board.watch` does. LeaderboardError is raised with 404
        if all boards are missing when it connects. With a `window` it is that of each board.
        """
        names = ",".join(map(require_id, ids))
        query = {"ids": names} if window is None else {"ids": names, "window": window}
        return watch_boards(self, names, f"/boards/?{urlencode(query)}")

    def read_person(self, id: str) -> Json:
        """Return `{"id", "players"}`: what each board has of the player with this id (docs/api.md).
        Needs the scope admin of all boards. Raises LeaderboardError 404 if no board has one."""
        person: Json = self.request("GET", f"/players/{require_id(id)}/")
        return person

    def erase_person(self, id: str) -> None:
        """Delete the player on all boards, and in past seasons. Needs what `read_person` needs."""
        self.request("DELETE", f"/players/{require_id(id)}/")

    def pages(self, path: str, what: str, first: Mapping[str, str] | None = None) -> Iterator[Json]:
        """Yield the rows of all pages at `path`, in each of which they are the field `what`.
        `first` has parameters of the first page; those of all pages are in the path."""
        params = first or {}
        while True:
            page = self.request("GET", path, params={"limit": "100", **params})
            yield from page[what]
            if page["next"] is None:
                return
            params = {"cursor": page["next"]}

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        retry_on: set[int] = TRANSIENT,
    ) -> Any:
        """Send a request and return the JSON of its answer, or None if that has no body. The path
        may have a query, to which `params` are added.

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
            if not is_renewed and self.token.renew(failure.type, response.request):
                is_renewed = True
                attempts -= 1  # nothing was done
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
        url = httpx.URL(self.url + path).copy_merge_params(params or {})
        headers = {**self.token.build_headers(), **headers}
        return self.http.request(method, url, json=body, headers=headers)

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
    """A board of the service, by its id, or a window of it.

    `query` is that of all that is read, which names the window. Writes are the board's.
    """

    def __init__(self, leaderboard: Leaderboard, id: str, window: str | None = None) -> None:
        self.leaderboard, self.id = leaderboard, require_id(id)
        self.path = f"/boards/{id}/"
        self.query = "" if window is None else f"?{urlencode({'window': window})}"

    def snapshot(self) -> Json:
        """Return the board's top players.

        The shape is `{"id", "name", "players": [{"id", "name", "score", "rank"}, …]}`. Where the
        board has settings for them, there are `format`, and `data` of a player. `season` and
        `ends_at` are there if they say anything, and of a window `window` and `since`.
        """
        snapshot: Json = self.leaderboard.request("GET", self.path + self.query)
        return snapshot

    def watch(self) -> Iterator[Json]:
        """Yield the snapshot now, and again after each change of it, without end.

        The stream reconnects by itself, also after 45 seconds without a sign of life. Then a
        warning is logged, which says since when there was none. LeaderboardError is raised when
        the service refuses the stream, such as with 404 after the board was deleted, and when the
        first snapshot has not come within the patience. A token that was refused is replaced by a
        fresh one, if that comes from a function.
        """
        return watch(self.leaderboard, self.id + self.query, self.path + self.query)

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
        return self.leaderboard.pages(f"{self.path}seasons/{self.query}", "past")

    def season(self, number: int) -> Json:
        """Return the final snapshot of a past season, with `season` and `ended_at`."""
        require_integer("season", number, MAX_SEASON)
        path = f"{self.path}seasons/{number}/{self.query}"
        return dict(self.leaderboard.request("GET", path))

    def player(self, id: str) -> "Player":
        """Return the player with this id, unasked. Raises ValueError if none can have it."""
        return Player(self, id)

    def add_player(
        self,
        name: str,
        id: str | None = None,
        email: str | None = None,
        data: Json | None = None,
    ) -> "Player":
        """Add a player, perhaps with data, and return it. Without an `id` it gets a random one."""
        player = Player(self, str(uuid.uuid4()) if id is None else id)
        body: Json = {"id": player.id, "name": name}
        if email is not None:
            body["email"] = email
        if data is not None:
            body["data"] = data
        self.leaderboard.request("POST", f"{self.path}players/", body, retry_on=NOT_APPLIED)
        return player

    def players(self, from_rank: int = 1, season: int | None = None) -> Iterator[Json]:
        """Yield all ranked players from this rank on, best first, read page by page. With a
        `season`, those of a past one."""
        require_integer("from_rank", from_rank, MAX_SCORE)
        first = {"from_rank": str(from_rank)} if from_rank > 1 else None
        path = f"{self.path}{season_path(season)}players/{self.query}"
        return self.leaderboard.pages(path, "players", first)

    def search(self, text: str) -> Iterator[Json]:
        """Yield the players whose name or id begins with the text, without case, by that text."""
        return self.leaderboard.pages(
            f"{self.path}players/?{urlencode({'search': text})}", "players"
        )

    def select(self, ids: Iterable[str]) -> Json:
        """Return `{"players": […], "missing": […]}` of up to 500 ids.

        The players are as from `Player.read`, best first, and those without a rank last. Each has
        a `place`, which is the rank among them alone. `missing` has the ids that nobody has.
        """
        body = {"ids": [require_id(id) for id in ids]}
        path = f"{self.path}players/select/{self.query}"
        selection: Json = self.leaderboard.request("POST", path, body)
        return selection

    def rank_of(self, score: int) -> Json:
        """Return `{"score", "rank", "of", "percentile"}` of a new player who reached the score
        now."""
        path, params = f"{self.path}rank/{self.query}", {"score": str(score)}
        rank: Json = self.leaderboard.request("GET", path, params=params)
        return rank

    def add_scores(
        self,
        amounts: Mapping[str, int],
        season: int | None = None,
        names: Mapping[str, str] | None = None,
        rank: bool = False,
    ) -> list[Json]:
        """Add to the scores of up to 1,000 players; return one result each, in the same order.

        `amounts` is by player id. A result has a `status` (200, 201, 404, 409 or 422), and the new
        `score` or a `detail`. If a `season` is named, only that season is added to. A player who is
        missing is created if `names` has a name for the id. With `rank` the results have the ranks
        afterwards.
        """
        names = names or {}
        rows = [
            {"player": require_id(id), "amount": amount, **score_fields(season, names.get(id))}
            for id, amount in amounts.items()
        ]
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        path = f"{self.path}scores/{rank_query(rank)}"
        answer = self.leaderboard.request("POST", path, rows, headers)
        results: list[Json] = answer["results"]
        return results


class Player:
    """A player of a board, by its id."""

    def __init__(self, board: Board, id: str) -> None:
        self.board, self.id = board, require_id(id)
        self.path = f"{board.path}players/{id}/"

    def read(self, season: int | None = None) -> Json:
        """Return `{"id", "name", "score", "rank", "of", "percentile"}`, and perhaps `data`, now or
        as of the end of a past season.

        `of` is how many players are ranked, and `percentile` how many in a hundred are not better.
        The rank and percentile of an unranked player are None."""
        player: Json = self.board.leaderboard.request("GET", self._read_path("", season))
        return player

    def around(self, limit: int = 5, season: int | None = None) -> list[Json]:
        """Return a ranking window, perhaps of a past season, with the player in its middle."""
        require_integer("limit", limit, MAX_PAGE_ROWS)
        path, params = self._read_path("around/", season), {"limit": str(limit)}
        players: list[Json] = self.board.leaderboard.request("GET", path, params=params)["players"]
        return players

    def seasons(self) -> Iterator[Json]:
        """Yield the past seasons in which the player was ranked, newest first, read page by page.

        Each is `{"season", "ended_at"}` with what `read` has of the player as of its end."""
        return self.board.leaderboard.pages(self._read_path("seasons/"), "seasons")

    def _read_path(self, path: str, season: int | None = None) -> str:
        board = self.board
        return f"{board.path}{season_path(season)}players/{self.id}/{path}{board.query}"

    def add(
        self,
        amount: int = 1,
        key: str | None = None,
        season: int | None = None,
        name: str | None = None,
        rank: bool = False,
    ) -> Score:
        """Add to the score and return the new one. An idempotency key counts once.

        Without a `key` the call makes its own. If a `season` is named and another one is running,
        LeaderboardError is raised with status 409. With a `name` the player is created if the board
        has none of that id. With `rank` the score has the rank afterwards.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex if key is None else require_key(key)}
        body = {"amount": amount, **score_fields(season, name)}
        return Score(self._request("POST", f"score-add/{rank_query(rank)}", body, headers))

    def set(
        self,
        score: int,
        best: bool = False,
        season: int | None = None,
        name: str | None = None,
        rank: bool = False,
    ) -> Score:
        """Set the score, or with `best` keep the better of the two; return the score afterwards.

        `season`, `name` and `rank` are as in `add`.
        """
        mode = "best" if best else "set"
        body = {"score": score, "mode": mode, **score_fields(season, name)}
        return Score(self._request("PUT", f"score/{rank_query(rank)}", body))

    def update(self, **fields: Any) -> Json:
        """Change `name`, `hidden` or `data`, which is replaced whole; return the player."""
        return self._request("PATCH", "", fields)

    def delete(self) -> None:
        """Delete the player."""
        self.board.leaderboard.request("DELETE", self.path)

    def _request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Json:
        answer: Json = self.board.leaderboard.request(method, self.path + path, body, headers)
        return answer
