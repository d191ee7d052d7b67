"""What is expected of answers, and how a check fails."""

from typing import Any

import httpx

MAX_SHOWN = 200  # characters of a body, in a report
DOWN = (
    "The service did not answer, or what is in front of it: the logs, GET /readyz, and the address "
    "to which a front sends requests."
)


class CheckFailed(Exception):
    """The service, or what is in front of it, does not do what it should."""

    def __init__(self, expected: str, came: str, look_at: str = "") -> None:
        """`look_at` is what to look at, by default that of the check."""
        self.expected, self.came, self.look_at = clean(expected), clean(came), look_at
        super().__init__(f"expected {self.expected}; came {self.came}")


class LeftOut(Exception):
    """The check cannot be made here; the message says why."""


def clean(text: str) -> str:
    """Return a text of the service without what a terminal would follow, and XML cannot have."""
    return "".join(character if character.isprintable() else "?" for character in text)


def require(condition: object, expected: str, came: object, look_at: str = "") -> None:
    """Raise CheckFailed unless the condition is true."""
    if not condition:
        raise CheckFailed(expected, str(came), look_at)


def require_status(answer: httpx.Response, status: int, what: str, look_at: str = "") -> None:
    """Raise CheckFailed unless the answer has the status; `what` was asked for."""
    require(answer.status_code == status, f"{status} for {what}", describe(answer), look_at)


def require_problem(answer: httpx.Response, status: int, kind: str, what: str) -> None:
    """Raise CheckFailed unless the answer is the service's problem of this kind."""
    require_status(answer, status, what)
    is_problem = media_type(answer) == "application/problem+json"
    require(
        is_problem,
        f"application/problem+json for {what}",
        describe(answer),
        "A front puts pages of its own in place of the service's errors "
        "(nginx: proxy_intercept_errors).",
    )
    problem = read_json(answer)
    expected = f"a problem of kind {kind}, with type, title, status and detail, for {what}"
    is_complete = isinstance(problem, dict) and {"title", "detail"} <= problem.keys()
    require(
        is_complete
        and problem.get("status") == status
        and str(problem.get("type")).endswith(f"#{kind}"),
        expected,
        describe(answer),
    )


def read_json(answer: httpx.Response) -> Any:
    """Return the JSON of an answer. Raises CheckFailed if it has none."""
    try:
        return answer.json()
    except ValueError:
        raise CheckFailed("a body of JSON", describe(answer)) from None


def media_type(answer: httpx.Response) -> str:
    """Return the type of an answer's body, without parameters."""
    content_type: str = answer.headers.get("Content-Type", "")
    return content_type.partition(";")[0].strip().lower()


def describe(answer: httpx.Response) -> str:
    """Return an answer as a report shows it. Its body has been read."""
    shown = " ".join(answer.text.split())[:MAX_SHOWN]
    return " ".join(filter(None, [str(answer.status_code), media_type(answer), shown]))
