"""PostgreSQL's triggers of players, as migration 0011 makes them. Whichever program writes, they
number each board's newest change, notify a sleeping feed, keep a player's row of a past season
before it changes, and keep the counts of rank blocks.

Frozen: this module imports nothing of the service but its like, and never changes. For other
triggers, write a new module beside it, and a migration that replaces these. (sqlite_archive.py
has those of SQLite.)"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from leaderboardapp.stores.sql.migrations.frozen import postgresql_triggers as before
from leaderboardapp.stores.sql.migrations.frozen.postgresql_triggers import (
    BUT,
    NEWCOMERS,
    NEWEST,
    NOBODY,
    NOTIFY,
    NUMBER,
    ORDERS,
    OTHERS,
    RANKED,
    REFERENCING,
)

# It runs once for a statement, so that thousands of rows cost little more than one. A program that
# bypasses the service locks the boards here: counts are exact only if nobody else changes them.
FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS ({rows}) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM board WHERE id IN ({rows}) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO change (board, seq, joined)
    SELECT id, {number}, {joined} FROM ({rows}) AS rows (id) GROUP BY id ORDER BY id
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq, joined = {newest};
    {notify}
    {keep}
    {count}
    RETURN NULL;
END
$$;
"""
# A row counts in the block that holds it; with dense ranking only if no other player has the same
# score.
COUNT = """
    IF EXISTS (
        SELECT FROM block JOIN board ON board.id = board_id AND board.season = block.season
        WHERE board_id IN ({rows})
    ) THEN
        WITH moved AS ({moved}),
        counted AS (
            SELECT board_id, season, place, reached_at, player, delta
            FROM moved WHERE ranking <> 'dense'
            UNION ALL
            SELECT board_id, season, place, -1, '',
                bool_or(delta > 0)::int - bool_or(delta < 0)::int
            FROM moved WHERE ranking = 'dense' AND NOT EXISTS ({others})
            GROUP BY board_id, season, place
        )
        UPDATE block SET count = count + changed.delta
        FROM (
            SELECT (
                SELECT id FROM block
                WHERE block.board_id = counted.board_id AND block.season = counted.season
                    AND (block.place, block.reached_at, block.player)
                        <= (counted.place, counted.reached_at, counted.player)
                ORDER BY place DESC, reached_at DESC, player DESC LIMIT 1
            ) AS id, sum(delta) AS delta
            FROM counted GROUP BY 1 HAVING sum(delta) <> 0
        ) AS changed
        WHERE block.id = changed.id;
    END IF;
"""
# Rows of past seasons are kept, if those ranked them, and carried over. Carrying over is an update
# of its own, for which this runs again; the rows that it finds are not those of the season's end.
KEEP = """
    IF EXISTS (
        SELECT FROM old_rows JOIN board ON board.id = board_id WHERE old_rows.season < board.season
    ) AND current_setting('leaderboard.carries_over', TRUE) IS DISTINCT FROM 'on' THEN
        INSERT INTO past (board_id, season, player, name, score, place, reached_at, scored, data)
        SELECT old_rows.board_id, old_rows.season, old_rows.player, old_rows.name, old_rows.score,
            CASE settings ->> 'order' WHEN 'asc' THEN old_rows.score ELSE -old_rows.score END,
            old_rows.reached_at, old_rows.scored, old_rows.data
        FROM old_rows
        JOIN board ON board.id = old_rows.board_id AND old_rows.season < board.season
        JOIN season ON season.board_id = old_rows.board_id AND number = old_rows.season
        WHERE archive <> 'top' AND NOT hidden AND (settings ->> 'order' = 'desc' OR scored)
            AND NOT EXISTS (
                SELECT FROM past WHERE past.board_id = old_rows.board_id
                    AND past.player = old_rows.player AND past.season = old_rows.season
            );
        {carry_over}
    END IF;
"""
CARRY_OVER = """IF EXISTS (
            SELECT FROM new_rows JOIN board ON board.id = board_id
            WHERE new_rows.season < board.season
        ) THEN
            PERFORM set_config('leaderboard.carries_over', 'on', TRUE);
            UPDATE player SET score = 0, scored = FALSE, season = board.season
            FROM board
            WHERE board.id = board_id AND player.season < board.season
                AND (board_id, player) IN (SELECT board_id, player FROM new_rows);
            PERFORM set_config('leaderboard.carries_over', 'off', TRUE);
        END IF;"""
# The board ranks other players, or in another order, so all blocks are counted anew. Those of the
# season before are kept with it.
FORGET = """
CREATE OR REPLACE FUNCTION block_forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM block WHERE board_id = NEW.id AND season = NEW.season;
    RETURN NULL;
END
$$;
"""
# TRUNCATE passes no rows to a trigger. Who was not carried over is lost from past seasons as well.
TRUNCATED = """
CREATE OR REPLACE FUNCTION player_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM block WHERE (board_id, season) NOT IN (
        SELECT board_id, number FROM season WHERE archive = 'whole'
    );
    UPDATE change SET seq = {number};
    {notify}
    RETURN NULL;
END
$$;
"""
COLLATE = """
    ALTER TABLE past ALTER COLUMN board_id TYPE varchar(64) COLLATE "C",
        ALTER COLUMN player TYPE varchar COLLATE "C"
"""


def compare_by_bytes(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Have ids compared by their bytes, in this store as in the others."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(COLLATE)


def create_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Replace the functions of the players' triggers."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for event in REFERENCING:
        schema_editor.execute(render_function(event))
    schema_editor.execute(FORGET)
    schema_editor.execute(TRUNCATED.format(number=NUMBER, notify=NOTIFY))


def drop_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Bring back the functions of the version before."""
    if schema_editor.connection.vendor != "postgresql":
        return
    names = [f"player_{event.lower()}" for event in REFERENCING]
    for name in (*names, "block_forget", "player_truncate"):
        schema_editor.execute(f"DROP FUNCTION {name} CASCADE")
    for event in REFERENCING:
        schema_editor.execute(before.render_function("player", "board_id", event))
    schema_editor.execute(before.FORGET)
    schema_editor.execute(before.TRUNCATED.format(number=NUMBER, notify=NOTIFY))


def render_function(event: str) -> str:
    tables = REFERENCING[event]
    rows = " UNION ".join(f"SELECT board_id FROM {name}" for name in tables)
    keep = KEEP.format(carry_over=CARRY_OVER if "new_rows" in tables else "")
    return FUNCTION.format(
        name=f"player_{event.lower()}",
        rows=rows,
        number=NUMBER,
        notify=NOTIFY,
        joined=NEWCOMERS if event == "INSERT" else NOBODY,
        newest=NEWEST if event == "INSERT" else "change.joined",
        keep=keep if "old_rows" in tables else "",
        count=render_count(tables, rows),
    )


def render_count(tables: dict[str, str], rows: str) -> str:
    deltas = {"old_rows": -1, "new_rows": 1}
    moved = " UNION ALL ".join(RANKED.format(rows=name, delta=deltas[name]) for name in tables)
    but = BUT if "new_rows" in tables else ""
    others = " UNION ALL ".join(
        OTHERS.format(order=order, column=column, ranked=ranked, but=but)
        for order, (ranked, column) in ORDERS.items()
    )
    return COUNT.format(rows=rows, moved=moved, others=others)
