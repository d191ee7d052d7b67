"""nginx, HAProxy and Caddy in front of both Pushpins, each as its file in deploy/ has it."""

import asyncio
import random
import ssl
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosedOK

from tests.e2e.front_clients import (
    EVENT_STREAM,
    SECONDS,
    add,
    best,
    client,
    curl,
    raw_stream,
    read_snapshots,
    show_all,
    show_best,
    slow_bodies,
    snapshots,
    websocket,
)
from tests.e2e.viewers import Api, open_files, settle
from tests.support.fronts import FILES, Front, find
from tests.support.programs import Program, free_ports, kept_running, wait_until
from tests.support.stack import Stack

VIEWERS = 1000


@pytest.fixture(scope="module")
def stack(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The service on one store: what is in front of it knows of none."""
    folder = tmp_path_factory.mktemp("stack")
    with Stack(
        new_database("sqlite"),
        folder,
        websockets=True,
        TRUSTED_PROXIES="127.0.0.1",
        WRITE_RATE="50",
        REQUEST_LOG="text",
    ) as stack:
        yield stack


@pytest.fixture
def api(stack: Stack) -> Api:
    """Requests through Pushpin, which may have ended after another test's storm ("Known limits" in
    docs/reliability.md)."""
    stack.repair()
    return Api(stack.port)


@pytest.fixture(scope="module", params=FILES)
def front(
    request: pytest.FixtureRequest, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    """Each front proxy in turn."""
    folder = tmp_path_factory.mktemp(request.param)
    with Front(request.param, folder, stack.port, stack.ws_port) as front:
        yield front


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_a_stream_shows_the_snapshot_and_each_change_while_it_is_open(
    front: Front, stack: Stack, board: str, http2: bool
) -> None:
    with (
        client(front, http2) as viewer,
        viewer.stream("GET", board, headers=EVENT_STREAM) as stream,
    ):
        assert (stream.status_code, stream.http_version) == (200, f"HTTP/{2 if http2 else 1.1}")
        assert "Content-Encoding" not in stream.headers
        shown = snapshots(stream.iter_lines())
        assert best(next(shown)) == 0
        for score in (1, 2, 3):
            add(stack.port, board)
            while best(next(shown)) != score:
                pass


def test_a_websocket_is_at_the_same_address(front: Front, stack: Stack, board: str) -> None:
    async def watch() -> None:
        async with websocket(front, board) as opened:
            await show_best(opened, 0)
            await asyncio.to_thread(add, stack.port, board)
            await show_best(opened, 1)
            await opened.close(4000)
            assert opened.close_code == 1000

    asyncio.run(watch())


def test_a_long_poll_is_held_until_the_next_change(front: Front, stack: Stack, board: str) -> None:
    settle(stack, board)

    async def poll() -> httpx.Response:
        async with httpx.AsyncClient(verify=front.trust(), http2=True, timeout=SECONDS) as viewer:
            url = f"https://localhost:{front.port}{board}"
            headers = {"If-None-Match": (await viewer.get(url)).headers["ETag"]}
            held = asyncio.create_task(viewer.get(url, headers={**headers, "Prefer": "wait=20"}))
            done, _ = await asyncio.wait([held], timeout=0.5)
            assert not done
            await asyncio.to_thread(add, stack.web_port, board)  # past Pushpin, too
            return await held

    answer = asyncio.run(poll())
    assert answer.status_code == 200
    assert best(answer.json()) == 1


def test_what_pushpin_would_not_answer_is_answered(front: Front, board: str) -> None:
    with client(front) as viewer:
        token = {"Authorization": f"Bearer {'a' * 15_000}"}
        assert viewer.get(board, headers=token).status_code == 200  # a public board
        url = board + "?token="
        assert viewer.get(url + "a" * (4_000 - len(url))).status_code == 200
        answer = viewer.get(url + "a" * (4_001 - len(url)))
        assert answer.status_code == answer.json()["status"] == 414
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "4,000 characters" in answer.json()["detail"]


def test_a_body_that_is_too_large_is_refused_by_the_front(
    front: Front, stack: Stack, board: str
) -> None:
    def post(size: int) -> httpx.Response:
        # Fronts end the connection, on which more would come.
        with client(front, http2=False) as viewer:
            return viewer.post(f"{board}scores/", content=b"x" * size)

    refused = [post(size) for size in (262_145, 2_000_000)]
    for answer in refused:
        assert (answer.status_code, answer.json()["status"]) == (413, 413)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"].endswith("#body-too-large")
    assert post(262_144).status_code == 415  # by the service


def test_fifty_streams_and_a_poll_share_one_connection(
    front: Front, stack: Stack, board: str
) -> None:
    with client(front) as viewer, ExitStack() as streams:
        opened = [
            streams.enter_context(viewer.stream("GET", board, headers=EVENT_STREAM))
            for _ in range(50)
        ]
        shown = [snapshots(stream.iter_lines()) for stream in opened]
        assert {best(next(each)) for each in shown} == {0}
        polled = viewer.get(board)
        assert polled.status_code == 200
        connections = {
            answer.extensions["network_stream"].get_extra_info("client_addr")
            for answer in (*opened, polled)
        }
        assert len(connections) == 1


def test_text_is_compressed_and_preconditions_hold_with_the_etags_of_that(
    front: Front, stack: Stack, board: str
) -> None:
    players = [{"id": f"p{n}", "name": f"A player with a long name, {n}"} for n in range(40)]
    with client(front) as viewer:
        assert viewer.patch(board, json={"size": 50}).status_code == 200
        for player in players:
            assert viewer.post(f"{board}players/", json=player).status_code == 201
        settle(stack, board)
        for path in (board, f"{board}players/", "/docs", "/openapi.yaml"):
            answer = viewer.get(path)
            assert answer.headers["Content-Encoding"] == "gzip", path
            assert "Accept-Encoding" in answer.headers["Vary"], path
        etag = viewer.get(board).headers["ETag"]
        assert viewer.get(board, headers={"If-None-Match": etag}).status_code == 304
        waiting = {"If-None-Match": etag, "Prefer": "wait=5"}
        assert viewer.get(board, headers=waiting).headers["Preference-Applied"] == "wait=5"
        assert viewer.patch(board, headers={"If-Match": '"x"'}, json={}).status_code == 412
        renamed = viewer.patch(board, headers={"If-Match": etag}, json={"name": "Renamed"})
        assert renamed.status_code == 200
        assert viewer.patch(board, headers={"If-Match": etag}, json={}).status_code == 412


def test_a_client_cannot_choose_its_address(front: Front, board: str) -> None:
    def post(address: str, body: Any, **headers: str) -> int:
        transport = httpx.HTTPTransport(verify=front.trust(), local_address=address)
        with client(front, transport=transport) as writer:
            return writer.post(f"{board}scores/", json=body, headers=headers).status_code

    # Nobody had them before: the limits outlive the tests.
    one, other = (
        str(IPv4Address("127.1.0.0") + random.SystemRandom().randrange(2**23)) for _ in "12"
    )
    rows = [{"player": "bob", "amount": 1}] * 1000
    assert post(one, rows) == 200
    assert post(one, rows[:1]) == 429
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
        assert post(one, rows[:1], **{name: "192.0.2.7"}) == 429
    assert post(other, rows[:1]) == 200


@pytest.mark.parametrize("size", [1000, 200_000])
def test_bodies_that_come_slowly_keep_nobody_out(front: Front, board: str, size: int) -> None:
    """More of them than Pushpin lets through at one time."""
    with slow_bodies(front, board, size, count=40), client(front) as viewer:
        for _ in range(3):
            assert viewer.get(board, timeout=8).status_code == 200


def test_each_request_has_an_id_that_the_front_has_chosen(
    front: Front, stack: Stack, board: str
) -> None:
    chosen = "0123456789-by-the-client"
    with client(front) as viewer:
        ids = [
            viewer.get(board, headers={"X-Request-ID": chosen}).headers["X-Request-ID"]
            for _ in range(2)
        ]
    assert len({*ids, chosen}) == 3
    lengths = {"nginx": 32, "haproxy": 36, "caddy": 36}  # the service's own have 32 as well
    assert [len(id) for id in ids] == [lengths[front.name]] * 2
    wait_until(lambda: f"request={ids[-1]}\n" in stack.web.output(), "the request in the log")


def test_plain_http_leads_to_tls_and_older_clients_are_served(front: Front, board: str) -> None:
    with httpx.Client(trust_env=False) as plain:
        answer = plain.get(f"http://localhost:{front.plain_port}{board}?limit=1")
    assert answer.status_code == 308
    assert answer.headers["Location"].startswith("https://localhost")
    assert answer.headers["Location"].endswith(f"{board}?limit=1")
    tls = front.trust()
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with client(front, http2=False, verify=tls) as older:
        answer = older.get(board)
    assert (answer.status_code, answer.http_version) == (200, "HTTP/1.1")


def test_pages_of_the_front_may_write_and_those_of_others_may_not(front: Front, board: str) -> None:
    with client(front) as browser:
        for origin, status in ((str(browser.base_url), 200), ("https://other.example", 403)):
            headers = {"Origin": origin.rstrip("/")}
            path = f"{board}players/bob/score-add/"
            assert browser.post(path, headers=headers).status_code == status


def test_a_thousand_viewers_are_all_shown_the_snapshot_and_a_change(
    front: Front, stack: Stack, board: str
) -> None:
    """Pushpin closes a few of hundreds of streams that are opened at once, and may end in a storm
    and be started again ("Known limits" in docs/reliability.md)."""

    def change() -> None:
        add(stack.web_port, board)  # past Pushpin, too

    with open_files(4000), kept_running(stack.pushpin):
        asyncio.run(show_all(front, board, VIEWERS, change))


def test_a_reload_ends_no_stream(front: Front, stack: Stack, board: str) -> None:
    with ExitStack() as streams:
        shown = [
            streams.enter_context(curl(front, board, protocol))
            for protocol in ("--http1.1", "--http2")
        ]
        assert [best(next(each)) for each in shown] == [0, 0]
        mark_and_reload(front)
        shown.append(streams.enter_context(curl(front, board, "--http2")))
        assert best(next(shown[-1])) == 0
        add(stack.port, board)
        for each in shown:
            while best(next(each)) != 1:
                pass


def test_a_reload_ends_websockets_of_caddy_only(front: Front, stack: Stack, board: str) -> None:
    async def watch() -> None:
        async with websocket(front, board) as opened:
            await show_best(opened, 0)
            await asyncio.to_thread(mark_and_reload, front)
            if front.name == "caddy":  # 2.7 has a setting against it
                with pytest.raises(ConnectionClosedOK, match="going away"):
                    await show_best(opened, 1)
                return
            await asyncio.to_thread(add, stack.port, board)
            await show_best(opened, 1)

    asyncio.run(watch())


def mark_and_reload(front: Front) -> None:
    """Change the front's file, reload it, and return once new connections see the change."""
    mark = f"mark-{random.SystemRandom().randrange(2**32)}"
    front.replace(
        {
            "nginx": {
                "        location / {": f"        add_header {mark} x;\n        location / {{"
            },
            "haproxy": {
                "    compression algo": f"    http-response set-header {mark} x\n"
                "    compression algo"
            },
            "caddy": {"\tencode {": f"\theader {mark} x\n\tencode {{"},
        }[front.name]
    )
    front.reload()

    def is_marked() -> bool:
        with client(front, http2=False) as new:
            return mark in new.get("/healthz").headers

    wait_until(is_marked, "the new file", SECONDS)


def test_who_reads_slowly_keeps_nobody_waiting(front: Front, stack: Stack, board: str) -> None:
    """Whoever asks for much and reads none of it, and viewers who stop reading."""
    big = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"

    tls = front.trust()

    async def watch() -> None:
        async with AsyncExitStack() as streams, asyncio.timeout(SECONDS):
            for path in [big] * 40 + [board] * 40:
                opened = raw_stream(front.port, tls, path, receive_bytes=4096)
                reader, writer = await streams.enter_async_context(opened)
                assert b" 200 " in await reader.readline()
                writer.transport.pause_reading()  # type: ignore[attr-defined]
            opened = raw_stream(front.port, tls, board)
            reader, _ = await streams.enter_async_context(opened)
            shown = read_snapshots(reader)
            assert best(await anext(shown)) == 0
            for score in range(1, 6):
                await asyncio.to_thread(add, stack.web_port, board)  # past Pushpin, too
                while best(await anext(shown)) != score:
                    pass

    asyncio.run(watch())


def test_an_nginx_of_nothing_but_proxy_pass_passes_events_on(
    stack: Stack, board: str, tmp_path: Path
) -> None:
    """With gzip, as Debian ships it. The stream's own headers are enough."""
    [port] = free_ports(1)
    file = tmp_path / "nginx.conf"
    file.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;\nevents {{}}\n"
        f"http {{ access_log off; gzip on; server {{ listen 127.0.0.1:{port};\n"
        f"location / {{ proxy_pass http://127.0.0.1:{stack.port}; }} }} }}\n"
    )
    nginx = Program([find("nginx"), "-e", "stderr", "-c", str(file)], tmp_path / "log")
    try:
        nginx.wait_for_port(port)
        with httpx.stream(
            "GET", f"http://127.0.0.1:{port}{board}", headers=EVENT_STREAM, timeout=SECONDS
        ) as stream:
            shown = snapshots(stream.iter_lines())
            assert best(next(shown)) == 0
            add(stack.port, board)
            while best(next(shown)) != 1:
                pass
    finally:
        nginx.stop()
