"""The token that requests are sent with, and a fresh one when it has expired."""

from collections.abc import Callable

import httpx

REFUSED = {"/docs/problems/#invalid-token", "/docs/problems/#token-required"}


class TokenUnavailable(httpx.ConnectError):
    """The function that returns tokens has failed, so nothing was sent."""


class TokenSource:
    """A token, or none, or a function that returns one.

    The function is asked for the first token, and again when the service has refused the last, or
    when that was none: None, or an empty text."""

    def __init__(self, token: str | Callable[[], str | None] | None) -> None:
        self.create = token if callable(token) else None
        self.current = None if callable(token) else token

    def build_headers(self) -> dict[str, str]:
        """Return the header with the token, if there is one. Raises TokenUnavailable."""
        if not self.current and self.create:
            try:
                self.current = self.create()
            except Exception as error:  # it may ask another service, by whichever library
                raise TokenUnavailable(f"no token: {error or type(error).__name__}") from error
        return {"Authorization": f"Bearer {self.current}"} if self.current else {}

    def renew(self, problem_type: str, request: httpx.Request) -> bool:
        """Forget the request's token if a problem of this type has refused it; return whether to
        send the request again, with a fresh one."""
        if self.create is None or problem_type not in REFUSED:
            return False
        if request.headers.get("Authorization") == f"Bearer {self.current}":
            self.current = None  # else another request has brought a fresh one
        return True
