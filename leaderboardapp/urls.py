"""The URL table: each path, and the function that answers each of its methods."""

from django.urls import path, register_converter

from leaderboardapp.api import (
    boards,
    channels,
    health,
    own_ranks,
    past_players,
    people,
    players,
    scores,
    seasons,
)
from leaderboardapp.domain.types import ID_PATTERN
from leaderboardapp.pages import api_reference, home, sharing, views
from leaderboardapp.web.methods import by_method
from leaderboardapp.web.problem_kinds import PAGE_PATH


class IdConverter:
    """Ids of boards and players, names of channels."""

    regex = ID_PATTERN

    def to_python(self, value: str) -> str:
        """Return the id as it stands in the path."""
        return value

    to_url = to_python


class NumberConverter(IdConverter):
    """Numbers of seasons, as they are written: a number that no season has is not found either."""

    regex = "-?[0-9]+"


register_converter(IdConverter, "key")
register_converter(NumberConverter, "number")

PLAYER_METHODS = {
    "GET": players.read_player,
    "PATCH": players.update_player,
    "DELETE": players.delete_player,
}

SEASON = "boards/<key:board_id>/seasons/<number:season_number>/"

urlpatterns = [
    # Those that are asked most come first: a request is compared with each line until its own.
    path(
        "boards/<key:board_id>/",
        by_method(GET=boards.read_board, PATCH=boards.update_board, DELETE=boards.delete_board),
    ),
    path(
        "boards/<key:board_id>/players/<key:player_id>/score-add/", by_method(POST=scores.add_score)
    ),
    path("", by_method(GET=home.render_home_page)),
    path("boards/", by_method(GET=boards.list_boards, POST=boards.create_board)),
    path(
        "boards/<key:board_id>/ws/",
        by_method(GET=boards.watch_board, WEBSOCKET=boards.watch_board),
    ),
    path("boards/<key:board_id>/picture.png", by_method(GET=sharing.read_picture)),
    path("boards/<key:board_id>/ticket/", by_method(POST=boards.create_ticket)),
    path(
        "boards/<key:board_id>/players/",
        by_method(GET=players.list_players, POST=players.create_player),
    ),
    # A player may have the id `select`.
    path(
        "boards/<key:board_id>/players/select/",
        by_method(**PLAYER_METHODS, POST=players.select_players),
        {"player_id": "select"},
    ),
    path("boards/<key:board_id>/rank/", by_method(GET=players.rank_score)),
    path(
        "boards/<key:board_id>/players/<key:player_id>/",
        by_method(**PLAYER_METHODS),
    ),
    path(
        "boards/<key:board_id>/players/<key:player_id>/ws/",
        by_method(GET=own_ranks.watch_player, WEBSOCKET=own_ranks.watch_player),
    ),
    path(
        "boards/<key:board_id>/players/<key:player_id>/around/", by_method(GET=players.read_around)
    ),
    path("boards/<key:board_id>/players/<key:player_id>/score/", by_method(PUT=scores.set_score)),
    path(
        "boards/<key:board_id>/players/<key:player_id>/seasons/",
        by_method(GET=past_players.list_player_seasons),
    ),
    path("boards/<key:board_id>/scores/", by_method(POST=scores.add_scores)),
    path("boards/<key:board_id>/reset/", by_method(POST=seasons.reset_board)),
    path("boards/<key:board_id>/seasons/", by_method(GET=seasons.list_seasons)),
    path(SEASON, by_method(GET=seasons.read_season)),
    path(f"{SEASON}players/", by_method(GET=past_players.list_players)),
    path(f"{SEASON}players/<key:player_id>/", by_method(GET=past_players.read_player)),
    path(f"{SEASON}players/<key:player_id>/around/", by_method(GET=past_players.read_around)),
    path(f"{SEASON}export/", by_method(GET=past_players.export_players)),
    path("players/<key:person_id>/", by_method(GET=people.read_person, DELETE=people.erase_person)),
    path("boards/<key:board_id>/manage/", by_method(GET=views.render_dashboard_page)),
    path("events/<key:channel_name>/", by_method(GET=channels.read_events)),
    path(
        "events/<key:channel_name>/ws/",
        by_method(GET=channels.watch_events, WEBSOCKET=channels.watch_events),
    ),
    path("openapi.yaml", by_method(GET=api_reference.read_openapi)),
    path("docs", by_method(GET=api_reference.read_docs)),
    path(PAGE_PATH.removeprefix("/"), by_method(GET=views.render_problem_kinds_page)),
    path("healthz", by_method(GET=health.read_health)),
    path("readyz", by_method(GET=health.read_readiness)),
]
