"""The length of each answer, and none of it for HEAD."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
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
        """Set Content-Length, and leave the body of an answer to HEAD out, of which gunicorn would
        log a warning. A 304 has no length: it would be that of the answer it stands for."""
        if response.status_code == 304:
            return response
        response = super().process_response(request, response)
        if request.method == "HEAD":
            _empty(response)
        return response

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        """Return False: a path without its last slash is answered 404, which names the other."""
        return False


def _empty(response: HttpResponseBase) -> None:
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = ()
    elif isinstance(response, HttpResponse):
        response.content = b""
