"""The length of each answer."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware


class ContentLengthMiddleware(CommonMiddleware):
    """Django's middleware that sets Content-Length, without what it does to requests.

    That would refuse each host name which Django does not validate, such as `my_service`."""

    def process_request(self, request: HttpRequest) -> None:
        """Let any request pass."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Set Content-Length. A 304 has none: it would be that of the answer it stands for."""
        if response.status_code == 304:
            return response
        return super().process_response(request, response)

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        """Return False: a path without its last slash is answered 404, which names the other."""
        return False
