"""What migration 0011 makes of the data of the version before.

Frozen: this module imports nothing of the service, and never changes."""

import json
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# The blocks that there are count the running season.
BLOCKS = """
    UPDATE block SET season = (SELECT season FROM board WHERE board.id = block.board_id)
"""
# Who has a score of a season whose top alone was kept is not kept either.
CARRY_OVER = """
    UPDATE player SET score = 0, scored = FALSE,
        season = (SELECT season FROM board WHERE board.id = player.board_id)
    WHERE NOT hidden
        AND season < (SELECT season FROM board WHERE board.id = player.board_id)
"""
# No season that there is goes because of a setting that nobody has made.
KEEP_ALL = """
    UPDATE board SET keep_seasons = NULL WHERE 12 < (
        SELECT count(*) FROM season WHERE season.board_id = board.id
    )
"""
INSERT = """
    INSERT INTO past
        (board_id, season, player, name, score, place, reached_at, scored, data)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
SEASONS_AT_ONCE = 100


def keep_tops(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Keep the tops of past seasons where all their players are kept from now on."""
    with schema_editor.connection.cursor() as cursor:
        for statement in (BLOCKS, CARRY_OVER, KEEP_ALL):
            cursor.execute(statement)
        seasons = apps.get_model("store", "SeasonRow").objects.order_by("board_id", "number")
        for season in seasons.iterator(SEASONS_AT_ONCE):
            rows = [row_of(season, player) for player in season.players]
            cursor.executemany(INSERT, rows)


def row_of(season: Any, player: dict[str, Any]) -> list[Any]:
    sign = 1 if season.settings.get("order") == "asc" else -1
    score = player["score"]
    values = [score, sign * score, player["reached_at"], player.get("scored", True)]
    return [season.board_id, season.number, player["id"], player["name"], *values, data_of(player)]


def data_of(player: dict[str, Any]) -> str | None:
    data = player.get("data")
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) if data else None


def forget_archives(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Delete the blocks of past seasons, which the version before takes for the running one's."""
    schema_editor.execute(
        "DELETE FROM block WHERE season <> (SELECT season FROM board WHERE id = board_id)"
    )
