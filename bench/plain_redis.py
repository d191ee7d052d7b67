"""The comparison with Redis: plain Django views on a sorted set, as one would begin a leaderboard.

A poll is one ZREVRANGE, an increment one ZINCRBY. For viewers there is an increment that also reads
the best players and publishes them, and a view that subscribes and streams what comes. Each viewer
takes a thread of a web process for as long as the stream is held.

Nothing is durable, and nobody has a name. Equal scores rank by the player's id, not by time. No
token, limit, season or key is checked or remembered, and no poll is answered 304.

Served by gunicorn as `bench.plain_redis:application`, with the server's address in REDIS_URL.
"""

import os
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from redis import Redis
from redis.client import Pipeline, PubSub

from bench.viewers import event, snapshot

BOARD = "b"
KEEP_ALIVE_SECONDS = 1.0  # after which a stream finds out that its viewer has gone
redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


def read_best(commands: Redis | Pipeline) -> Any:
    return commands.zrevrange(BOARD, 0, 4, withscores=True)


def respond(**answer: Any) -> HttpResponse:
    response = JsonResponse(answer)
    response["Content-Length"] = len(response.content)
    return response


def top(request: HttpRequest) -> HttpResponse:
    return respond(answer=read_best(redis))


def add(request: HttpRequest, player: str) -> HttpResponse:
    return respond(answer=redis.zincrby(BOARD, 1, player))


def to_snapshot(best: list[tuple[str, float]]) -> str:
    return snapshot(BOARD, [(player, player, int(score)) for player, score in best])


def add_and_publish(request: HttpRequest, player: str) -> HttpResponse:
    commands = redis.pipeline()
    commands.zincrby(BOARD, 1, player)
    read_best(commands)
    score, best = commands.execute()
    redis.publish(BOARD, to_snapshot(best))
    return respond(score=score)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def events() -> Iterator[str]:
        with PubSub(redis.connection_pool, ignore_subscribe_messages=True) as subscription:
            subscription.subscribe(BOARD)
            subscription.get_message(timeout=60)  # the answer: from now on nothing is missed
            yield event(to_snapshot(read_best(redis)))
            while True:
                message = subscription.get_message(timeout=KEEP_ALIVE_SECONDS)
                yield event(message["data"]) if message else ": keep-alive\n\n"

    return StreamingHttpResponse(events(), content_type="text/event-stream")


urlpatterns = [
    path("top/", top),
    path("add/<player>/", add),
    path("boards/b/", stream),
    path("boards/b/players/<player>/score-add/", add_and_publish),
]
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="bench",
    USE_TZ=True,
)
application = get_wsgi_application()
