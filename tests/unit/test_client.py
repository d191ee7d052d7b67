"""Test leaderboard_client against a server that gives prepared answers."""

import copy
import itertools
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_client import Board, Leaderboard, LeaderboardError, Score, arguments
from leaderboard_client.token import TokenSource
from leaderboardapp.domain.fields import MAX_PAGE_ROWS, MAX_SEASON
from leaderboardapp.domain.types import ID_PATTERN, MAX_SCORE
from leaderboardapp.realtime.formats import (
    KEEP_ALIVE,
    KEEP_ALIVE_DATA,
    KEEP_ALIVE_SECONDS,
    stream_event,
)

PROBLEM = {"Content-Type": "application/problem+json"}
EVENT = "event: update\nid: 1\ndata: {}\n\n"


def board(*answers: httpx.Response) -> tuple[Board, list[httpx.Request]]:
    """Return a board, and the list of its requests. They get these answers, one after the other."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answers[len(requests) - 1]

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return Leaderboard("http://localhost", http=http).board("b"), requests


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard_client.retry.time.sleep", lambda seconds: None)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_increment_is_retried_with_its_key_after_a_transient_failure(status: int) -> None:
    failure = httpx.Response(status, text="no")
    a_board, requests = board(failure, failure, httpx.Response(200, json={"score": 5}))
    assert a_board.player("p").add(5) == 5
    assert len({request.headers["Idempotency-Key"] for request in requests}) == 1
    assert len(requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500])
@pytest.mark.parametrize(
    "call", [lambda board: board.player("p").add(5), lambda board: next(board.watch())]
)
def test_a_refused_request_is_not_retried(call: Callable[[Board], object], status: int) -> None:
    a_board, requests = board(httpx.Response(status, headers=PROBLEM, json={"detail": "never"}))
    with pytest.raises(LeaderboardError, match="never") as raised:
        call(a_board)
    assert raised.value.status == status and len(requests) == 1


@pytest.mark.parametrize(
    ("answer", "type"),
    [
        (
            {"json": {"detail": "no", "type": "/docs/problems/#id-taken"}},
            "/docs/problems/#id-taken",
        ),
        ({"json": {"detail": "no"}}, "about:blank"),
        ({"json": ["no"]}, "about:blank"),
        ({"text": "no"}, "about:blank"),
    ],
)
def test_an_error_has_the_type_of_the_problem(answer: dict[str, Any], type: str) -> None:
    a_board, _ = board(httpx.Response(409, headers=PROBLEM, **answer))
    with pytest.raises(LeaderboardError, match="no") as raised:
        a_board.delete()
    assert raised.value.type == type


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_watch_is_retried_after_a_transient_failure(status: int) -> None:
    a_board, requests = board(httpx.Response(status, text="no"), stream(EVENT))
    assert next(a_board.watch()) == {}
    assert len(requests) == 2


def stream(*events: str) -> httpx.Response:
    return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, text="".join(events))


def test_a_watch_that_has_begun_is_retried_however_long_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hours = itertools.count(step=3600)
    monkeypatch.setattr("leaderboard_client.retry.time.monotonic", lambda: next(hours))
    away = [httpx.Response(502, text="no") for _ in range(5)]
    a_board, requests = board(stream(EVENT), *away, stream(EVENT.replace("id: 1", "id: 2")))
    assert list(itertools.islice(a_board.watch(), 2)) == [{}, {}]
    assert [request.headers.get("Last-Event-ID") for request in requests] == [None, *["1"] * 6]


def test_a_watch_waits_for_keep_alives_and_shows_none() -> None:
    keep_alive = stream_event(KEEP_ALIVE, KEEP_ALIVE_DATA)
    second = EVENT.replace("id: 1", "id: 2")
    a_board, requests = board(stream(keep_alive, EVENT, keep_alive, EVENT, second))
    assert list(itertools.islice(a_board.watch(), 2)) == [{}, {}]
    assert len(requests) == 1
    silence = requests[0].extensions["timeout"]["read"]
    assert 2 * KEEP_ALIVE_SECONDS < silence < 3 * KEEP_ALIVE_SECONDS


def test_a_watch_of_several_boards_shows_no_state_of_one_twice() -> None:
    def shown(id: str, number: int) -> str:
        return f'event: update\nid: {id}{number}\ndata: {{"id":"{id}","number":{number}}}\n\n'

    gone = 'event: deleted\ndata: {"id":"b"}\n\n'
    first = stream(shown("a", 1), shown("b", 1), shown("a", 1), shown("b", 2), gone, gone)
    second = stream(shown("a", 1), gone, shown("b", 2), gone, shown("a", 2))
    a_board, requests = board(first, second)
    watch = a_board.leaderboard.watch_boards(["a", "b"], window="week")
    numbers = [(id, snapshot and snapshot["number"]) for id, snapshot in itertools.islice(watch, 7)]
    assert numbers == [("a", 1), ("b", 1), ("b", 2), ("b", None), ("b", 2), ("b", None), ("a", 2)]
    assert [row.url.raw_path for row in requests] == [b"/boards/?ids=a%2Cb&window=week"] * 2
    assert requests[1].headers["Last-Event-ID"] == "b2"


def test_a_watch_of_several_boards_takes_ids_only() -> None:
    a_board, _ = board()
    with pytest.raises(ValueError, match="id 'a,b': must be"):
        a_board.leaderboard.watch_boards(["a,b"])


BAD_IDS = ["", ".", "..", "../..", "a/b", "a?b", "a#b", "%2e%2e", "a" * 65, "a\n", "é", None, 7]
BAD_NUMBERS = [0, -1, 2**31, True, 1.0, "1", "1/../../..", None]


@pytest.mark.parametrize("id", BAD_IDS)
def test_what_is_no_id_is_refused_before_anything_is_sent(id: Any) -> None:
    a_board, requests = board()
    calls: list[Callable[[], object]] = [
        lambda: a_board.leaderboard.board(id).delete(),
        lambda: a_board.player(id).delete(),
    ]
    if id is not None:  # without an id there is a random one
        calls += [
            lambda: a_board.leaderboard.create_board(id),
            lambda: a_board.add_player("Alice", id),
            lambda: a_board.select([id]),
        ]
    for call in calls:
        with pytest.raises(ValueError, match="must be 1 to 64 of the characters"):
            call()
    assert requests == []


@pytest.mark.parametrize("number", BAD_NUMBERS)
def test_what_is_no_number_is_refused_before_anything_is_sent(number: Any) -> None:
    a_board, requests = board()
    calls: list[Callable[[Any], object]] = [a_board.season, a_board.player("p").around]
    if number is not None:  # without a season it is the running one
        calls += [
            lambda season: a_board.players(season=season),
            lambda season: a_board.player("p").read(season=season),
            lambda season: a_board.player("p").around(season=season),
        ]
    for call in calls:
        with pytest.raises(ValueError, match="must be an integer from 1 to"):
            call(number)
    assert requests == []


@pytest.mark.parametrize("key", ["", " ", "a ", "a\nb", "a,b", "é", "a" * 256, 1])
def test_what_is_no_idempotency_key_is_refused_before_anything_is_sent(key: Any) -> None:
    a_board, requests = board()
    with pytest.raises(ValueError, match="must be 1 to 255 visible ASCII characters"):
        a_board.player("p").add(1, key)
    assert requests == []


@pytest.mark.parametrize("number", [0, -1, 2**53, True, 1.0, "1", None])
def test_what_is_no_rank_is_refused_before_anything_is_sent(number: Any) -> None:
    a_board, requests = board()
    with pytest.raises(ValueError, match="from_rank .* must be an integer from 1 to"):
        a_board.players(from_rank=number)
    assert requests == []


FROM_RANK = (lambda board: board.players(from_rank=9), "limit=100&from_rank=9", "limit=100")
SEARCH = (lambda board: board.search("é&"), *["search=%C3%A9%26&limit=100"] * 2)


@pytest.mark.parametrize(("read", "first", "second"), [FROM_RANK, SEARCH])
def test_only_the_first_page_begins_with_a_rank_and_each_has_the_text_of_a_search(
    read: Callable[[Board], Any], first: str, second: str
) -> None:
    pages = [{"players": [1, 2], "next": "a"}, {"players": [3], "next": None}]
    a_board, requests = board(*(httpx.Response(200, json=page) for page in pages))
    assert [*read(a_board)] == [1, 2, 3]
    assert [request.url.query.decode() for request in requests] == [first, f"{second}&cursor=a"]


@given(st.text(max_size=70) | st.from_regex(ID_PATTERN, fullmatch=True))
def test_a_players_path_is_below_the_board_or_there_is_none(id: str) -> None:
    a_board, requests = board(httpx.Response(204))
    try:
        a_board.player(id).delete()
    except ValueError:
        assert requests == [] and not re.fullmatch(ID_PATTERN, id)
    else:
        assert str(requests[0].url) == f"http://localhost/boards/b/players/{id}/"


def test_the_client_accepts_what_the_service_does() -> None:
    assert (arguments.ID_PATTERN, arguments.MAX_SEASON) == (ID_PATTERN, MAX_SEASON)
    assert arguments.MAX_SCORE == MAX_SCORE
    assert arguments.MAX_PAGE_ROWS == MAX_PAGE_ROWS


def test_a_score_is_a_number_that_can_be_copied_and_pickled() -> None:
    answer = {"score": 5, "previous": 2, "changed": True, "repeated": False, "rank": 1}
    score = Score({**answer, "windows": {"day": {"score": 3, "rank": 1}}})
    assert score.windows == {"day": {"score": 3, "rank": 1}} and Score(answer).windows is None
    for same in (copy.copy(score), copy.deepcopy([score])[0], pickle.loads(pickle.dumps(score))):
        assert isinstance(same, Score) and same == 5
        assert vars(same) == vars(score)


class TestTokens:
    """A token that comes from a function."""

    def board(
        self, token: str | Callable[[], str | None] | None, *answers: httpx.Response
    ) -> tuple[Board, list[str]]:
        """Return a board, and the list of the tokens that it sends."""
        tokens: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            tokens.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
            return answers[len(tokens) - 1]

        http = httpx.Client(transport=httpx.MockTransport(answer))
        return Leaderboard("http://localhost", token, http=http).board("b"), tokens

    def refusal(self, kind: str = "invalid-token") -> httpx.Response:
        body = {"type": f"/docs/problems/#{kind}", "detail": "The token is not valid."}
        return httpx.Response(401, headers=PROBLEM, json=body)

    def test_the_function_is_called_again_when_its_last_token_is_refused(self) -> None:
        scored = [httpx.Response(200, json={"score": score}) for score in (1, 2, 3)]
        numbers = map(str, itertools.count(1))
        answers = [scored[0], scored[1], self.refusal(), scored[2]]
        a_board, tokens = self.board(lambda: next(numbers), *answers)
        assert [a_board.player("p").add() for _ in range(3)] == [1, 2, 3]
        assert tokens == ["1", "1", "1", "2"]

    def test_a_watch_goes_on_with_a_fresh_token(self) -> None:
        expiring = f"{EVENT}event: token expired\ndata: {{}}\n\n"
        streams = [
            httpx.Response(200, headers={"Content-Type": "text/event-stream"}, text=text)
            for text in (expiring, EVENT.replace("id: 1", "id: 2"))
        ]
        numbers = map(str, itertools.count(1))
        answers = [streams[0], self.refusal(), streams[1]]
        a_board, tokens = self.board(lambda: next(numbers), *answers)
        watch = a_board.watch()
        assert [next(watch), next(watch)] == [{}, {}]
        assert tokens == ["1", "1", "2"]

    @pytest.mark.parametrize(
        "call", [lambda board: board.snapshot(), lambda board: next(board.watch())]
    )
    @pytest.mark.parametrize(("token", "sent"), [(lambda: "t", 2), ("t", 1), (None, 1)])
    def test_a_fresh_token_that_is_refused_ends_it(
        self, call: Callable[[Board], object], token: Any, sent: int
    ) -> None:
        a_board, tokens = self.board(token, self.refusal(), self.refusal())
        with pytest.raises(LeaderboardError, match="not valid"):
            call(a_board)
        assert len(tokens) == sent

    def test_a_watch_ends_with_no_token_that_was_good_until_another_failure_came(self) -> None:
        numbers = map(str, itertools.count(1))
        failure = httpx.Response(502, text="no")
        answers = [self.refusal(), failure, self.refusal(), stream(""), self.refusal()]
        a_board, tokens = self.board(lambda: next(numbers), *answers, stream(EVENT))
        assert next(a_board.watch()) == {}
        assert tokens == ["1", "2", "2", "3", "3", "4"]

    @pytest.mark.parametrize("nothing", ["", None])
    def test_no_token_is_not_kept(self, nothing: str | None) -> None:
        found = [httpx.Response(200, json={"players": []}) for _ in range(2)]
        results = iter([nothing, nothing, "t"])
        answers = [found[0], self.refusal("token-required"), found[1]]
        a_board, tokens = self.board(lambda: next(results), *answers)
        a_board.snapshot()
        a_board.snapshot()
        assert tokens == ["", "", "t"]

    def test_a_token_that_is_newer_than_the_refused_one_is_kept(self) -> None:
        numbers = map(str, itertools.count(1))
        source = TokenSource(lambda: next(numbers))
        refused = httpx.Request("GET", "http://localhost", headers=source.build_headers())
        for _ in range(2):  # of two threads
            assert source.renew("/docs/problems/#invalid-token", refused)
            assert source.build_headers() == {"Authorization": "Bearer 2"}

    def test_a_request_with_a_refused_token_has_deleted_nothing(self) -> None:
        missing = httpx.Response(404, headers=PROBLEM, json={"detail": "never"})
        a_board, _ = self.board(lambda: "t", self.refusal(), missing)
        with pytest.raises(LeaderboardError, match="never"):
            a_board.delete()

    def test_a_function_that_fails_for_a_while_is_asked_again(self) -> None:
        outcomes: Iterator[str | Exception] = iter([OSError("no network"), KeyError("later"), "t"])

        def create() -> str:
            outcome = next(outcomes)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        a_board, tokens = self.board(create, httpx.Response(200, json={"players": []}))
        assert a_board.snapshot() == {"players": []}
        assert tokens == ["t"]


def test_a_person_is_read_and_erased_by_its_id() -> None:
    leaderboard_board, requests = board(
        httpx.Response(200, json={"id": "a", "players": []}), httpx.Response(204)
    )
    leaderboard = leaderboard_board.leaderboard
    assert leaderboard.read_person("a") == {"id": "a", "players": []}
    leaderboard.erase_person("a")
    sent = [(request.method, request.url.path) for request in requests]
    assert sent == [("GET", "/players/a/"), ("DELETE", "/players/a/")]
    with pytest.raises(ValueError):
        leaderboard.erase_person("a/b")
