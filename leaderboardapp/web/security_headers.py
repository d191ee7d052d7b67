"""Headers that say what a browser may do with an answer. Django's SecurityMiddleware has others."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

# Of all that is no page: no site has it in a frame, or loads it as an image or a script. Requests
# with CORS, such as those of the clients, are not concerned. Nothing in it runs, as nosniff says.
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeadersMiddleware:
    """Give each response HEADERS, but for those that it has.

    It is not for static files, which pages of other sites may load."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        return response
