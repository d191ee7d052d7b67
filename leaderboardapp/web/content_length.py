"""The length of each answer."""

from django.http import HttpRequest
from django.middleware.common import CommonMiddleware


class ContentLengthMiddleware(CommonMiddleware):
    """Django's middleware that sets Content-Length, without what it does to requests.

    That would refuse each host name which Django does not validate, such as `my_service`."""

    def process_request(self, request: HttpRequest) -> None:
        """Let any request pass."""

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        """Return False: a path without its last slash is answered 404, which names the other."""
        return False
