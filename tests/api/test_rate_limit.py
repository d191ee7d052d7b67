"""The rate limit of writes for each token or address, with a clock that the test sets."""

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest
from django.test import override_settings

from leaderboard_client import Leaderboard, LeaderboardError, retry
from leaderboard_project.wsgi import application
from leaderboardapp.stores.base import Store
from leaderboardapp.web.rate_limit import SECOND, get_limiter
from tests.api.conftest import Response, Send, assert_problem
from tests.api.test_auth import READS, WRITES, bearer

# A write is counted and refused without a store, but for the board's setting for players.
pytestmark = pytest.mark.stores("sqlite")
BURST = 3

Add = Callable[..., Response]  # add(header="value"): one increment


class Clock:
    now = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


@pytest.fixture
def clock(board: str, alice: str, tmp_path: Path) -> Iterator[Clock]:
    """From now on three writes may be made at once, and one in three seconds."""
    with override_settings(WRITE_RATE=0.3, LIMITS_FILE=tmp_path / "limits"):
        get_limiter.cache_clear()
        limiter = get_limiter()
        assert limiter
        limiter.clock = clock = Clock()
        yield clock
        limiter.close()
    get_limiter.cache_clear()


@pytest.fixture
def tokens(clock: Clock) -> Iterator[None]:
    """Nobody writes without a token."""
    with override_settings(ALLOW_ANONYMOUS_WRITES=False):
        yield


@pytest.fixture
def add(send: Send, alice: str) -> Add:
    return lambda **headers: send("POST", f"{alice}score-add/", **headers)


def use_up(add: Add, **headers: str) -> None:
    """All the writes that this caller has."""
    statuses = [add(**headers).status_code for _ in range(BURST + 1)]
    assert statuses == [200] * BURST + [429]


def assert_limited(response: Response, seconds: int) -> None:
    assert_problem(response, 429, "0.3 writes per second", "3 at once", f"again in {seconds} s")
    assert response["Retry-After"] == str(seconds)


def test_a_caller_over_the_limit_waits_as_long_as_the_answer_says(clock: Clock, add: Add) -> None:
    use_up(add)
    assert_limited(add(), 4)
    clock.sleep(3)
    assert_limited(add(), 1)
    clock.sleep(1)
    assert add().status_code == 200
    assert_limited(add(), 3)


@pytest.mark.parametrize(("method", "path", "body"), [*WRITES, ("POST", "/boards/", {"name": "B"})])
@pytest.mark.usefixtures("clock")
def test_every_write_is_limited_and_changes_nothing_then(
    send: Send, add: Add, board: str, method: str, path: str, body: Any
) -> None:
    use_up(add)
    reads = [board, f"{board}players/", "/boards/?limit=100"]
    before = [send("GET", read).json() for read in reads]
    assert_limited(send(method, path.format(board=board), body), 4)
    assert [send("GET", read).json() for read in reads] == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/boards/", {"name": "B"}),
        ("PATCH", "{board}", {"name": "B"}),
        ("PUT", "{board}players/alice/score/", {"score": 1}),
        ("POST", "{board}scores/", [{"player": "alice"}]),
    ],
)
@pytest.mark.usefixtures("clock")
def test_a_write_counts_once(send: Send, board: str, method: str, path: str, body: Any) -> None:
    answers = [send(method, path.format(board=board), body) for _ in range(BURST + 1)]
    assert [answer.status_code < 300 for answer in answers] == [True] * BURST + [False]
    assert_limited(answers[-1], 4)


@pytest.mark.parametrize("path", [*READS, "/boards/", "/healthz", "/readyz"])
@pytest.mark.usefixtures("clock")
def test_reads_are_never_limited(send: Send, add: Add, board: str, path: str) -> None:
    use_up(add)
    for method in ("GET", "HEAD") * 5:
        assert send(method, path.format(board=board)).status_code == 200


def test_making_a_ticket_counts_as_a_write_of_its_token(
    tokens: None, send: Send, board: str
) -> None:
    def make_ticket(**claims: Any) -> Response:
        return send("POST", f"{board}ticket/", **bearer(scope="read", **claims))

    assert [make_ticket().status_code for _ in range(BURST)] == [200] * BURST
    assert_limited(make_ticket(), 4)
    assert make_ticket(jti="another").status_code == 200
    for _ in range(BURST):
        assert make_ticket(boards=[]).status_code == 403, "it takes nothing from anybody"


def test_many_increments_pass_if_one_would_and_all_of_them_count(
    send: Send, clock: Clock, add: Add, board: str, alice: str
) -> None:
    rows = [{"player": "alice"}] * 100
    assert add().status_code == 200 and add().status_code == 200
    assert send("POST", f"{board}scores/", rows).status_code == 200
    # 102 writes, of which three were free at once.
    assert_limited(send("POST", f"{board}scores/", rows), 334)
    assert_limited(add(), 334)
    assert send("GET", alice).json()["score"] == 102
    clock.sleep(334)
    assert add().status_code == 200


@pytest.mark.usefixtures("tokens")
def test_each_token_has_a_limit_of_its_own(add: Add, board_id: str) -> None:
    one = bearer(scope="write")
    use_up(add, **one)
    use_up(add, **bearer(scope="write", boards=[board_id]))
    assert_limited(add(**one), 4)
    assert_limited(add(**one, x_forwarded_for="192.0.2.7"), 4)


@pytest.mark.usefixtures("tokens")
def test_all_tokens_of_a_player_have_one_limit(
    add: Add, send: Send, store: Store, board: str, board_id: str
) -> None:
    store.update_board(board_id, {"player_writes": "add"})
    store.create_player(board_id, {"id": "bob", "name": "Bob"})
    use_up(add, **bearer(scope="play", player="alice"))
    for claims in ({"boards": [board_id]}, {"iat": 1}, {"scope": "read play"}):
        assert add(**bearer(**{"scope": "play", "player": "alice", **claims})).status_code == 429
    # Others are not held up: neither another player, nor a token that only mentions the player.
    other = bearer(scope="play", player="bob")
    assert send("POST", f"{board}players/bob/score-add/", **other).status_code == 200
    use_up(add, **bearer(scope="write", player="alice"))


@pytest.mark.usefixtures("tokens")
def test_a_token_spelled_in_another_way_is_the_same_token(add: Add) -> None:
    header = bearer(scope="write")["authorization"]
    use_up(add, authorization=header)
    for other in (f"{header}=", header.replace("Bearer ", "bearer  ")):
        assert add(authorization=other).status_code == 429


@pytest.mark.usefixtures("tokens")
def test_requests_that_may_not_write_take_nothing_from_anybody(add: Add) -> None:
    good = bearer(scope="write")
    forged = good["authorization"].rpartition(".")[0] + "." + "A" * 43
    for _ in range(2 * BURST):
        assert add(authorization=forged).status_code == 401
        assert add().status_code == 401
        assert add(**bearer(scope="read")).status_code == 403
    use_up(add, **good)


@pytest.mark.usefixtures("clock")
def test_without_tokens_each_address_that_the_proxy_saw_has_a_limit_of_its_own(
    add: Add, grip_sig: str
) -> None:
    for address in ("192.0.2.7", "192.0.2.8", "2001:db8:0:1::7", "2001:db8:0:2::7", "unknown"):
        use_up(add, grip_sig=grip_sig, x_forwarded_for=address)
    for same in ("192.0.2.99, 192.0.2.7", "::ffff:192.0.2.8", "2001:db8:0:1:ffff::9"):
        assert add(grip_sig=grip_sig, x_forwarded_for=same).status_code == 429
    # Directly, there is the address of the connection only.
    assert add(x_forwarded_for="192.0.2.7").status_code == 200
    assert add(grip_sig=grip_sig).status_code == 200


@pytest.mark.usefixtures("clock")
def test_trusted_proxies_say_who_the_client_is(add: Add, grip_sig: str) -> None:
    trusted = [*map(ip_network, ("10.0.0.0/8", "127.0.0.1", "2001:db8:ffff::/48"))]
    with override_settings(TRUSTED_PROXIES=trusted):
        use_up(add, grip_sig=grip_sig, x_forwarded_for="192.0.2.7, 127.0.0.1")
        for same in (
            "192.0.2.7",
            "192.0.2.99, 192.0.2.7, 127.0.0.1",  # what the client sent, before it
            "192.0.2.7, 10.1.2.3, 2001:db8:ffff::1, ::ffff:127.0.0.1",  # several proxies
        ):
            assert add(grip_sig=grip_sig, x_forwarded_for=same).status_code == 429
        for other in (
            "192.0.2.7, 192.0.2.8",  # past the proxies, who is not one of them
            "192.0.2.7, 127.0.0.2",
            "127.0.0.1, 10.0.0.1",  # a proxy itself is the client: the first one
            "192.0.2.7, unknown, 127.0.0.1",
        ):
            assert add(grip_sig=grip_sig, x_forwarded_for=other).status_code == 200
        # Past Pushpin, the connection is from a proxy, too.
        assert add(x_forwarded_for="192.0.2.7").status_code == 429


@pytest.mark.usefixtures("clock")
def test_an_address_that_no_proxy_signed_does_not_count(add: Add) -> None:
    for number in range(BURST):
        assert add(x_forwarded_for=f"192.0.2.{number}").status_code == 200
    forged = jwt.encode({"exp": 2**40}, "k" * 40, algorithm="HS256")
    assert add(x_forwarded_for="192.0.2.200").status_code == 429
    assert add(x_forwarded_for="192.0.2.201", grip_sig=forged).status_code == 429


@pytest.mark.usefixtures("clock")
def test_where_anybody_may_write_a_made_up_token_is_no_new_caller(add: Add) -> None:
    for number in range(BURST):
        assert add(authorization=f"Bearer made.up{number}.x").status_code == 200
    assert add(authorization="Bearer an.other.x").status_code == 429


def test_by_default_there_is_no_limit(add: Add) -> None:
    assert [add().status_code for _ in range(50)] == [200] * 50


def test_the_python_client_retries_when_the_answer_says(
    clock: Clock, alice: str, board_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = SimpleNamespace(monotonic=lambda: clock.now / SECOND, sleep=clock.sleep)
    earliest = SimpleNamespace(uniform=lambda least, most: least)
    monkeypatch.setattr(retry, "time", time)
    monkeypatch.setattr(retry, "random", earliest)
    statuses: list[int] = []
    http = httpx.Client(
        transport=httpx.WSGITransport(application),
        event_hooks={"response": [lambda response: statuses.append(response.status_code)]},
    )
    with Leaderboard("http://localhost", http=http) as leaderboard:
        player = leaderboard.board(board_id).player("alice")
        assert [player.add() for _ in range(BURST + 2)] == [1, 2, 3, 4, 5]
        assert statuses == [200] * BURST + [429, 200] * 2
        leaderboard.patience = 1
        with pytest.raises(LeaderboardError, match="writes per second") as raised:
            player.add()
    assert raised.value.status == 429
