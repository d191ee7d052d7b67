"""What other sites show of a link to a board: tags of its page, and a picture of its first players.

A picture costs more than any other read, and whoever knows a public board may ask for one. So each
web process draws one at a time, and none of the same board again for some seconds, but the one
that the page's tags name.
"""

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from leaderboardapp import snapshots
from leaderboardapp.concurrency.coalescing import Coalescer
from leaderboardapp.domain.board_ids import split_id
from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.score_formats import format_score
from leaderboardapp.domain.types import BOARD_DEFAULTS, Row
from leaderboardapp.pages.picture import HEIGHT, SHOWN, WIDTH, can_draw, draw_picture
from leaderboardapp.snapshots import PRIVATE, Snapshot
from leaderboardapp.web import auth, preconditions
from leaderboardapp.web.methods import takes_query
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.windows import PARAMETER, reads_windows

DRAWING = 1  # raised when pictures of the same players change
FRESH_SECONDS = 10  # for so long a board's picture is not drawn again
MAX_AGE = 60  # seconds that caches may keep a picture
MAX_KEPT = 100  # pictures in memory, of 30 to 100 kB each
MAX_WAITING = 4  # boards whose picture is being drawn or waits for it
# The parameter that gives the picture of another moment another address. Who shows links keeps what
# is found there for weeks, so it is not older than the page that names it.
MOMENT = "of"
FSI, PDI = "\u2068", "\u2069"  # around a name, which has a direction of its own
# What calls itself so reads pages, to show links or to find them, and yet asks for anything.
LINK_READERS = re.compile(
    "facebookexternalhit|Facebot|Twitterbot|Slackbot|Discordbot/|TelegramBot|^WhatsApp/|LinkedInBot"
    "|SkypeUriPreview|redditbot|Pinterestbot|Mastodon/|Cardyb|Iframely|Embedly|vkShare"
    "|Googlebot|bingbot|Applebot|DuckDuckBot|YandexBot"
)


# A board's id, and whether it was private: what was drawn then is not for those who come later.
Key = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Picture:
    """A board's picture, as PNG, of the snapshot with this fingerprint."""

    png: bytes
    fingerprint: str
    drawn_at: float  # by time.monotonic()


class Pictures:
    """The newest picture of each board that was asked for of late."""

    def __init__(self) -> None:
        self.kept: OrderedDict[Key, Picture] = OrderedDict()
        # One thread draws for all: glibc keeps memory for each that does, here some 50 MB.
        self.drawer = ThreadPoolExecutor(1, "pictures")
        self.waiting = threading.Semaphore(MAX_WAITING)
        self.draw = Coalescer(self._draw_for_all, lambda: None, "pictures")

    def get(self, board_id: str, snapshot: Snapshot, is_exact: bool) -> Picture:
        """Return the board's picture: of this snapshot, or if that need not be, one drawn at most
        FRESH_SECONDS ago.

        Raises Problem 503 if too many others are being drawn."""
        key = board_id, snapshot.private
        return self._find(key, snapshot, is_exact) or self.draw(key, (snapshot, is_exact))

    def _find(self, key: Key, snapshot: Snapshot, is_exact: bool) -> Picture | None:
        picture = self.kept.get(key)
        if picture is None or picture.fingerprint == snapshot.fingerprint:
            return picture
        is_fresh = time.monotonic() - picture.drawn_at < FRESH_SECONDS
        return picture if is_fresh and not is_exact else None

    def _draw_for_all(self, key: Key, wanted: list[tuple[Snapshot, bool]]) -> list[Picture]:
        snapshot, is_exact = wanted[-1][0], any(is_exact for _, is_exact in wanted)
        picture = self._find(key, snapshot, is_exact) or self._draw(key, snapshot)
        return [picture] * len(wanted)

    def _draw(self, key: Key, snapshot: Snapshot) -> Picture:
        if not self.waiting.acquire(blocking=False):
            detail = "Too many pictures are being drawn at the moment. Try again."
            raise Problem(ProblemKind.BUSY, detail, {"Retry-After": "2"})
        try:
            return self.drawer.submit(self._keep, key, snapshot).result()
        finally:
            self.waiting.release()

    def _keep(self, key: Key, snapshot: Snapshot) -> Picture:
        board = json.loads(snapshot.body)
        format = board.get("format", BOARD_DEFAULTS["format"])
        png = draw_picture(board["name"] or board["id"], format, board["players"])
        self.kept.pop(key, None)
        while len(self.kept) >= MAX_KEPT:
            self.kept.popitem(last=False)
        self.kept[key] = Picture(png, snapshot.fingerprint, time.monotonic())
        return self.kept[key]


_pictures = Pictures()


@takes_query(MOMENT)
@reads_windows
def read_picture(request: HttpRequest, board_id: str) -> HttpResponse:
    """Answer a picture of the first players of the board, or of its window."""
    snapshot = snapshots.read_snapshot(board_id)
    if snapshot is None:
        raise BoardNotFound(board_id)
    auth.require_read(request, board_id, private=snapshot.private)
    if not can_draw():
        raise Problem(ProblemKind.NO_PICTURES, "This service has no libvips, which draws pictures.")
    unchanged = preconditions.apply(request, _respond(snapshot.fingerprint, snapshot.private))
    if unchanged.status_code == 304:
        return unchanged
    is_exact = request.GET.get(MOMENT) == snapshot.fingerprint
    picture = _pictures.get(board_id, snapshot, is_exact)
    response = _respond(picture.fingerprint, snapshot.private)
    response.content = picture.png
    return response


def _respond(fingerprint: str, private: bool) -> HttpResponse:
    cache_control = PRIVATE if private else f"public, max-age={MAX_AGE}"
    headers = {
        "ETag": f'"{fingerprint}-{DRAWING}"',
        "Cache-Control": cache_control,
        "Cross-Origin-Resource-Policy": "cross-origin",  # other sites show it
    }
    return HttpResponse(content_type="image/png", headers=headers)


def reads_links(request: HttpRequest) -> bool:
    """Return whether the client is one of LINK_READERS, and does not say what it accepts."""
    accept = request.headers.get("Accept", "")
    is_named = "text/" in accept or "json" in accept
    return not is_named and bool(LINK_READERS.search(request.headers.get("User-Agent", "")))


def describe_link(
    request: HttpRequest, title: str, board: Row, fingerprint: str, players: Sequence[Row]
) -> dict[str, str | int] | None:
    """Return what the tags of a page say of the board, or of a window of it.

    None if the board is private. `players` are those of the snapshot with this fingerprint. It is
    all in English, as who shows links keeps it for everybody."""
    if board["private"]:
        return None
    owner, window = split_id(board["id"])
    path, parameters = f"/boards/{owner}/", {PARAMETER: window} if window else {}
    query = f"?{urlencode(parameters)}" if parameters else ""
    moment = urlencode({**parameters, MOMENT: fingerprint})
    lines = [
        f"{row['rank']}. {FSI}{row['name']}{PDI} {format_score(row['score'], board['format'])}"
        for row in players[:SHOWN]
    ]
    return {
        "title": title,
        "description": " · ".join(lines) or "Nobody is ranked yet.",
        "url": build_url(request, f"{path}{query}"),
        "picture": build_url(request, f"{path}picture.png?{moment}") if can_draw() else "",
        "width": WIDTH,
        "height": HEIGHT,
    }


def build_url(request: HttpRequest, path: str) -> str:
    """Return the URL of the path, by whichever name the client used for this service.

    Django's own way refuses some names, such as those with an underscore."""
    host = request.META.get("HTTP_HOST") or f"{request.META['SERVER_NAME']}:{request.get_port()}"
    return f"{request.scheme}://{host}{path}"
