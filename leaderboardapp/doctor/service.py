"""The service as viewers have it: asks for streams, changes scores, and measures."""

from collections.abc import Iterator, Mapping

import requests

from leaderboardapp.doctor.changes import examine_changes
from leaderboardapp.doctor.findings import Finding, error
from leaderboardapp.doctor.listener import read_division
from leaderboardapp.doctor.probe import name_boards, probe_boards
from leaderboardapp.doctor.viewers import ANSWER_SECONDS, PART, StreamRefused, Viewer, bearer
from leaderboardapp.domain.masking import mask_secrets
from leaderboardapp.domain.parts import Parts

BUFFERED = (
    "nothing of a stream arrives: something on the way collects it, or waits for its end",
    "Turn buffering off for text/event-stream, as the files in deploy/ do (proxy_buffering off).",
)
UNSTORED = (
    "a stream with a ticket ends at once: the store did not take the ticket as used",
    "The web processes' log says `store unavailable`, and why. Their user of the database may lack "
    "the right to write one table.",
)


def examine_service(url: str) -> Iterator[Finding]:
    """Yield findings of the service at this address. Makes boards of its own, which are deleted.

    Raises StoreUnavailable."""
    try:
        answer = requests.get(f"{url}/readyz", timeout=ANSWER_SECONDS)
    except requests.RequestException as failure:
        yield error(
            PART,
            f"{url} does not answer: {_shorten(failure)}",
            "Start the web processes and Pushpin, or name where viewers find them with --url.",
        )
        return
    if answer.status_code != 200:
        text = f"{url}/readyz is answered {answer.status_code}: {answer.text[:200]!r}"
        yield error(PART, text, "Look at the web processes' log, and Pushpin's.")
        return
    yield Finding(PART, f"{url} is ready")
    url = answer.url.removesuffix("/readyz")  # of a redirect: a POST would become a GET by it
    boards = choose_boards()
    with probe_boards([*boards]) as token:
        try:
            yield from examine_changes(url, boards, token)
            if token:
                yield from _examine_ticket(url, next(iter(boards)), token)
        except StreamRefused as refusal:
            yield error(PART, *refusal.args)
        except requests.RequestException as failure:
            if isinstance(failure, requests.Timeout) or "timed out" in str(failure):
                yield error(PART, *BUFFERED)
            else:
                text = f"a stream ended: {_shorten(failure)}"
                yield error(PART, text, "Look at the logs of Pushpin and of what is before it.")


def choose_boards() -> Mapping[str, str]:
    """Return the id of a board of each listener, with the listener's. Raises StoreUnavailable."""
    division = read_division()
    boards = {}
    # Of a part that nobody has the listener's finding tells.
    for listener in {part.holder for part in division.parts if part.holder} or {""}:
        parts = Parts(len(division.parts), frozenset(division.list_parts(listener)))
        boards[next(filter(parts.have, name_boards()))] = listener
    return boards


def _examine_ticket(url: str, board: str, token: str) -> Iterator[Finding]:
    """Yield a finding of a stream that a ticket opens. Raises StreamRefused, RequestException."""
    answer = requests.post(
        f"{url}/boards/{board}/ticket/", headers=bearer(token), timeout=ANSWER_SECONDS
    )
    if answer.status_code != 200:
        text = f"a ticket is answered {answer.status_code}: {answer.text[:200]!r}"
        yield error(PART, text, "Look at the web processes' log.")
        return
    with Viewer(url, board, ticket=answer.json()["ticket"]) as viewer:
        try:
            viewer.read_until(b"data:")
        except requests.ConnectionError:
            yield error(PART, *UNSTORED)


def _shorten(failure: Exception) -> str:
    return mask_secrets(" ".join(str(failure).split()))[:200]
