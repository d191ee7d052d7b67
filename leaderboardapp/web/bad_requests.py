"""The answer to a request that gunicorn could not read."""

import socket
from http import HTTPStatus

from gunicorn.util import write_nonblock

from leaderboardapp.snapshots import REVALIDATED
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem, untyped_problem
from leaderboardapp.web.security_headers import HEADERS


def write_problem(client: socket.socket, status: int, reason: str, message: str) -> None:
    """Write a problem document in place of gunicorn's page of an error (`gunicorn.util`)."""
    detail = message or HTTPStatus(status).description or f"{reason}."
    response = untyped_problem(HTTPStatus(status), detail)
    if status == HTTPStatus.BAD_REQUEST:
        response = Problem(ProblemKind.MALFORMED_REQUEST, detail).response()
    lines = [
        f"HTTP/1.1 {status} {reason}",
        "Connection: close",
        f"Content-Type: {response['Content-Type']}",
        f"Content-Length: {len(response.content)}",
        f"Cache-Control: {REVALIDATED}",
        "X-Content-Type-Options: nosniff",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
        "",
        "",
    ]
    write_nonblock(client, "\r\n".join(lines).encode() + response.content)
