"""The API's description, docs/openapi.yaml (OpenAPI 3.1): the file, and a page that shows it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from leaderboardapp.pages import views
from leaderboardapp.web.methods import takes_any_query

DESCRIPTION = settings.BASE_DIR / "docs" / "openapi.yaml"


@takes_any_query
def read_openapi(request: HttpRequest) -> HttpResponse:
    """Return the description as it is in the repository."""
    return HttpResponse(DESCRIPTION.read_bytes(), content_type="application/yaml")


@takes_any_query
def read_docs(request: HttpRequest) -> HttpResponse:
    """Return the page in which Swagger UI shows the description (docs/adr/0021)."""
    return views.render_page(request, "reference", {})
