"""What is between clients and the service: the fronts, what they pass on, and a storm on them."""

import asyncio
import time
from urllib.parse import urlsplit

import httpx
from httpx_sse import SSEError, aconnect_sse

from leaderboard_client.conformance.checks import check
from leaderboard_client.conformance.event_stream import NO_ACCEPT, EventStream
from leaderboard_client.conformance.expect import (
    CheckFailed,
    LeftOut,
    describe,
    media_type,
    require,
    require_problem,
    require_status,
)
from leaderboard_client.conformance.service import REQUEST_SECONDS, Board, Service

CORS = (
    "CORS_ALLOWED_ORIGINS has to name the origin, and a front has to pass on Origin, OPTIONS and "
    "the Access-Control headers (docs/api.md, Pages of other sites)."
)
ALLOWS_ALL = (
    "A front adds Access-Control-Allow-Origin, which the service alone may: CORS_ALLOWED_ORIGINS "
    "says whose pages it is for."
)
NO_HOST = "A front does not pass on the header Host as it is (docs/deployment.md, One address)."
LIMITS = "A front has lower limits than the service (docs/api.md, Large requests)."
STORMS = (
    "Limits of connections and open files, of the front and of Pushpin: client_maxconn, "
    "max_open_requests, LimitNOFILE (docs/performance.md, What a load needs)."
)
REQUEST_HEADERS = (
    "authorization content-type idempotency-key if-match if-none-match last-event-id prefer"
)
EXPOSED_HEADERS = {"etag", "location", "preference-applied", "retry-after"}
LARGE_BODY = 200 * 1024  # which the service takes; its limit is 256 KiB
LONG_URL = 3900  # its limit is 4,000 characters
LONG_HEADER = 15_000  # its limit is 16 kB
STORM_SECONDS = 60.0
RETURN_SECONDS = 2.0


@check("fronts", "Accept chooses JSON or the page", NO_ACCEPT, needs="a board")
def negotiation(service: Service) -> None:
    board = service.get_board()
    types = {"*/*": "application/json", "application/json": "application/json"}
    for accept, expected in {**types, "text/html": "text/html"}.items():
        answer = board.read({"Accept": accept})
        require_status(answer, 200, f"a board as {accept}")
        require(media_type(answer) == expected, f"{expected} for {accept}", media_type(answer))
        vary = answer.headers.get("Vary", "")
        require("accept" in vary.lower(), "Vary with Accept", vary or "no Vary")


@check("fronts", "Pages of the service's own address may write", NO_HOST)
def own_pages(service: Service) -> None:
    board = service.create_board([("alice", 0)])
    url = urlsplit(service.url)
    answer = board.add("alice", headers={"Origin": f"{url.scheme}://{url.netloc}"})
    require_status(answer, 200, f"a write of a page at {url.scheme}://{url.netloc}")


@check("fronts", "Pages of other sites may not write", CORS)
def other_sites(service: Service) -> None:
    board, origin = service.create_board([("alice", 0)]), {"Origin": "https://conformance.invalid"}
    allowed = board.read(origin).headers.get("Access-Control-Allow-Origin")
    answer = board.add("alice", headers=origin)
    if allowed == "*" and answer.status_code == 200:
        raise LeftOut("CORS_ALLOWED_ORIGINS=* lets pages of all sites write")
    require_problem(answer, 403, "cross-site", "a write of a page at https://conformance.invalid")
    expected = "no Access-Control-Allow-Origin for pages at https://conformance.invalid"
    require(allowed is None, expected, allowed, ALLOWS_ALL)


@check("fronts", "Pages of the allowed origin may read and write", CORS, needs="a board")
def cross_origin(service: Service) -> None:
    origin = service.origin
    if origin is None:
        raise LeftOut("no --origin was given, one of CORS_ALLOWED_ORIGINS")
    board = service.get_board()
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = ", ".join(REQUEST_HEADERS.split())
    path = f"{board.path}players/alice/score-add/"
    preflight = service.request("OPTIONS", path, headers=asked, is_authorized=False)
    require_status(preflight, 200, "a preflight")
    require_allowed(preflight, origin)
    allowed = names_in(preflight, "Access-Control-Allow-Headers")
    missing = {*REQUEST_HEADERS.split()} - allowed
    require(not missing, f"all of {REQUEST_HEADERS} allowed", f"without {sorted(missing)}")
    methods = names_in(preflight, "Access-Control-Allow-Methods")
    require({"post", "put", "patch", "delete"} <= methods, "all methods allowed", methods)
    polled = board.read({"Origin": origin})
    require_allowed(polled, origin)
    exposed = names_in(polled, "Access-Control-Expose-Headers")
    require(exposed >= EXPOSED_HEADERS, f"{sorted(EXPOSED_HEADERS)} exposed", sorted(exposed))
    with EventStream(service, board.path, {"Origin": origin}) as stream:
        require_allowed(stream.wait_for_answer(), origin)


def require_allowed(answer: httpx.Response, origin: str) -> None:
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    require(allowed in (origin, "*"), f"Access-Control-Allow-Origin: {origin}", allowed)


def names_in(answer: httpx.Response, header: str) -> set[str]:
    """Return the names that a header lists, in lower case."""
    return {name.strip().lower() for name in answer.headers.get(header, "").split(",")}


@check("fronts", "Large bodies, long addresses and tokens get through", LIMITS)
def large_requests(service: Service) -> None:
    board = service.create_board()
    path = f"{board.path}scores/"
    body = [{"player": "nobody", "unknown": "x" * LARGE_BODY}]
    answer = service.request("POST", path, body)
    # Refused by the service, row by row or as a whole, and not by its size.
    require(answer.status_code in (200, 422), f"{LARGE_BODY} bytes taken", describe(answer))
    url = f"{board.path}?token="
    answer = service.request("GET", url + "x" * (LONG_URL - len(url)))
    require_status(answer, 200, f"a path and query of {LONG_URL} characters")
    answer = board.read({"Authorization": f"Bearer {'x' * LONG_HEADER}"})
    require_status(answer, 200, f"a header of {LONG_HEADER} characters")


@check("storm", "All viewers of a storm are shown the snapshot and a change", STORMS, pace="last")
def storm(service: Service) -> str:
    if not service.storm:
        raise LeftOut("no --storm was asked for")
    raise_open_files(service.storm)
    board = service.create_board([("alice", 0)])
    return asyncio.run(Storm(service, board).run())


def raise_open_files(viewers: int) -> None:
    """Have this process be allowed a connection for each viewer. Raises LeftOut if it is not."""
    try:
        import resource
    except ImportError:  # on Windows, where there is no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = viewers + 200
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise LeftOut(f"this system allows a program {hard} open files, and it takes {needed}")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class Storm:
    """Viewers who all come at once, and stay until all have been shown a change.

    One whose stream is ended comes back, as an EventSource does."""

    def __init__(self, service: Service, board: Board) -> None:
        self.service, self.board = service, board
        self.seen = [-1] * service.storm  # the score that each was shown last, 0 or 1
        self.returns, self.news = 0, asyncio.Event()

    async def run(self) -> str:
        """Make the storm; return how it went. Raises CheckFailed."""
        viewers = [asyncio.create_task(self._view(place)) for place in range(len(self.seen))]
        try:
            opened = await self._wait_for(0, "the first snapshot")
            await asyncio.to_thread(self.board.add, "alice")
            shown = await self._wait_for(1, "the change")
        finally:
            for viewer in viewers:
                viewer.cancel()
            await asyncio.gather(*viewers, return_exceptions=True)
        returns = f", {self.returns} streams opened again" if self.returns else ""
        return (
            f"{len(viewers)} viewers: opened in {opened:.1f} s, changed in {shown:.1f} s{returns}"
        )

    async def _wait_for(self, score: int, what: str) -> float:
        """Return after how many seconds all have been shown the score."""
        began = time.monotonic()
        while min(self.seen) < score:
            self.news.clear()
            left = began + STORM_SECONDS - time.monotonic()
            try:
                await asyncio.wait_for(self.news.wait(), left)
            except TimeoutError:
                lacking = sum(seen < score for seen in self.seen)
                came = f"{lacking} of {len(self.seen)} without it after {STORM_SECONDS:.0f} s"
                raise CheckFailed(f"{what} for all viewers", came) from None
        return time.monotonic() - began

    async def _view(self, place: int) -> None:
        while True:
            try:
                await self._watch(place)
            except (httpx.HTTPError, SSEError, OSError):
                pass
            self.returns += 1
            await asyncio.sleep(RETURN_SECONDS)

    async def _watch(self, place: int) -> None:
        url, headers = self.service.url + self.board.path, self.service.authorization
        timeout = httpx.Timeout(REQUEST_SECONDS, read=STORM_SECONDS)
        async with (
            httpx.AsyncClient(verify=self.service.tls, timeout=timeout) as http,
            aconnect_sse(http, "GET", url, headers=headers) as source,
        ):
            async for event in source.aiter_sse():
                if event.event == "update":
                    self.seen[place] = event.json()["players"][0]["score"]
                    self.news.set()
