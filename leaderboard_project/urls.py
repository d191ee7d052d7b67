"""The project's URLs: the app's, and the handlers of requests that no view answers."""

from django.urls import include, path

from leaderboardapp.web import problems

urlpatterns = [path("", include("leaderboardapp.urls"))]

handler400 = problems.bad_request
handler404 = problems.not_found
handler500 = problems.server_error
