"""Publishing to one proxy over ZeroMQ, which tells whom it holds.

The proxy subscribes to the GRIP channels that it holds somebody for (its push_in_sub_specs). An
XPUB socket is told of each, and of each that it holds nobody for any more.

Source: ZeroMQ's zmq_socket(3) and zmq_setsockopt(3).
"""

import logging
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

import zmq
from zmq.utils.monitor import recv_monitor_message

from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.realtime.proxy_client import News, ProxyClient, ProxyUnavailable, Publication

logger = logging.getLogger(__name__)

# A peer that does not answer for so long is gone.
HEARTBEAT_SECONDS, GONE_SECONDS = 1.0, 3.0
RECONNECT_SECONDS, MOST_RECONNECT_SECONDS = 0.1, 1.0
# After it has connected a proxy says what it holds, all at once. It is complete when no more has
# come for QUIET_SECONDS, or after SETTLE_SECONDS: it may hold nobody, or more and more.
QUIET_SECONDS, SETTLE_SECONDS = 0.5, 5.0
MAX_WAITING = 10_000  # messages for a proxy that reads slowly
# Who joins may have been shown a first snapshot before it is known here that somebody is held. So
# events are sent to those, too, who are held so soon afterwards; and how many are kept for that.
JOIN_SECONDS, MAX_UNHELD = 0.5, 500
SEND_SECONDS, RETRY_SECONDS = 1.0, 0.01  # how long, and how often, to try when so many wait
LINGER_SECONDS = 1.0  # for what waits when the client is closed
AWAY_SECONDS = 5.0  # after which it is said that there is no connection
POLL_SECONDS = 0.2  # how late the end of the thread may be noticed
SUBSCRIBED = 1  # the first byte of what the proxy says
EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED


class ZmqProxyClient(ProxyClient):
    """Publishes to a proxy that this process has connected to.

    A thread reads what the proxy says. It shares the socket with those that publish: each uses it
    under the lock, and then reads what has come, because ZeroMQ tells of that only once."""

    tells_holds = True

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.lock = threading.Lock()
        self.held: set[str] = set()  # GRIP channels
        self.news: list[News] = []
        self.on_news: Callable[[], None] | None = None  # None: nobody takes news
        self.unheld: deque[tuple[float, Publication]] = deque(maxlen=MAX_UNHELD)
        self.is_connected = self.is_settled = False
        self.is_missed = False  # it was away for so long that this was said
        # By time.monotonic(): when the connection began, or ended; and when the proxy has said
        # something since, if it has.
        self.changed_at = time.monotonic()
        self.heard_at = float("inf")
        self.context = zmq.Context()
        self.socket = self._open_socket()
        self.monitor = self.socket.get_monitor_socket(EVENTS)
        self.socket.connect(uri)
        self.closing = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"holds of {uri}", daemon=True)
        self.thread.start()

    def publish(self, items: Iterable[Publication]) -> None:
        for item in items:
            deadline = time.monotonic() + SEND_SECONDS
            while not self._try_to_publish(item):
                if time.monotonic() > deadline:
                    raise self._unavailable("it reads too slowly")
                time.sleep(RETRY_SECONDS)  # without the lock, for which others wait

    def _try_to_publish(self, item: Publication) -> bool:
        """Return whether there was room for the item."""
        with self.lock:
            self._require_connection()
            has_room = True
            if item.channel in self.held:  # ZeroMQ itself compares beginnings
                has_room = self._send(item)
            elif item.is_event:
                self.unheld.append((time.monotonic(), item))
            self._read()
            return has_room

    def _send(self, item: Publication) -> bool:
        try:
            self.socket.send_multipart([item.channel.encode(), b"J" + item.json], zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _send_unheld(self, new: set[str]) -> None:
        """Send the events of the last moment to GRIP channels that are new."""
        recent = [each for each in self.unheld if time.monotonic() < each[0] + JOIN_SECONDS]
        self.unheld.clear()
        for at, item in recent:
            if item.channel in new:
                self._send(item)
            else:
                self.unheld.append((at, item))

    def check(self) -> None:
        with self.lock:
            self._read()
            self._require_connection()
            if not self._settle():
                raise self._unavailable("it has not said yet whom it holds")

    def is_away(self) -> bool:
        return not self.is_connected

    def holds(self, channel: str) -> bool:
        return channel in self.held

    def count_held(self) -> int:
        return len(self.held)

    def report_to(self, on_news: Callable[[], None] | None) -> None:
        with self.lock:
            self.on_news, self.news = on_news, []

    def repeat_held(self, is_wanted: Callable[[str], bool]) -> None:
        with self.lock:
            held = [*self.held]
        repeated = [News(channel, is_back=True) for channel in held if is_wanted(channel)]
        with self.lock:
            self.news += repeated

    def take_news(self) -> list[News]:
        with self.lock:
            news, self.news = self.news, []
            return news

    def close(self) -> None:
        self.closing.set()
        self.thread.join()
        with self.lock:
            self.is_connected = False
            self.socket.disable_monitor()
            self.monitor.close(linger=0)
            self.socket.close(linger=int(LINGER_SECONDS * 1000))
        self.context.term()

    def _open_socket(self) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self.context.socket(zmq.XPUB)
        for option, value in {
            # A connection that ends takes its queue along, and is told to hold nothing.
            zmq.IMMEDIATE: 1,
            # A new connection may be there before the end of the old one is noticed. So also tell
            # what another one has told before.
            zmq.XPUB_VERBOSE: 1,
            zmq.IPV6: int("[" in self.uri),  # with it, localhost would be ::1 only
            zmq.XPUB_NODROP: 1,  # but wait, or fail
            zmq.SNDHWM: MAX_WAITING,
            zmq.RCVHWM: 0,
            zmq.HEARTBEAT_IVL: int(HEARTBEAT_SECONDS * 1000),
            zmq.HEARTBEAT_TIMEOUT: int(GONE_SECONDS * 1000),
            zmq.HANDSHAKE_IVL: int(GONE_SECONDS * 1000),
            zmq.CONNECT_TIMEOUT: int(GONE_SECONDS * 1000),
            zmq.RECONNECT_IVL: int(RECONNECT_SECONDS * 1000),
            zmq.RECONNECT_IVL_MAX: int(MOST_RECONNECT_SECONDS * 1000),
        }.items():
            socket.setsockopt(option, value)
        return socket

    def _require_connection(self) -> None:
        if not self.is_connected:
            raise self._unavailable("it is not connected")

    def _unavailable(self, reason: str) -> ProxyUnavailable:
        return ProxyUnavailable(self.uri, reason)

    def _run(self) -> None:
        poll = select.poll()
        for socket in (self.socket, self.monitor):
            poll.register(socket, select.POLLIN)
        supervise(self.thread.name, lambda: self._look(poll), self.closing.wait)

    def _look(self, poll: select.poll) -> float:
        """Read what has come, tell of it, and wait for more; return 0.0, for no pause."""
        with self.lock:
            self._read()
            self._report()
            on_news = self.on_news if self.news else None
        if on_news:
            on_news()
        poll.poll(POLL_SECONDS * 1000)
        return 0.0

    def _report(self) -> None:
        """Say that the proxy is away, or is back, if that is new."""
        if self.is_connected and self.is_missed:
            logger.info("%s is connected", self.uri)
            self.is_missed = False
        is_away = not self.is_connected and time.monotonic() >= self.changed_at + AWAY_SECONDS
        if is_away and not self.is_missed:
            logger.warning(
                "%s (GRIP_URL) is not connected: no viewer there is sent anything. Is it the "
                "push_in_sub_specs of a Pushpin that runs? Without one, leave the address out.",
                self.uri,
            )
            self.is_missed = True

    def _read(self) -> None:
        """Read what the proxy has said, and then what became of the connection: whatever ended
        before the proxy said anything is known by then."""
        said, new = [], set()
        while _has_more(self.socket):
            said.append(self.socket.recv(zmq.NOBLOCK))
        while _has_more(self.monitor):
            event = recv_monitor_message(self.monitor, zmq.NOBLOCK)["event"]
            is_connected = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            if is_connected or self.is_connected:  # else another try has failed
                self.changed_at, self.heard_at = time.monotonic(), float("inf")
            self.is_connected, self.is_settled = is_connected, False
        # What has been read only now may have come long ago.
        is_settled = self.is_settled or (not said and self._settle())
        for message in said:
            channel = message[1:].decode(errors="replace")
            if message[0] == SUBSCRIBED:
                self.held.add(channel)
                new.add(channel)
                self.heard_at = time.monotonic()
                if self.on_news:
                    self.news.append(News(channel, is_back=not is_settled))
            else:
                self.held.discard(channel)
        if new and self.unheld:
            self._send_unheld(new)

    def _settle(self) -> bool:
        """Return whether the proxy has said all that it held when it connected."""
        settled_at = min(self.heard_at + QUIET_SECONDS, self.changed_at + SETTLE_SECONDS)
        if self.is_connected and time.monotonic() >= settled_at:
            self.is_settled = True
        return self.is_settled


def _has_more(socket: zmq.Socket[bytes]) -> bool:
    return bool(int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN)
