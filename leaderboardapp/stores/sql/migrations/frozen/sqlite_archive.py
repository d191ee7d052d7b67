"""SQLite's triggers that keep past seasons and the counts of rank blocks, as migration 0011 makes
them. Whichever program writes, a player's row of a past season is kept before it changes.

Frozen: this module imports nothing of the service but its like, and never changes. For other
triggers, write a new module beside it, and a migration that replaces these. (postgresql_archive.py
has those of PostgreSQL.)"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from leaderboardapp.stores.sql.migrations.frozen.sqlite_triggers import COUNT, NEW, OLD, RANKED_BY

# Select the block in which a row counts, with the number to add to its count. Nothing for a row
# that is not ranked, or with dense ranking if another player has the same score.
COUNTED = """
SELECT (
    SELECT block.id FROM block
    WHERE block.board_id = board.id AND block.season = board.season
        AND (block.place, block.reached_at, block.player)
            <= (CASE board."order" WHEN 'asc' THEN {row}.score ELSE -{row}.score END,
                {row}.reached_at, {row}.player)
    ORDER BY block.place DESC, block.reached_at DESC, block.player DESC LIMIT 1
) AS id, {delta} AS delta
FROM board
WHERE board.id = {row}.board_id AND board.season = {row}.season AND NOT {row}.hidden
    AND (board."order" = 'desc' OR {row}.scored)
    AND (board.ranking <> 'dense' OR NOT EXISTS (
        SELECT 1 FROM player
        WHERE board."order" = 'desc' AND NOT player.hidden
            AND player.board_id = {row}.board_id AND player.season = {row}.season
            AND player.negative = -{row}.score
            AND (player.board_id, player.player) NOT IN (VALUES {selves})
        UNION ALL
        SELECT 1 FROM player
        WHERE board."order" = 'asc' AND NOT player.hidden AND player.scored
            AND player.board_id = {row}.board_id AND player.season = {row}.season
            AND player.score = {row}.score
            AND (player.board_id, player.player) NOT IN (VALUES {selves})
    ))
"""
ENTERS = COUNTED.format(row="NEW", delta=1, selves="{selves}")
LEAVES = COUNTED.format(row="OLD", delta=-1, selves="{selves}")
COUNTS = {
    "insert": ("INSERT", ENTERS, NEW),
    "update": (f"UPDATE OF {RANKED_BY}", f"{LEAVES} UNION ALL {ENTERS}", f"{OLD}, {NEW}"),
    "delete": ("DELETE", LEAVES, OLD),
}
# The board ranks other players, or in another order, so all blocks are counted anew. Those of the
# season before are kept with it.
FORGET = """
CREATE TRIGGER block_forget AFTER UPDATE OF "order", ranking, season ON board
WHEN NEW."order" <> OLD."order" OR NEW.ranking <> OLD.ranking OR NEW.season <> OLD.season
BEGIN
    DELETE FROM block WHERE board_id = NEW.id AND season = NEW.season;
END
"""
# Keep a row that is of a past season, if that ranked it.
KEEP = """
    INSERT INTO past (board_id, season, player, name, score, place, reached_at, scored, data)
    SELECT OLD.board_id, OLD.season, OLD.player, OLD.name, OLD.score,
        CASE settings ->> 'order' WHEN 'asc' THEN OLD.score ELSE -OLD.score END,
        OLD.reached_at, OLD.scored, OLD.data
    FROM season
    WHERE board_id = OLD.board_id AND number = OLD.season AND archive <> 'top'
        AND NOT OLD.hidden AND (settings ->> 'order' = 'desc' OR OLD.scored)
        AND NOT EXISTS (
            SELECT 1 FROM past
            WHERE board_id = OLD.board_id AND player = OLD.player AND season = OLD.season
        );
"""
IS_PAST = "OLD.season < (SELECT season FROM board WHERE id = OLD.board_id)"
MOVE = f"""
CREATE TRIGGER past_update AFTER UPDATE OF {RANKED_BY}, name, data ON player WHEN {IS_PAST} BEGIN
    {KEEP}
    UPDATE player
    SET score = 0, scored = FALSE, season = (SELECT season FROM board WHERE id = NEW.board_id)
    WHERE board_id = NEW.board_id AND player = NEW.player AND season = OLD.season
        AND season < (SELECT season FROM board WHERE id = NEW.board_id);
END
"""
LEAVE = f"""
CREATE TRIGGER past_delete AFTER DELETE ON player WHEN {IS_PAST} BEGIN
    {KEEP}
END
"""


def create_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "sqlite":
        return
    for event, (when, rows, selves) in COUNTS.items():
        rows = rows.format(selves=selves)
        schema_editor.execute(COUNT.format(event=event, when=when, rows=rows))
    for trigger in (FORGET, MOVE, LEAVE):
        schema_editor.execute(trigger)


def drop_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "sqlite":
        return
    for trigger in (
        *(f"block_{event}" for event in (*COUNTS, "forget")),
        "past_update",
        "past_delete",
    ):
        schema_editor.execute(f"DROP TRIGGER {trigger}")
