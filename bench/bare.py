"""The baseline and the comparison of requests: bare Django views on the service's database.

The views of the baseline do the work that cannot be left out: one read of the five best by index,
one atomic update, or no store at all. Those of the comparison have the code shape of the article
that made this kind of service known: each access tries to create its table, sorts without an index,
and reads again what it has updated. Both have a plain table, `bare`, with as many players as the
service has.

Served by gunicorn as `bench.bare:application`; `python -m bench.bare PLAYERS` fills the table.
"""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from rethinkdb import r

from bench.fill import players
from leaderboard_project.settings import DATABASES
from leaderboardapp.stores.rethinkdb.address import parse_url
from leaderboardapp.stores.rethinkdb.sort_keys import season_bounds

URL = os.environ["DATABASE_URL"]
if URL.startswith("sqlite"):
    DATABASES["default"]["OPTIONS"]["timeout"] = 10  # writers do not take turns here
CREATE = "CREATE TABLE IF NOT EXISTS bare (id TEXT PRIMARY KEY, board TEXT, score INTEGER)"
TOP = (
    "SELECT player, name, score FROM player WHERE board_id = 'b' AND season = 1 AND NOT hidden"
    " ORDER BY negative, reached_at, player LIMIT 5"
)
ADD = "UPDATE bare SET score = score + 1 WHERE id = %s"
thread = threading.local()


def run_sql(statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def run_reql(query: Any) -> Any:
    if not hasattr(thread, "connection"):
        thread.connection = r.connect(**parse_url(URL).arguments())
    return query.run(thread.connection)


class BareSql:
    """The work of the views on SQLite and PostgreSQL."""

    def top(self) -> Any:
        return run_sql(TOP)

    def add(self, player: str) -> Any:
        return run_sql(f"{ADD} RETURNING score", player)

    def article_top(self) -> Any:
        run_sql(CREATE)
        return run_sql("SELECT id, score FROM bare WHERE board = 'b' ORDER BY score DESC LIMIT 5")

    def article_add(self, player: str) -> Any:
        run_sql(CREATE)
        run_sql(ADD, player)
        return run_sql("SELECT score FROM bare WHERE id = %s", player)

    def fill(self, number: int) -> None:
        run_sql(CREATE)
        with connection.cursor() as cursor:
            for batch in players(number):
                cursor.executemany(
                    "INSERT INTO bare VALUES (%(player)s, 'b', %(score)s)"
                    " ON CONFLICT (id) DO UPDATE SET score = excluded.score",
                    batch,
                )


class BareRethink:
    """The work of the views on RethinkDB."""

    table = r.table("bare")

    def top(self) -> Any:
        ranked = r.table("players").between(*season_bounds("b", 1), index="desc")
        best = ranked.order_by(index="desc").limit(5).pluck("player", "name", "score")
        return run_reql(best.coerce_to("array"))

    def add(self, player: str) -> Any:
        change = {"score": r.row["score"] + 1}
        return run_reql(self.table.get(player).update(change, return_changes=True))["changes"]

    def create(self) -> None:
        try:
            run_reql(r.table_create("bare"))
        except r.ReqlOpFailedError:
            pass  # it exists

    def article_top(self) -> Any:
        self.create()
        return run_reql(self.table.filter({"board": "b"}).order_by(r.desc("score")).limit(5))

    def article_add(self, player: str) -> Any:
        self.create()
        run_reql(self.table.get(player).update({"score": r.row["score"] + 1}))
        return run_reql(self.table.get(player))

    def fill(self, number: int) -> None:
        self.create()
        for batch in players(number):
            rows = [{"id": row["player"], "board": "b", "score": row["score"]} for row in batch]
            run_reql(self.table.insert(rows, durability="soft", conflict="replace"))


store = BareRethink() if URL.startswith("rethinkdb") else BareSql()


def view(answer: Callable[..., Any]) -> Callable[..., HttpResponse]:
    """Return a view that responds with the answer as JSON."""

    def respond(request: HttpRequest, **ids: str) -> HttpResponse:
        response = JsonResponse({"answer": answer(**ids)})
        response["Content-Length"] = len(response.content)
        return response

    return respond


def constant(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=304, headers={"ETag": '"constant"'})


urlpatterns = [
    path("top/", view(store.top)),
    path("constant/", constant),
    path("add/<player>/", view(store.add)),
    path("article/top/", view(store.article_top)),
    path("article/add/<player>/", view(store.article_add)),
]
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES=DATABASES,
    ROOT_URLCONF=__name__,
    SECRET_KEY="bench",
    USE_TZ=True,
)

if __name__ == "__main__":
    django.setup()
    store.fill(int(sys.argv[1]))
else:
    application = get_wsgi_application()
