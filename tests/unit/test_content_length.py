"""The length of each answer."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from leaderboardapp.web.content_length import ContentLengthMiddleware


def answer(request: HttpRequest, response: HttpResponseBase) -> Any:
    return ContentLengthMiddleware(lambda _: response)(request)


def test_an_answer_to_head_has_the_length_of_the_body_that_it_lacks() -> None:
    assert answer(RequestFactory().get("/"), HttpResponse(b"abc")).content == b"abc"
    response = answer(RequestFactory().head("/"), HttpResponse(b"abc"))
    assert response["Content-Length"] == "3"
    assert b"".join(response) == b""


def test_what_is_streamed_is_not_read_for_head() -> None:
    pieces = iter([b"abc"])
    response = answer(RequestFactory().head("/"), StreamingHttpResponse(pieces))
    assert b"".join(response) == b""
    assert next(pieces) == b"abc"


@pytest.mark.parametrize("method", ["get", "head"])
def test_what_has_not_changed_has_no_length(method: str) -> None:
    response = answer(getattr(RequestFactory(), method)("/"), HttpResponse(status=304))
    assert "Content-Length" not in response
