"""SQL by hand: the reads that every poll, stream and publish makes, and the write that most
requests make. Built by Django's ORM they take ten times as long.

Statements that read ranked players are dictionaries, with one for each source (sources.py).
"""

import functools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from leaderboardapp.domain.player_data import decode_data
from leaderboardapp.domain.types import BOARD_DEFAULTS, RankPosition, Row
from leaderboardapp.stores.sql.models import SORT_KEY
from leaderboardapp.stores.sql.schedule_field import decode_schedule
from leaderboardapp.stores.sql.sources import RANKED, Source, read_from_each, season_values

BOARD_COLUMNS = ("id", *BOARD_DEFAULTS)
PLAYER_COLUMNS = ("id", "name", "score", "reached_at", "hidden", "scored", "not_carried_over")

ELEMENTS = "<elements>"  # where read_elements puts its elements
ROWS = "<rows>"  # where it puts what makes JSON of a page's rows

_BOARD = ", ".join(f'board."{column}"' for column in BOARD_COLUMNS)
_RANKED_SCORE = "player, name, score, reached_at, FALSE, scored, FALSE"
_RANKED_PLAYER = f"{_RANKED_SCORE}, data"
# A player who is not carried over yet still has the score of an earlier season in the table.
_ANY_SCORE = """
    player.player, player.name,
    CASE WHEN player.season = board.season THEN player.score ELSE 0 END,
    player.reached_at, player.hidden, (player.scored AND player.season = board.season),
    player.season < board.season
"""
_ANY_PLAYER = f"{_ANY_SCORE}, player.data"

BOARD = f"SELECT {_BOARD} FROM board WHERE id = %s"
BOARDS = f"SELECT {_BOARD} FROM board WHERE id IN ({{boards}}) ORDER BY id"
CHANGE_NUMBERS = "SELECT board, seq FROM change WHERE board IN ({boards})"
# A window has only those who have scored in its running season.
_IS_MEMBER = "(board.since IS NULL OR player.season = board.season)"
PLAYER = f"""
    SELECT {_ANY_PLAYER} FROM player JOIN board ON board.id = board_id
    WHERE board_id = %s AND player = %s AND {_IS_MEMBER}
"""
# By the players' ids. Writes of scores, which may be to windows, too, also find who is in an ended
# season of a window. They read no data, but the idempotency keys that each player remembers.
PLAYERS = f"""
    SELECT {_ANY_PLAYER} FROM player JOIN board ON board.id = board_id
    WHERE board_id IN ({{boards}}) AND player.player IN ({{players}}) AND {_IS_MEMBER}
"""
SCORES = f"""
    SELECT {_ANY_SCORE}, board_id, keys FROM player JOIN board ON board.id = board_id
    WHERE board_id IN ({{boards}}) AND player.player IN ({{players}})
"""
HIDDEN = f"""
    SELECT {_ANY_PLAYER} FROM player JOIN board ON board.id = board_id
    WHERE board_id = %(board)s AND player > %(after)s AND hidden AND {_IS_MEMBER}
    ORDER BY player LIMIT %(limit)s
"""
# Of all boards, by board and id: the board, the idempotency keys, and the row.
PLAYER_RECORDS = f"""
    SELECT player.board_id, player.keys, {_ANY_PLAYER}
    FROM player JOIN board ON board.id = player.board_id
    WHERE (player.board_id, player.player) > (%(board)s, %(player)s) AND {_IS_MEMBER}
    ORDER BY player.board_id, player.player LIMIT %(limit)s
"""
_SEASON = "(SELECT season FROM board WHERE id = %(board)s)"
POSITION = "(%(sort_key)s, %(reached_at)s, %(player)s)"  # values: position_values
TOP = read_from_each(lambda source: source.page(_RANKED_PLAYER))
TOP_SCORES = read_from_each(lambda source: source.page(_RANKED_SCORE))  # without data
# The tops of many boards, all as they are at one moment; for PostgreSQL. Data is read where it is
# shown.
_SHOWN_PLAYER = """
    player.player, player.name, player.score, player.reached_at, FALSE, player.scored, FALSE,
    CASE WHEN board.show <> '[]' THEN player.data END
"""
_TOPS = """
    SELECT {board}, top.* FROM board LEFT JOIN LATERAL (
        SELECT {player} FROM player
        WHERE board_id = board.id AND season = board.season AND {condition}
        ORDER BY {sort_key}, reached_at, player LIMIT board.size
    ) AS top ON TRUE
    WHERE board.id = ANY(%(boards)s) AND board."order" = '{order}'"""
ALL_TOPS = " UNION ALL ".join(
    _TOPS.format(
        board=_BOARD,
        player=_SHOWN_PLAYER,
        order=order,
        condition=condition,
        sort_key=SORT_KEY[order],
    )
    for order, condition in RANKED.items()
)
# The best player of each of many boards.
_LEADERS = """
    SELECT board.id, player.player, player.name, player.score FROM board JOIN player
    ON player.board_id = board.id AND player.player = (
        SELECT player FROM player
        WHERE board_id = board.id AND season = board.season AND {condition}
        ORDER BY {sort_key}, reached_at, player LIMIT 1
    )
    WHERE board.id IN ({{boards}}) AND board."order" = '{order}' AND player.scored"""
LEADERS = " UNION ALL ".join(
    _LEADERS.format(order=order, condition=condition, sort_key=SORT_KEY[order])
    for order, condition in RANKED.items()
)
AFTER = read_from_each(
    lambda source: source.page(_RANKED_PLAYER, f"({{sort_key}}, reached_at, player) > {POSITION}")
)
BEFORE = read_from_each(
    lambda source: source.page(
        _RANKED_PLAYER, f"({{sort_key}}, reached_at, player) < {POSITION}", "DESC"
    )
)
# The players next to each of many positions. The arrays are JSON, because only a subquery in the
# place of a value is evaluated for each position in both databases.
_POSITIONS = f"""
    own AS MATERIALIZED (
        SELECT CAST(value ->> 0 AS bigint) AS sort_key, CAST(value ->> 1 AS bigint) AS reached_at,
            value ->> 2 AS player
        FROM {ELEMENTS}
    )"""
NEXT_COLUMNS = ("id", "name", "score", "reached_at")
_NEXT = "({{sort_key}}, reached_at, player) {side} (own.sort_key, own.reached_at, own.player)"


def _list_next(source: Source, side: str, direction: str) -> str:
    """Return an expression for the players on this side of the position, the nearest first."""
    page = source.page("player, name, score, reached_at", _NEXT.format(side=side), direction)
    return f"(SELECT {ROWS} FROM ({page}) AS page)"


NEXT_TO_EACH = read_from_each(
    lambda source: (
        f"""WITH {_POSITIONS}
        SELECT player, {_list_next(source, "<", "DESC")}, {_list_next(source, ">", "")} FROM own"""
    )
)
PAST_PLAYER = read_from_each(lambda source: source.find(_RANKED_PLAYER, "player = %(player)s"))
# A hidden player is carried over when shown again.
_NOT_CARRIED_OVER = f"board_id = %(board)s AND season < {_SEASON} AND NOT hidden"
FIND_NOT_CARRIED_OVER = f"SELECT player FROM player WHERE {_NOT_CARRIED_OVER} LIMIT 1"
CARRY_OVER = f"""
    UPDATE player SET score = 0, scored = FALSE, season = {_SEASON}
    WHERE board_id = %(board)s AND player IN (
        SELECT player FROM player WHERE {_NOT_CARRIED_OVER}
        ORDER BY season, negative LIMIT %(limit)s
    )
"""
# Of a window, hidden players as well. Each half has an index.
_ENDED = f"""
    SELECT player FROM player WHERE {_NOT_CARRIED_OVER}
    UNION ALL
    SELECT player FROM player WHERE board_id = %(board)s AND season < {_SEASON} AND hidden
"""
FIND_ENDED = f"{_ENDED} LIMIT 1"
DELETE_ENDED = f"""
    DELETE FROM player WHERE board_id = %(board)s AND player IN ({_ENDED} LIMIT %(limit)s)
"""
# Boards for which maintenance.find_work may find work: of all that it looks for, what can be seen
# at one glance.
UNFINISHED = """
    SELECT id FROM board WHERE id IN ({boards}) AND (
        EXISTS (
            SELECT 1 FROM player WHERE board_id = board.id AND season < board.season AND NOT hidden
        )
        OR board.since IS NOT NULL AND EXISTS (
            SELECT 1 FROM player WHERE board_id = board.id AND season < board.season AND hidden
        )
        OR EXISTS (SELECT 1 FROM season WHERE board_id = board.id AND archive = 'moving')
        OR EXISTS (
            SELECT 1 FROM past WHERE board_id = board.id AND season > 0 AND season < coalesce(
                (SELECT min(number) FROM season WHERE board_id = board.id), board.season
            )
        )
        OR coalesce(
            (
                SELECT max(count) FROM block
                WHERE board_id = board.id AND block.season = board.season
            ),
            (
                SELECT count(*) FROM (
                    SELECT 1 FROM player
                    WHERE board_id = board.id AND season = board.season AND NOT hidden LIMIT %s
                ) AS limited
            )
        ) > %s
    )
"""
LEAVE_WINDOWS = """
    DELETE FROM player WHERE board_id IN ({boards}) AND player = %s
        AND season < (SELECT season FROM board WHERE id = board_id)
"""
DELETE_PLAYERS = """
    DELETE FROM player WHERE board_id = %(board)s AND player IN (
        SELECT player FROM player WHERE board_id = %(board)s LIMIT %(limit)s
    )
"""
# Of seasons before `season`.
_PAST = "FROM past WHERE board_id = %(board)s AND season > 0 AND season < %(season)s LIMIT"
FIND_PAST_PLAYERS = f"SELECT 1 {_PAST} 1"
DELETE_PAST_PLAYERS = f"DELETE FROM past WHERE id IN (SELECT id {_PAST} %(limit)s)"
# Of an erased player, and of those erased earlier who are named after it: the character after the
# mark is the first one after all their ids. Blocks may begin at either.
_ERASED_ID = "%(before)s || '!' || substr(player, %(length)s + 1)"
_AT_POSITION = """
    WHERE board_id = %(board)s AND season = %(season)s AND place = %(sort_key)s
        AND reached_at = %(reached_at)s AND player >= %(player)s AND player < %(player)s || '"'
"""
ERASE_PLAYER = f"UPDATE past SET player = {_ERASED_ID}, name = '', data = NULL {_AT_POSITION}"
ERASE_BLOCK = f"UPDATE block SET player = {_ERASED_ID} {_AT_POSITION}"
PAST_BOARD = """
    SELECT settings, archive FROM season WHERE board_id = %(board)s AND number = %(season)s
"""
# The past seasons before %(before)s in which the player was ranked.
PAST_SEASONS_OF = """
    SELECT number FROM season WHERE board_id = %(board)s AND number < %(before)s AND (
        EXISTS (
            SELECT 1 FROM past WHERE past.board_id = season.board_id
                AND past.player = %(player)s AND past.season = number
        ) OR archive = 'moving' AND number = (
            SELECT player.season FROM player
            WHERE player.board_id = season.board_id AND player.player = %(player)s
                AND NOT hidden AND (scored OR settings ->> 'order' = 'desc')
        )
    ) ORDER BY number DESC LIMIT %(limit)s
"""
# Where the player is in past seasons, or blocks begin that have the player's name.
NAMED_POSITIONS = """
    SELECT season, place, reached_at FROM past WHERE board_id = %(board)s AND player = %(player)s
    UNION SELECT season, place, reached_at FROM block
    WHERE board_id = %(board)s AND player = %(player)s
"""
WRITE_ROWS = 4_000  # in one statement, as many as have values that SQLite takes
# The columns of VALUES have these names in SQLite and PostgreSQL alike. Rows without keys leave
# those that are there.
UPDATE = """
    UPDATE player
    SET score = new.column3, reached_at = new.column4, scored = new.column5,
        season = new.column6{keys}
    FROM (VALUES {rows}) AS new
    WHERE board_id = new.column1 AND player.player = new.column2
"""
SET_KEYS = ", keys = coalesce(new.column7, keys)"
# The table has one row. It is replaced only if it is still the one that was read.
REPLACE_LEASE = """
    INSERT INTO lease (id, holder, beat, position, parts)
    SELECT 1, %(holder)s, %(beat)s, %(position)s, %(parts)s
    WHERE (%(old_holder)s, %(old_beat)s) = ('', 0) OR EXISTS (SELECT 1 FROM lease)
    ON CONFLICT (id) DO UPDATE
    SET holder = excluded.holder, beat = excluded.beat, position = excluded.position,
        parts = excluded.parts
    WHERE (lease.holder, lease.beat, lease.position) =
          (%(old_holder)s, %(old_beat)s, %(old_position)s)
      AND lease.parts IS NOT DISTINCT FROM %(old_parts)s
"""


_JSON_FUNCTIONS = {
    "sqlite": ("json_each", "json_array", "json_group_array"),
    "postgresql": ("jsonb_array_elements", "json_build_array", "json_agg"),
}


def write(sql: str, values: Sequence[Any] | Mapping[str, Any]) -> int:
    """Execute a statement; return how many rows it has changed."""
    database = connections[DEFAULT_DB_ALIAS]  # each use of django.db.connection looks it up anew
    with database.wrap_database_errors:
        return int(_execute(database, sql, values).rowcount)


def read(sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Execute a query; return its rows."""
    database = connections[DEFAULT_DB_ALIAS]
    with database.wrap_database_errors:
        rows: list[tuple[Any, ...]] = _execute(database, sql, values).fetchall()
        return rows


def _execute(
    database: BaseDatabaseWrapper, sql: str, values: Sequence[Any] | Mapping[str, Any]
) -> Any:
    """Return the driver's cursor after this statement, or Django's where somebody looks on."""
    if database.execute_wrappers or database.queries_logged:
        cursor: Any = database.cursor()
        cursor.execute(sql, values)
        return cursor
    # Django's cursor takes longer than most of these statements (ADR 63).
    database.ensure_connection()
    database.validate_no_broken_transaction()
    driver: Any = database.connection
    if database.vendor == "sqlite":
        sql = _with_marks(sql, None if isinstance(values, Mapping) else len(values))
    cursor = driver.cursor()
    cursor.execute(sql, values)
    return cursor


class _NamedMarks(dict[str, str]):
    """SQLite's placeholders of named values."""

    def __missing__(self, name: str) -> str:
        return f":{name}"


@functools.lru_cache(maxsize=100)
def _with_marks(sql: str, count: int | None) -> str:
    """Return the statement with SQLite's placeholders: of so many values, or of named ones."""
    return sql % (_NamedMarks() if count is None else ("?",) * count)


def read_by_ids(
    sql: str, boards: Collection[str], players: Collection[str]
) -> list[tuple[Any, ...]]:
    """Execute PLAYERS or SCORES for the players with these ids on these boards; return its rows, in
    any order."""
    if not players:  # PostgreSQL knows no empty list
        return []
    return read(format_by_ids(sql, boards, players), [*boards, *players])


def format_by_ids(sql: str, boards: Collection[str], players: Collection[str]) -> str:
    """Return PLAYERS or SCORES for so many boards and players, whose ids are its values."""
    return sql.format(boards=placeholders(boards), players=placeholders(players))


def read_elements(
    sql: str, values: Mapping[str, Any], elements: Sequence[Sequence[Any]]
) -> list[tuple[Any, ...]]:
    """Execute a query of many values, which are in ELEMENTS: for each element a row with its JSON,
    named `value`. A statement with a placeholder for each takes longer to read than to answer."""
    function, to_array, to_arrays = _JSON_FUNCTIONS[connection.vendor]
    sql = sql.replace(ELEMENTS, f"{function}(%(elements)s)")
    rows = f"{to_arrays}({to_array}(player, name, score, reached_at))"
    sql = sql.replace(ROWS, f"CAST({rows} AS text)")
    return read(sql, {**values, "elements": json.dumps(elements)})


def placeholders(values: Collection[Any]) -> str:
    """Return a list of placeholders for these values."""
    return ", ".join(["%s"] * len(values))


def position_values(board: Row, position: RankPosition) -> dict[str, Any]:
    """Return the values of POSITION, and `board`."""
    sort_key = build_sort_key(board, position.score)
    return {**season_values(board), **position._asdict(), "sort_key": sort_key}


def build_sort_key(board: Row, score: int) -> int:
    """Return the sort key of a score; of a sort key, the score."""
    return score if board["order"] == "asc" else -score


def board_row(columns: tuple[Any, ...]) -> Row:
    """Return the board's row, of BOARD_COLUMNS."""
    board = dict(zip(BOARD_COLUMNS, columns, strict=True))
    flags = {name: bool(board[name]) for name in ("private", "ask_email")}  # in SQLite 0 and 1
    settings = {name: _read_setting(board[name]) for name in ("show", "format", "windows")}
    return {**board, **flags, **settings, "schedule": decode_schedule(board["schedule"])}


@functools.lru_cache(maxsize=1000)
def _read_setting(text: str) -> Any:
    """Return a setting that is kept as JSON. Every increment reads the board, and boards have few
    different ones."""
    return json.loads(text)


def player_row(columns: tuple[Any, ...]) -> Row:
    """Return the player's row, of PLAYER_COLUMNS, after which the text of the data may follow."""
    if len(columns) > len(PLAYER_COLUMNS):
        row, text = player_row(columns[:-1]), columns[-1]
        return {**row, "data": decode_data(text)} if text else row
    return dict(zip(PLAYER_COLUMNS, (*columns[:-3], *map(bool, columns[-3:])), strict=True))


def decode_joined(joined: str, is_new: Callable[[int], bool]) -> list[Row]:
    """Return the players in ChangeRow's `joined` who have joined by a change that is new to a
    feed. `is_new` takes the change's number."""
    players = [player for player in json.loads(joined) if is_new(player["seq"])]
    return [{field: player[field] for field in ("id", "name", "score")} for player in players]
