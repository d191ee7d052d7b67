"""PostgreSQL's triggers, as migration 0006 makes them. Whichever program writes, they number each
board's newest change, notify a sleeping feed, and keep the counts of rank blocks.

Frozen: this module imports nothing of the service, and never changes. For other triggers, write a
new module beside it, and a migration that replaces these. (sqlite_triggers.py has those of
SQLite.)"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

MAX_JOINED = 5
# The condition and the column by which a board ranks its players, in either order.
ORDERS = {"desc": ("NOT hidden", "negative"), "asc": ("NOT hidden AND scored", "score")}
CHANNEL = "leaderboard"
# The advisory lock of a sleeping feed. A commit that notifies waits for every other such commit,
# so a writer notifies only if the feed is asleep. Otherwise the writer shares the lock until its
# commit, and no feed falls asleep before.
ASLEEP = f"hashtext('{CHANNEL}'), 'change'::regclass::oid::int"
NOTIFY = f"""IF NOT pg_try_advisory_xact_lock_shared({ASLEEP}) THEN
        PERFORM pg_notify('{CHANNEL}', '');
    END IF;"""
NUMBER = "pg_current_xact_id()::text::bigint"
# Columns of ids, which are compared by their bytes, in this store as in the others.
IDS = {
    "board": ["id"],
    "player": ["board_id", "player"],
    "block": ["board_id", "player"],
    "season": ["board_id"],
    "import": ["board_id"],
    "change": ["board"],
}
# Django's second index of a text column, for LIKE. Compared by bytes, the first one serves LIKE.
PATTERNS = """
    SELECT indexname FROM pg_indexes
    WHERE schemaname = current_schema() AND tablename IN ('board', 'change')
        AND indexdef LIKE '%varchar_pattern_ops%'
"""
# It runs once for a statement, so that thousands of rows cost little more than one. A program that
# bypasses the service locks the boards here: counts are exact only if nobody else changes them.
FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS ({rows}) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM board WHERE id IN ({rows}) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO change (board, seq, joined)
    SELECT id, {number}, {joined} FROM ({rows}) AS rows (id) GROUP BY id ORDER BY id
    ON CONFLICT (board) DO UPDATE SET seq = excluded.seq, joined = {newest};
    {notify}
    {then}
    RETURN NULL;
END
$$;
CREATE TRIGGER {name} AFTER {event} ON "{table}" REFERENCING {tables} FOR EACH STATEMENT
EXECUTE FUNCTION {name}();
"""
TABLES = {"board": "id", "player": "board_id"}
REFERENCING = {
    "INSERT": {"new_rows": "NEW TABLE AS new_rows"},
    "UPDATE": {"old_rows": "OLD TABLE AS old_rows", "new_rows": "NEW TABLE AS new_rows"},
    "DELETE": {"old_rows": "OLD TABLE AS old_rows"},
}
NOBODY = "'[]'::jsonb"
NEWCOMERS = f"""(
    SELECT coalesce(jsonb_agg(player ORDER BY reached_at), {NOBODY}) FROM (
        SELECT reached_at, jsonb_build_object(
            'id', player, 'name', name, 'score', score, 'seq', {NUMBER}
        ) AS player
        FROM new_rows WHERE board_id = rows.id AND NOT hidden
        ORDER BY reached_at DESC LIMIT {MAX_JOINED}
    ) AS newest
)"""
NEWEST = f"""(
    SELECT coalesce(jsonb_agg(player ORDER BY number), {NOBODY}) FROM (
        SELECT player, number
        FROM jsonb_array_elements(change.joined || excluded.joined)
            WITH ORDINALITY AS all_players (player, number)
        ORDER BY number DESC LIMIT {MAX_JOINED}
    ) AS newest
)"""
RANKED = """
    SELECT board_id, board.season, ranking, "order", player, reached_at, {delta} AS delta,
        CASE "order" WHEN 'asc' THEN score ELSE -score END AS place
    FROM {rows} AS moved JOIN board ON board.id = board_id AND board.season = moved.season
    WHERE NOT hidden AND ("order" = 'desc' OR scored)
"""
# Other players with the same score, before the statement and after it.
OTHERS = """
    SELECT FROM player
    WHERE moved."order" = '{order}' AND board_id = moved.board_id AND season = moved.season
        AND {column} = moved.place AND {ranked}{but}
"""
BUT = " AND (board_id, player) NOT IN (SELECT board_id, player FROM new_rows)"
# A row counts in the block that holds it; with dense ranking only if no other player has the same
# score.
COUNT = """
    IF EXISTS (SELECT FROM block WHERE board_id IN ({rows})) THEN
        WITH moved AS ({moved}),
        counted AS (
            SELECT board_id, place, reached_at, player, delta FROM moved WHERE ranking <> 'dense'
            UNION ALL
            SELECT board_id, place, -1, '', bool_or(delta > 0)::int - bool_or(delta < 0)::int
            FROM moved WHERE ranking = 'dense' AND NOT EXISTS ({others}) GROUP BY board_id, place
        )
        UPDATE block SET count = count + changed.delta
        FROM (
            SELECT (
                SELECT id FROM block
                WHERE block.board_id = counted.board_id
                    AND (block.place, block.reached_at, block.player)
                        <= (counted.place, counted.reached_at, counted.player)
                ORDER BY place DESC, reached_at DESC, player DESC LIMIT 1
            ) AS id, sum(delta) AS delta
            FROM counted GROUP BY 1 HAVING sum(delta) <> 0
        ) AS changed
        WHERE block.id = changed.id;
    END IF;
"""
# The board ranks other players, or in another order, so all blocks are counted anew.
FORGET = """
CREATE FUNCTION block_forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM block WHERE board_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER block_forget AFTER UPDATE OF "order", ranking, season ON board FOR EACH ROW
WHEN ((NEW."order", NEW.ranking, NEW.season) <> (OLD."order", OLD.ranking, OLD.season))
EXECUTE FUNCTION block_forget();
"""
# TRUNCATE passes no rows to a trigger.
TRUNCATED = """
CREATE FUNCTION player_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM block;
    UPDATE change SET seq = {number};
    {notify}
    RETURN NULL;
END
$$;
CREATE TRIGGER player_truncate AFTER TRUNCATE ON player FOR EACH STATEMENT
EXECUTE FUNCTION player_truncate();
"""


def create_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, columns in IDS.items():
        for column in columns:
            schema_editor.execute(
                f'ALTER TABLE "{table}" ALTER COLUMN {column} TYPE varchar(64) COLLATE "C"'
            )
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PATTERNS)
        for (index,) in cursor.fetchall():
            schema_editor.execute(f'DROP INDEX "{index}"')
    for table, column in TABLES.items():
        for event in REFERENCING:
            schema_editor.execute(render_function(table, column, event))
    schema_editor.execute(FORGET)
    schema_editor.execute(TRUNCATED.format(number=NUMBER, notify=NOTIFY))


def drop_triggers(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    names = [f"{table}_{event.lower()}" for table in TABLES for event in REFERENCING]
    for name in [*names, "block_forget", "player_truncate"]:
        schema_editor.execute(f"DROP FUNCTION {name} CASCADE")


def render_function(table: str, column: str, event: str) -> str:
    tables = REFERENCING[event]
    rows = " UNION ".join(f"SELECT {column} FROM {name}" for name in tables)
    players = table == "player"
    return FUNCTION.format(
        name=f"{table}_{event.lower()}",
        table=table,
        event=event,
        rows=rows,
        tables=" ".join(tables.values()),
        number=NUMBER,
        notify=NOTIFY,
        joined=NEWCOMERS if players and event == "INSERT" else NOBODY,
        newest=NEWEST if players and event == "INSERT" else "change.joined",
        then=render_count(tables, rows) if players else "",
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
