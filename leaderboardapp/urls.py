from django.urls import path, register_converter
from django.urls.converters import IntConverter

from leaderboardapp import api_reference, pages, views
from leaderboardapp.fields import ID_PATTERN


class IdConverter:
    regex = ID_PATTERN

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


class NumberConverter(IntConverter):
    regex = "[1-9][0-9]{0,8}"


register_converter(IdConverter, "key")
register_converter(NumberConverter, "number")

urlpatterns = [
    path("", views.by_method(GET=pages.read_home)),
    path("boards/", views.boards),
    path("boards/<key:board>/", views.board),
    path("boards/<key:board>/ws/", views.watch),
    path("boards/<key:board>/players/", views.players),
    path("boards/<key:board>/players/<key:player>/", views.player),
    path("boards/<key:board>/players/<key:player>/around/", views.around),
    path("boards/<key:board>/players/<key:player>/score-add/", views.score_add),
    path("boards/<key:board>/players/<key:player>/score/", views.score),
    path("boards/<key:board>/scores/", views.scores),
    path("boards/<key:board>/reset/", views.reset),
    path("boards/<key:board>/seasons/", views.seasons),
    path("boards/<key:board>/seasons/<number:season>/", views.season),
    path("boards/<key:board>/manage/", views.by_method(GET=pages.read_manage)),
    path("events/<key:channel>/", views.events),
    path("events/<key:channel>/ws/", views.watch_channel),
    path("openapi.yaml", views.by_method(GET=api_reference.read_openapi)),
    path("docs", views.by_method(GET=api_reference.read_docs)),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
]
