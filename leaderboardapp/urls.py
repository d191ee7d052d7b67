from django.urls import path, register_converter
from django.urls.converters import IntConverter

from leaderboardapp.api import boards
from leaderboardapp.domain.fields import ID_PATTERN
from leaderboardapp.pages import api_reference, views


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
    path("", boards.by_method(GET=views.read_home)),
    path("boards/", boards.boards),
    path("boards/<key:board>/", boards.board),
    path("boards/<key:board>/ws/", boards.watch),
    path("boards/<key:board>/players/", boards.players),
    path("boards/<key:board>/players/<key:player>/", boards.player),
    path("boards/<key:board>/players/<key:player>/around/", boards.around),
    path("boards/<key:board>/players/<key:player>/score-add/", boards.score_add),
    path("boards/<key:board>/players/<key:player>/score/", boards.score),
    path("boards/<key:board>/scores/", boards.scores),
    path("boards/<key:board>/reset/", boards.reset),
    path("boards/<key:board>/seasons/", boards.seasons),
    path("boards/<key:board>/seasons/<number:season>/", boards.season),
    path("boards/<key:board>/manage/", boards.by_method(GET=views.read_manage)),
    path("events/<key:channel>/", boards.events),
    path("events/<key:channel>/ws/", boards.watch_channel),
    path("openapi.yaml", boards.by_method(GET=api_reference.read_openapi)),
    path("docs", boards.by_method(GET=api_reference.read_docs)),
    path("healthz", boards.healthz),
    path("readyz", boards.readyz),
]
