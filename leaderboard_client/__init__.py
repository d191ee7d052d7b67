"""A client of the leaderboard service, for Python. It needs httpx and httpx-sse.

    from leaderboard_client import Leaderboard

    board = Leaderboard("http://localhost:7999").board("demo")
    board.player("alice").add(5)
    for snapshot in board.watch():
        print(snapshot["players"])

What can be sent again without counting twice is, for `patience` seconds, through restarts and
failures of the service: reads, settings of scores, deletions, and increments, each with a key of
its own.
"""

import random
import time
import uuid
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx
from httpx_sse import connect_sse

__all__ = ["Board", "Leaderboard", "LeaderboardError", "Player"]

Json = dict[str, Any]

PASSING = {429, 500, 502, 503, 504}
NOT_DONE = {429, 503}  # passing, and surely without an effect
SILENCE_SECONDS = 60.0  # the service sends something every 20 s


class LeaderboardError(Exception):
    """The service refused; `status` is HTTP's, the message says why. Or it could not be reached
    for as long as there was patience: then `status` is 0, or that of the last answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Leaderboard:
    def __init__(
        self,
        url: str,
        token: str | None = None,
        patience: float = 30.0,
        http: httpx.Client | None = None,
    ) -> None:
        """`url`: the service's, with scheme and port. `token`: for the Authorization header.
        `patience`: for how many seconds to try again. `http`: to bring your own."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = http or httpx.Client(timeout=httpx.Timeout(10.0))
        self.url, self.headers, self.patience = url.rstrip("/"), headers, patience

    def board(self, id: str) -> "Board":
        """One that exists, or may: nothing is asked yet."""
        return Board(self, id)

    def create_board(self, id: str | None = None, **settings: Any) -> "Board":
        """`settings`: name, size, order, ranking, min, max, max_amount, private, schedule."""
        body = {"id": id or str(uuid.uuid4()), **settings}
        self.request("POST", "/boards/", body, again=NOT_DONE)
        return Board(self, body["id"])

    def boards(self) -> Iterator[Json]:
        """All boards that may be listed, with their settings, read page by page."""
        return self.pages("/boards/", "boards")

    def pages(self, path: str, what: str) -> Iterator[Json]:
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
        again: set[int] = PASSING,
    ) -> Any:
        """The answer's JSON; None without a body. Sent again after these statuses, and, if they
        are all of PASSING, after a broken connection."""
        headers = {**self.headers, **(headers or {})}
        patience = Patience(self.patience)
        sent = 0
        while True:
            sent += 1
            try:
                response = self.http.request(
                    method, self.url + path, json=body, headers=headers, params=params
                )
            except httpx.ConnectError as error:
                patience.wait(LeaderboardError(0, str(error)))
                continue
            except httpx.TransportError as error:
                failure = LeaderboardError(0, str(error) or type(error).__name__)
                if again != PASSING:
                    raise failure from error
                patience.wait(failure)
                continue
            if response.is_success:
                return response.json() if response.content else None
            if method == "DELETE" and response.status_code == 404 and sent > 1:
                return None  # an earlier one was heard
            failure = error_of(response)
            if not is_passing(response, again):
                raise failure
            patience.wait(failure, response.headers.get("Retry-After"))

    def close(self) -> None:
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
    def __init__(self, leaderboard: Leaderboard, id: str) -> None:
        self.leaderboard, self.id = leaderboard, id
        self.path = f"/boards/{id}/"

    def snapshot(self) -> Json:
        """`{"id", "name", "players": [{"id", "name", "score", "rank"}, …]}`, the top players."""
        found: Json = self.leaderboard.request("GET", self.path)
        return found

    def watch(self) -> Iterator[Json]:
        """The snapshot, and the next one whenever what it shows has changed; endless. It comes
        back by itself, and raises LeaderboardError when the service refuses, such as with 404
        after the board was deleted."""
        last_id, patience = "", Patience(self.leaderboard.patience)
        while True:
            try:
                for id, snapshot in self._stream(last_id, patience):
                    if id != last_id:  # else it was repeated
                        last_id = id
                        yield snapshot
                failure = LeaderboardError(0, "the stream ended")
            except httpx.TransportError as error:
                failure = LeaderboardError(0, str(error) or type(error).__name__)
            except Refused as error:
                failure = error_of(error.answer)
                if not is_passing(error.answer):
                    raise failure from None
            patience.wait(failure)

    def _stream(self, last_id: str, patience: "Patience") -> Iterator[tuple[str, Json]]:
        board = self.leaderboard
        headers = {**board.headers, **({"Last-Event-ID": last_id} if last_id else {})}
        timeout = httpx.Timeout(10.0, read=SILENCE_SECONDS)
        with connect_sse(
            board.http, "GET", board.url + self.path, headers=headers, timeout=timeout
        ) as source:
            if source.response.status_code != 200:
                source.response.read()
                raise Refused(source.response)
            patience.restart()
            for event in source.iter_sse():
                if event.retry is not None:
                    patience.pause = event.retry / 1000
                if event.event == "update":
                    yield event.id, event.json()

    def update(self, **settings: Any) -> Json:
        """Change settings; the board with all of them."""
        found: Json = self.leaderboard.request("PATCH", self.path, settings)
        return found

    def delete(self) -> None:
        self.leaderboard.request("DELETE", self.path)

    def reset(self, season: int) -> Json:
        """End this season and begin the next one, once; the board with its new `season`. A
        LeaderboardError with status 409 says that it was over already."""
        found: Json = self.leaderboard.request("POST", f"{self.path}reset/", {"season": season})
        return found

    def seasons(self) -> Iterator[Json]:
        """Past seasons, `{"season", "ended_at"}`, the newest first, read page by page."""
        return self.leaderboard.pages(f"{self.path}seasons/", "past")

    def season(self, number: int) -> Json:
        """The final snapshot of a past season, with `season` and `ended_at`."""
        found: Json = self.leaderboard.request("GET", f"{self.path}seasons/{number}/")
        return found

    def player(self, id: str) -> "Player":
        """One that exists, or may: nothing is asked yet."""
        return Player(self, id)

    def add_player(self, name: str, id: str | None = None, email: str | None = None) -> "Player":
        body = {"id": id or str(uuid.uuid4()), "name": name}
        if email is not None:
            body["email"] = email
        self.leaderboard.request("POST", f"{self.path}players/", body, again=NOT_DONE)
        return Player(self, body["id"])

    def players(self) -> Iterator[Json]:
        """All ranked players, best first, read page by page."""
        return self.leaderboard.pages(f"{self.path}players/", "players")

    def add_scores(self, amounts: Mapping[str, int], season: int | None = None) -> list[Json]:
        """Add to the scores of up to 1,000 players by id, in this season only, if one is named. Of
        each, in this order, its `status` (200, 404, 409 or 422), and the new `score` or a
        `detail`."""
        meant = _meant(season)
        rows = [{"player": player, "amount": amount, **meant} for player, amount in amounts.items()]
        path, headers = f"{self.path}scores/", {"Idempotency-Key": uuid.uuid4().hex}
        answer = self.leaderboard.request("POST", path, rows, headers)
        results: list[Json] = answer["results"]
        return results


class Player:
    def __init__(self, board: Board, id: str) -> None:
        self.board, self.id = board, id
        self.path = f"{board.path}players/{id}/"

    def read(self) -> Json:
        """`{"id", "name", "score", "rank"}`; the rank is None for a player who is not ranked."""
        return self._request("GET", "")

    def around(self, limit: int = 5) -> list[Json]:
        """A window of the ranking with the player in its middle."""
        players: list[Json] = self._request("GET", f"around/?limit={limit}")["players"]
        return players

    def add(self, amount: int = 1, key: str | None = None, season: int | None = None) -> int:
        """The new score. Counted once for each `key`; without one, the call makes its own. If
        another than the `season` named is running, LeaderboardError with status 409."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        body = {"amount": amount, **_meant(season)}
        return int(self._request("POST", "score-add/", body, headers)["score"])

    def set(self, score: int, best: bool = False, season: int | None = None) -> int:
        """The score afterwards; with `best`, the better one. `season` as in `add`."""
        body = {"score": score, "mode": "best" if best else "set", **_meant(season)}
        return int(self._request("PUT", "score/", body)["score"])

    def update(self, **fields: Any) -> Json:
        """`name`, `hidden`."""
        return self._request("PATCH", "", fields)

    def delete(self) -> None:
        self.board.leaderboard.request("DELETE", self.path)

    def _request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Json:
        found: Json = self.board.leaderboard.request(method, self.path + path, body, headers)
        return found


class Refused(Exception):
    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer


class Patience:
    """How long to go on trying, and how long to wait in between."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.pause = 0.2
        self.restart()

    def restart(self) -> None:
        self.end = time.monotonic() + self.seconds
        self.factor = 1.0

    def wait(self, failure: LeaderboardError, retry_after: str | None = None) -> None:
        """Raises the failure when patience is at its end."""
        pause = min(self.pause * self.factor, 5.0) * random.uniform(0.8, 1.2)
        if retry_after and retry_after.isdecimal():
            pause = max(pause, float(retry_after) * random.uniform(1.0, 1.2))  # never earlier
        if time.monotonic() + pause > self.end:
            raise failure
        time.sleep(pause)
        self.factor *= 2


def _meant(season: int | None) -> Json:
    return {} if season is None else {"season": season}


def is_passing(response: httpx.Response, among: set[int] = PASSING) -> bool:
    """500 is what a Pushpin says that has just been started. The service's own is none of these: it
    would be the same again."""
    kind = response.headers.get("Content-Type", "")
    own = response.status_code == 500 and kind.startswith("application/problem+json")
    return response.status_code in among and not own


def error_of(response: httpx.Response) -> LeaderboardError:
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = response.text[:200] or response.reason_phrase
    return LeaderboardError(response.status_code, detail)
