"""Messages: each topic has one document, which every message replaces."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from rethinkdb import RethinkDB
from rethinkdb.errors import ReqlCompileError, ReqlError, ReqlQueryLogicError

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.topics import Everything, Filter, Pattern, Regex, Reql, Tags
from leaderboardapp.stores.circuit_breaker import Unreachable
from leaderboardapp.stores.rethinkdb.address import Host
from leaderboardapp.stores.rethinkdb.connection import (
    CompiledFunction,
    Connections,
    keep_alive,
    r,
)
from leaderboardapp.stores.rethinkdb.feed import READY_SECONDS
from leaderboardapp.stores.rethinkdb.hosts import CONNECT_SECONDS
from leaderboardapp.stores.rethinkdb.results import raise_for_errors
from leaderboardapp.stores.streams import (
    EXPIRED_AT_ONCE,
    EncodedMessage,
    MessageStream,
    Subscription,
)

T = TypeVar("T")

LOOKS = 20  # at work of the loop, before it is too late

TOPICS = r.table("topics")

# The driver that can read many changefeeds through one connection.
async_r = RethinkDB()
async_r.set_loop_type("asyncio")


def publish(run: Callable[[Any], Any], exchange: str, topic: str, payloads: Sequence[str]) -> None:
    """Publish messages of one topic with `run`, which sends a query. Raises StoreUnavailable."""
    document = {
        "id": hashlib.blake2b(f"{exchange} {topic}".encode(), digest_size=32).hexdigest(),
        "exchange": exchange,
        "topic": json.loads(topic),
        "at": r.now().to_epoch_time(),
    }

    def write(payload: Any) -> Any:
        # The id, because an equal document would be no change.
        message = {**document, "payload": payload, "message": r.uuid()}
        return TOPICS.insert(message, conflict="replace", durability="soft")

    # Each message replaces the one before, and the server writes them one after the other.
    raise_for_errors(run(r.expr([*payloads]).for_each(write)))


def expire_messages(run: Callable[[Any], Any], older: float) -> None:
    """Delete up to EXPIRED_AT_ONCE messages that are older than so many seconds."""
    before = r.now().to_epoch_time() - older

    def delete_if_old(row: Any) -> Any:
        return r.branch(row["at"].default(before) < before, None, row)

    oldest = (
        TOPICS.between(r.minval, before, index="at").order_by(index="at").limit(EXPIRED_AT_ONCE)
    )
    run(oldest.replace(delete_if_old, durability="soft"))


class RethinkMessageStream(MessageStream):
    """One changefeed for each subscription. The server applies the filter."""

    def __init__(self, connections: Connections) -> None:
        self.runner = asyncio.Runner()  # its tasks run while one of our methods waits
        self.cursors: dict[Subscription, Any] = {}
        self.tasks: dict[Subscription, asyncio.Task[None]] = {}
        self.received: list[tuple[Subscription, EncodedMessage | None]] = []
        self.failed: Exception | None = None
        self.wakeup = asyncio.Event()
        self.address = connections.address
        try:
            self.connection = connections.hosts.connect(self._connect)
        except Unreachable:
            self.runner.close()
            raise
        keep_alive(self.connection._instance._streamwriter.get_extra_info("socket"))

    def subscribe(self, subscription: Subscription) -> None:
        if isinstance(subscription.filter, Regex):
            # The server's RE2 may be years older than ours. A changefeed skips documents that fail.
            search = async_r.expr("").match(subscription.filter.expression)
            self._wait(search.run(self.connection), CONNECT_SECONDS)
        self._wait(self._open(subscription), READY_SECONDS)

    def unsubscribe(self, subscription: Subscription) -> None:
        self.tasks.pop(subscription).cancel()
        self._wait(self.cursors.pop(subscription).close(), READY_SECONDS)

    def poll(self, timeout: float) -> list[tuple[Subscription, EncodedMessage | None]]:
        self._wait(self._wait_for_messages(timeout), timeout + READY_SECONDS)
        if self.failed:
            raise StoreUnavailable(f"RethinkDB: {_reason(self.failed)}") from self.failed
        received, self.received = self.received, []
        return received

    def check(self) -> None:
        self._wait(async_r.expr(1).run(self.connection), CONNECT_SECONDS)

    def close(self) -> None:
        try:
            self._wait(self.connection.close(noreply_wait=False), CONNECT_SECONDS)
        except StoreUnavailable:
            pass
        self.runner.close()

    def _connect(self, host: Host) -> Any:
        try:
            connecting = async_r.connect(**self.address.arguments(host), timeout=CONNECT_SECONDS)
            return self._wait(connecting, CONNECT_SECONDS)
        except StoreUnavailable as error:
            raise Unreachable(f"{error} ({host})") from error

    def _wait(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        with _map_driver_errors():
            return self.runner.run(finish(work, seconds))

    async def _wait_for_messages(self, timeout: float) -> None:
        if not self.received:
            self.wakeup.clear()
            try:
                await asyncio.wait_for(self.wakeup.wait(), timeout)
            except TimeoutError:
                pass

    async def _open(self, subscription: Subscription) -> None:
        def is_wanted(row: Any) -> Any:
            passes = matches_filter(row["topic"], subscription.filter)
            return row["exchange"].eq(subscription.exchange) & passes

        feed = TOPICS.filter(is_wanted).changes(
            include_states=True, include_types=True, squash=False
        )
        fields = feed.pluck("type", "state", "error", {"new_val": ["topic", "payload"]})
        cursor = self.cursors[subscription] = await fields.run(self.connection)
        async for change in cursor:
            if change.get("state") == "ready":
                break
        self.tasks[subscription] = asyncio.create_task(self._follow(subscription, cursor))

    async def _follow(self, subscription: Subscription, cursor: Any) -> None:
        try:
            async for change in cursor:
                if change.get("error"):
                    self.received.append((subscription, None))  # changes were skipped
                elif new := change.get("new_val"):
                    message = EncodedMessage(json.dumps(new["topic"]), new["payload"])
                    self.received.append((subscription, message))
                self.wakeup.set()
            raise ConnectionError("the feed ended")
        except Exception as error:  # whatever ends the task has to reach poll()
            self.failed = error
            self.wakeup.set()


def compile_reql(function: Callable[[Any], Any]) -> Reql:
    """Return the filter of a function of ReQL, which is called once. Raises ValueError."""

    def build(topic: Any) -> Any:
        condition = function(topic)
        if not isinstance(condition, r.ast.RqlQuery):
            raise TypeError(f"it returned {condition!r:.80}, which the server cannot run")
        return condition

    try:
        compiled = CompiledFunction(build)
        json.dumps(compiled.wire, ensure_ascii=False).encode()  # raises if it is no Unicode text
        return Reql(compiled)
    except Exception as error:  # whatever the function raises
        raise ValueError(
            "reql takes a function that makes ReQL of the topic, such as"
            f" lambda topic: topic.match('^a'): {type(error).__name__}: {error}"
        ) from error


def matches_filter(topic: Any, wanted: Filter) -> Any:
    """Return, as ReQL, whether the filter lets the topic pass: the same as `filter.matches`.

    A function's error, as for a topic of another shape, is no match in a changefeed."""
    match wanted:
        case Everything():
            return r.expr(True)
        case Regex(expression):
            return _if_type(topic, "STRING", topic.match(expression).ne(None))
        case Tags(tags):
            return _if_type(topic, "ARRAY", topic.contains(*sorted(tags)))
        case Pattern():
            return _matches_pattern(topic, wanted.fields)
        case Reql(function):
            return r.do(topic, function)


def _if_type(value: Any, type: str, then: Any) -> Any:
    return r.branch(value.type_of().eq(type), then, False)


def _matches_pattern(value: Any, wanted: Any) -> Any:
    match wanted:
        case None:
            return value.ne(None)
        case dict():
            fields = (
                _matches_pattern(value[key].default(None), part) for key, part in wanted.items()
            )
            return _if_type(value, "OBJECT", r.and_(*fields))
        case list():
            # One by one: asked for two equal elements at once, the server wants to find two.
            parts = (value.contains(part) for part in wanted)
            return _if_type(value, "ARRAY", r.and_(*parts))
        case _:
            return value.eq(wanted)


async def finish(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Return what `work` returns. Raises TimeoutError if it is not done after so many seconds.

    They are LOOKS turns of the loop at least, because a busy process comes late to an answer that
    is there: with 200 threads at work in it, each turn may take a second."""
    task = asyncio.ensure_future(work)
    for _ in range(LOOKS):
        await asyncio.wait([task], timeout=seconds / LOOKS)
        if task.done():
            return task.result()
    task.cancel()
    await asyncio.wait([task], timeout=seconds)
    raise TimeoutError


@contextmanager
def _map_driver_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise StoreUnavailable("RethinkDB did not answer in time") from error
    except (ReqlCompileError, ReqlQueryLogicError) as error:
        raise ValueError(f"RethinkDB refuses the filter: {_reason(error)}") from error
    except (ReqlError, OSError, AttributeError) as error:  # AttributeError: it was closed
        raise StoreUnavailable(f"RethinkDB: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "message", error))  # without the query
