"""The comparison for `delays`: a small Django project with django-eventstream.

Its view adds to the score in one atomic statement and sends an event of the same size. It has the
service's own settings of SQLite. It keeps no events: its storage is off, which is the default. It
has one board of one player, and so reads no top players.

Served by gunicorn as `bench.eventstream:application`, behind the same Pushpin. It is loaded before
gunicorn forks, because on PostgreSQL two processes cannot make a table at the same moment.
"""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from bench.viewers import snapshot
from leaderboard_project.settings import DATABASES

CREATE = "CREATE TABLE IF NOT EXISTS eventstream (player TEXT PRIMARY KEY, score INTEGER)"
ADD = (
    "INSERT INTO eventstream VALUES (%s, 1)"
    " ON CONFLICT (player) DO UPDATE SET score = eventstream.score + 1 RETURNING score"
)


def add(request: HttpRequest, player: str) -> JsonResponse:
    from django_eventstream import send_event

    with connection.cursor() as cursor:
        cursor.execute(ADD, [player])
        [(score,)] = cursor.fetchall()
    send_event("b", "update", snapshot("b", [(player, "P", score)]), json_encode=False)
    return JsonResponse({"score": score})


settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES=DATABASES,
    GRIP_URL=os.environ["GRIP_URL"],
    INSTALLED_APPS=["django_eventstream"],
    MIDDLEWARE=["django_grip.GripMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="bench" * 8,
    USE_TZ=True,
)
# After the settings, which django-eventstream reads when it is imported.
urlpatterns = [
    path("boards/b/", include("django_eventstream.urls"), {"channels": ["b"]}),
    path("boards/b/players/<player>/score-add/", add),
]
application = get_wsgi_application()
with connection.cursor() as cursor:
    cursor.execute(CREATE)
connection.close()  # each process has its own
