"""What PostgreSQL does by itself, whoever writes: it numbers each board's newest change, notifies
feeds, and keeps the counts of blocks. (SQLite's way is in triggers.py.)"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from leaderboardapp.domain.types import MAX_JOINED
from leaderboardapp.stores.sql.statements import ORDERS

CHANNEL, MESSAGES = "leaderboard", "leaderboard_messages"
# Who sleeps until notified holds this lock alone. A commit with a notification waits for all others
# that have one, so only those who find somebody asleep notify. The others share the lock until they
# have committed, and nobody falls asleep before.
ASLEEP = f"hashtext('{CHANNEL}'), 'change'::regclass::oid::int"
NOTIFY = f"""IF NOT pg_try_advisory_xact_lock_shared({ASLEEP}) THEN
        PERFORM pg_notify('{CHANNEL}', '');
    END IF;"""
NUMBER = "pg_current_xact_id()::text::bigint"
# Ids are compared by their bytes, in this store as in the others.
IDS = {
    "board": ["id"],
    "player": ["board_id", "player"],
    "block": ["board_id", "player"],
    "season": ["board_id"],
    "import": ["board_id"],
    "change": ["board"],
}
# Django's second index of each text, for LIKE, which the first one now serves, too.
PATTERNS = """
    SELECT indexname FROM pg_indexes
    WHERE schemaname = current_schema() AND tablename IN ('board', 'change')
        AND indexdef LIKE '%varchar_pattern_ops%'
"""
# Once for each statement, so that thousands of rows cost little more than one. Whoever writes past
# the service waits here for others who write to the same boards: counts are exact only alone.
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
# Whoever else is ranked at that place, before the statement and after it.
OTHERS = """
    SELECT FROM player
    WHERE moved."order" = '{order}' AND board_id = moved.board_id AND season = moved.season
        AND {column} = moved.place AND {ranked}{but}
"""
BUT = " AND (board_id, player) NOT IN (SELECT board_id, player FROM new_rows)"
# Whom a row counts for: the block that its place is in; with dense ranking only if nobody else has
# the same score.
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
# What is ranked is another then, and counted anew.
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
# No row is told of then.
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


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
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
            schema_editor.execute(function(table, column, event))
    schema_editor.execute(FORGET)
    schema_editor.execute(TRUNCATED.format(number=NUMBER, notify=NOTIFY))


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    names = [f"{table}_{event.lower()}" for table in TABLES for event in REFERENCING]
    for name in [*names, "block_forget", "player_truncate"]:
        schema_editor.execute(f"DROP FUNCTION {name} CASCADE")


def function(table: str, column: str, event: str) -> str:
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
        then=count(tables, rows) if players else "",
    )


def count(tables: dict[str, str], rows: str) -> str:
    deltas = {"old_rows": -1, "new_rows": 1}
    moved = " UNION ALL ".join(RANKED.format(rows=name, delta=deltas[name]) for name in tables)
    but = BUT if "new_rows" in tables else ""
    others = " UNION ALL ".join(
        OTHERS.format(order=order, column=column, ranked=ranked, but=but)
        for order, (ranked, column) in ORDERS.items()
    )
    return COUNT.format(rows=rows, moved=moved, others=others)
