"""The tables behind SqlStore. Programs use leaderboardapp.models instead."""

from django.db import models

from leaderboardapp.stores.sql.schedule_field import ScheduleField

# Which players a board ranks.
RANKED = {"desc": models.Q(hidden=False), "asc": models.Q(hidden=False, scored=True)}
HIDDEN = models.Q(hidden=True)
# The column by which they are sorted. Ascending in either order, so that one comparison of rows
# finds the players before or after a position.
SORT_KEY = {"desc": "negative", "asc": "score"}


class BoardRow(models.Model):
    """A board, with the fields of BOARD_DEFAULTS."""

    id = models.CharField(max_length=80, primary_key=True)
    name = models.CharField(max_length=100)
    size = models.PositiveSmallIntegerField()
    order = models.CharField(max_length=4, db_default="desc")
    ranking = models.CharField(max_length=16, db_default="ordinal")
    min = models.BigIntegerField(null=True)
    max = models.BigIntegerField(null=True)
    max_amount = models.BigIntegerField(null=True)
    private = models.BooleanField(db_default=False)
    ask_email = models.BooleanField(db_default=False)
    player_writes = models.CharField(max_length=4, db_default="none")
    show = models.JSONField(db_default=models.Value([], models.JSONField()))
    format = models.JSONField(db_default=models.Value({"type": "points"}, models.JSONField()))
    schedule = ScheduleField(null=True)
    keep_seasons = models.PositiveIntegerField(db_default=12, null=True)
    windows = models.JSONField(db_default=models.Value([], models.JSONField()))
    season = models.PositiveIntegerField(db_default=1)
    ends_at = models.CharField(max_length=20, null=True)
    since = models.CharField(max_length=20, null=True)

    class Meta:
        db_table = "board"
        indexes = [models.Index(fields=["ends_at"], name="due", condition=~models.Q(ends_at=None))]


class PlayerRow(models.Model):
    """A player of a board. The score is of `season`; after a reset that may be an earlier one than
    the board's, until the player is carried over. Triggers do that at the next change of the row,
    whichever program writes, and keep the row in PastRow as it was."""

    pk = models.CompositePrimaryKey("board_id", "player")
    board = models.ForeignKey(BoardRow, models.CASCADE, db_index=False)
    player = models.CharField(max_length=64)
    name = models.CharField(max_length=100)
    score = models.BigIntegerField(default=0)
    reached_at = models.BigIntegerField(help_text="microseconds since 1970")
    hidden = models.BooleanField(db_default=False)
    scored = models.BooleanField(db_default=True)
    season = models.PositiveIntegerField(db_default=1, help_text="that the score is of")
    negative = models.GeneratedField(
        expression=-models.F("score"), output_field=models.BigIntegerField(), db_persist=True
    )
    keys = models.JSONField(default=list, help_text="idempotency keys counted, oldest first")
    email = models.CharField(max_length=254, null=True)
    data = models.TextField(null=True, help_text="JSON; null for none")

    class Meta:
        db_table = "player"
        constraints = [
            models.UniqueConstraint(
                fields=["board", "email"], name="email", condition=~models.Q(email=None)
            )
        ]
        indexes = [
            models.Index(
                fields=["board", "season", column, "reached_at", "player"],
                name=f"ranked_{order}",
                condition=RANKED[order],
            )
            for order, column in SORT_KEY.items()
        ] + [models.Index(fields=["board", "player"], name="hidden", condition=HIDDEN)]


class SearchRow(models.Model):
    """By which texts a player of a board is found (domain/searching.py), and a board. Players of
    windows are not. It is a table of its own, because PostgreSQL writes all indexes of a table anew
    with each score."""

    pk = models.CompositePrimaryKey("board", "player")
    board = models.CharField(max_length=64)
    player = models.CharField(max_length=64)
    name_key = models.CharField(max_length=100)
    id_key = models.CharField(max_length=64)
    hidden = models.BooleanField()
    newest = models.BigIntegerField(
        null=True, help_text="of a board: the negative of when it was created, or 0"
    )

    class Meta:
        db_table = "search"
        indexes = [
            models.Index(fields=["board", "hidden", f"{key}_key", "player"], name=f"search_{key}")
            for key in ("name", "id")
        ] + [
            models.Index(
                fields=["board", "hidden", "newest", "player"],
                name="search_newest",
                condition=~models.Q(newest=None),
            ),
            models.Index(
                fields=["player", "board"], name="search_player"
            ),  # the boards of a person
        ]


class BlockRow(models.Model):
    """A rank block of a season: players from this position to the next block's, with their count;
    with dense ranking, the count of their scores.

    In the running season triggers keep the counts exact, whichever program writes, with two
    exceptions. The deletions of SQLite's INSERT OR REPLACE fire no trigger. With dense ranking,
    PostgreSQL's ON CONFLICT DO UPDATE and MERGE fire two triggers, which each see a part. The
    counts of a past season stay as they were at its end.

    Without blocks, as on a small board, ranks are counted from the first player on. Blocks may be
    deleted at any time; SqlStore.run_maintenance makes them anew."""

    board = models.ForeignKey(BoardRow, models.CASCADE, db_index=False)
    season = models.PositiveIntegerField(db_default=1)
    place = models.BigIntegerField(help_text="the score, or its negative on a descending board")
    reached_at = models.BigIntegerField()
    player = models.CharField(max_length=64)
    count = models.BigIntegerField()

    class Meta:
        db_table = "block"
        constraints = [
            models.UniqueConstraint(
                fields=["board", "season", "place", "reached_at", "player"], name="block_place"
            )
        ]


class SeasonRow(models.Model):
    """A past season: the board and its top as they were at its end.

    All ranked players are in PastRow, once they are carried over. An earlier version kept the top
    only."""

    TOP, MOVING, WHOLE = "top", "moving", "whole"

    pk = models.CompositePrimaryKey("board_id", "number")
    board = models.ForeignKey(BoardRow, models.CASCADE, db_index=False)
    number = models.PositiveIntegerField()
    ended_at = models.CharField(max_length=20)
    settings = models.JSONField()
    players = models.JSONField()
    archive = models.CharField(
        max_length=6,
        db_default=TOP,
        help_text="who is in PastRow: the top only, those who are carried over, or all",
    )

    class Meta:
        db_table = "season"
        indexes = [
            models.Index(fields=["board"], name="moving", condition=models.Q(archive="moving"))
        ]


class PastRow(models.Model):
    """A player who was ranked at the end of a past season, as of then. Who is deleted since is
    erased (domain/archive.py)."""

    board = models.ForeignKey(BoardRow, models.CASCADE, db_index=False)
    season = models.PositiveIntegerField()
    player = models.CharField(help_text="longer than an id if erased")
    name = models.CharField(max_length=100)
    score = models.BigIntegerField()
    place = models.BigIntegerField(help_text="the sort key, by the order of the season")
    reached_at = models.BigIntegerField()
    scored = models.BooleanField()
    data = models.TextField(null=True)

    class Meta:
        db_table = "past"
        indexes = [
            # The condition holds of all players. Readers in the board's order name it, others do
            # not: PostgreSQL, before it knows how many there are, would search a whole season here
            # for the player that the other index finds.
            models.Index(
                fields=["board", "season", "place", "reached_at", "player"],
                name="past_ranked",
                condition=models.Q(season__gt=0),
            ),
            # Not unique: players who were erased in different ties may have the same id.
            models.Index(fields=["board", "player", "season"], name="past_player"),
        ]


class ChangeRow(models.Model):
    """The newest change of each board. Its number is SQLite's order of commits, or PostgreSQL's
    transaction. Triggers write the row, so that no program's change is missed. A deleted board
    keeps its row, or no feed would notice."""

    board = models.CharField(max_length=80, primary_key=True)
    seq = models.BigIntegerField(db_index=True)
    joined = models.JSONField(
        db_default=models.Value([], models.JSONField()), help_text="the newest players, by name"
    )

    class Meta:
        db_table = "change"


class LeaseRow(models.Model):
    """The lease of the active listeners, in the table's only row."""

    holder = models.CharField(max_length=64)
    beat = models.BigIntegerField()
    position = models.BigIntegerField()
    parts = models.TextField(null=True, help_text="JSON: which listener has which part")

    class Meta:
        db_table = "lease"


class TicketRow(models.Model):
    """A ticket that was used. It is forgotten when it has long expired."""

    id = models.CharField(max_length=64, primary_key=True)
    used_at = models.BigIntegerField(db_index=True, help_text="microseconds since 1970")

    class Meta:
        db_table = "ticket"


class ImportRow(models.Model):
    """How far an import has come. A batch is one transaction, so it is never half done."""

    pk = models.CompositePrimaryKey("board_id", "name")
    board = models.ForeignKey(BoardRow, models.CASCADE, db_index=False)
    name = models.CharField(max_length=255)
    line = models.BigIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        db_table = "import"


class CopyRow(models.Model):
    """How far the service has been made from a copy, in the table's only row."""

    copy = models.CharField(max_length=64)
    line = models.BigIntegerField()

    class Meta:
        db_table = "copy"


class MessageRow(models.Model):
    """A message that was published within KEPT_SECONDS. The newest one is never deleted, so that a
    stream notices what it has missed."""

    seq = models.BigIntegerField(null=True, help_text="the transaction's number; not in SQLite")
    exchange = models.CharField(max_length=64)
    topic = models.TextField(help_text="JSON, as topics.encode_topic gives it")
    payload = models.TextField(help_text="JSON")
    at = models.BigIntegerField(help_text="microseconds since 1970")

    class Meta:
        db_table = "message"
        indexes = [
            models.Index(fields=["seq"], name="published", condition=~models.Q(seq=None)),
        ]
