"""The tables behind SqlStore. Programs use leaderboardapp.models instead."""

from django.db import models

RANKED = {"desc": models.Q(hidden=False), "asc": models.Q(hidden=False, scored=True)}
HIDDEN = models.Q(hidden=True)
# Ascending in either order, so that one comparison of rows finds what is before or after a player.
PLACE = {"desc": "negative", "asc": "score"}


class BoardRow(models.Model):
    id = models.CharField(max_length=64, primary_key=True)
    name = models.CharField(max_length=100)
    size = models.PositiveSmallIntegerField()
    order = models.CharField(max_length=4, db_default="desc")
    ranking = models.CharField(max_length=16, db_default="ordinal")
    min = models.BigIntegerField(null=True)
    max = models.BigIntegerField(null=True)
    max_amount = models.BigIntegerField(null=True)
    private = models.BooleanField(db_default=False)
    ask_email = models.BooleanField(db_default=False)
    schedule = models.CharField(max_length=10, null=True)
    season = models.PositiveIntegerField(db_default=1)
    ends_at = models.CharField(max_length=20, null=True)

    class Meta:
        db_table = "board"
        indexes = [models.Index(fields=["ends_at"], name="due", condition=~models.Q(ends_at=None))]


class PlayerRow(models.Model):
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

    class Meta:
        db_table = "player"
        constraints = [
            models.UniqueConstraint(
                fields=["board", "email"], name="email", condition=~models.Q(email=None)
            )
        ]
        indexes = [
            models.Index(
                fields=["board", "season", place, "reached_at", "player"],
                name=f"ranked_{order}",
                condition=RANKED[order],
            )
            for order, place in PLACE.items()
        ] + [models.Index(fields=["board", "player"], name="hidden", condition=HIDDEN)]


class BlockRow(models.Model):
    """A stretch of a large board's ranking, from this place to the next block's, and how many
    players are in it; with dense ranking, how many scores. Triggers keep the counts exact,
    whoever writes (but by SQLite's INSERT OR REPLACE, whose deletions fire none; and with dense
    ranking by PostgreSQL's ON CONFLICT DO UPDATE and MERGE, of which each trigger sees a part).
    Without blocks, as on a small board, ranks are counted from the first player on; blocks may be
    deleted at any time, and SqlStore.tidy makes them anew."""

    board = models.ForeignKey(BoardRow, models.CASCADE, db_index=False)
    place = models.BigIntegerField(help_text="the score, or its negative on a descending board")
    reached_at = models.BigIntegerField()
    player = models.CharField(max_length=64)
    count = models.BigIntegerField()

    class Meta:
        db_table = "block"
        constraints = [
            models.UniqueConstraint(
                fields=["board", "place", "reached_at", "player"], name="block_place"
            )
        ]


class SeasonRow(models.Model):
    """A past season: the board and its top as they were at its end."""

    pk = models.CompositePrimaryKey("board_id", "number")
    board = models.ForeignKey(BoardRow, models.CASCADE, db_index=False)
    number = models.PositiveIntegerField()
    ended_at = models.CharField(max_length=20)
    settings = models.JSONField()
    players = models.JSONField()

    class Meta:
        db_table = "season"


class ChangeRow(models.Model):
    """The newest change of each board, numbered: in SQLite in the order of commits, in PostgreSQL
    by its transaction. Triggers keep it, so that a row changed by any program is seen; a deleted
    board keeps its row, or nobody would learn."""

    board = models.CharField(max_length=64, primary_key=True)
    seq = models.BigIntegerField(db_index=True)
    joined = models.JSONField(
        db_default=models.Value([], models.JSONField()), help_text="the newest players, by name"
    )

    class Meta:
        db_table = "change"


class LeaseRow(models.Model):
    """The one row of the active listener."""

    holder = models.CharField(max_length=64)
    beat = models.BigIntegerField()
    position = models.BigIntegerField()

    class Meta:
        db_table = "lease"


class ImportRow(models.Model):
    pk = models.CompositePrimaryKey("board_id", "name")
    board = models.ForeignKey(BoardRow, models.CASCADE, db_index=False)
    name = models.CharField(max_length=255)
    line = models.BigIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        db_table = "import"


class MessageRow(models.Model):
    """What was published a short while ago (KEPT_SECONDS). The newest is never deleted, so that a
    reader finds out what it has missed."""

    seq = models.BigIntegerField(null=True, help_text="the transaction's number; not in SQLite")
    exchange = models.CharField(max_length=64)
    topic = models.TextField(help_text="JSON, as topics.canonical gives it")
    payload = models.TextField(help_text="JSON")
    at = models.BigIntegerField(help_text="microseconds since 1970")

    class Meta:
        db_table = "message"
        indexes = [
            models.Index(fields=["seq"], name="published", condition=~models.Q(seq=None)),
        ]
