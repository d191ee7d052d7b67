"""Health checks: whether the process lives, and whether it can serve."""

from django.http import HttpRequest, HttpResponse

from leaderboardapp.api.responses import json_response
from leaderboardapp.stores import get_store
from leaderboardapp.web.methods import takes_any_query


@takes_any_query
def read_health(request: HttpRequest) -> HttpResponse:
    """Answer 200 as long as the process lives."""
    return json_response({"status": "ok"})


@takes_any_query
def read_readiness(request: HttpRequest) -> HttpResponse:
    """Answer 200 if the store answers. Raises StoreUnavailable."""
    get_store().ping()
    return json_response({"status": "ok"})
