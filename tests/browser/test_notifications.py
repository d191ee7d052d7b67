"""From a real broker to a page of somebody's own, which watches with what browsers have."""

import json
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.amqp.broker import Broker, broker_at
from tests.browser.conftest import Visits
from tests.support.servers import RabbitServer
from tests.support.stack import Stack

ROUTES = "invoice.*=/events/invoices/ match.{board}.goal=/boards/{board}/"
WATCH = """([board, webSockets]) => {
    const list = document.body.appendChild(document.createElement("ol"));
    list.id = "received";
    const show = (from, { key, data }) => {
        const line = list.appendChild(document.createElement("li"));
        line.textContent = `${from}: ${key} ${JSON.stringify(data)}`;
    };
    const opened = [];
    for (const path of ["/events/invoices/", board]) {
        const source = new EventSource(path);
        source.addEventListener("notification", event => show("stream", JSON.parse(event.data)));
        const socket = new WebSocket(`${webSockets}${path}ws/`);
        socket.onmessage = message => {
            const { event, data } = JSON.parse(message.data);
            if (event === "notification") show("socket", data);
        };
        for (const each of [source, socket])
            opened.push(new Promise(resolve => each.addEventListener("open", resolve)));
    }
    return Promise.all(opened);
}"""


@pytest.fixture(scope="module")
def stack(rabbit: RabbitServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    with Stack(
        f"sqlite:///{folder}/leaderboard.sqlite3",
        folder,
        websockets=True,
        amqp_url=rabbit.vhost(uuid.uuid4().hex),
        amqp_routes=ROUTES,
    ) as stack:
        yield stack


@pytest.fixture
def broker(stack: Stack) -> Iterator[Broker]:
    with broker_at(stack.env["AMQP_URL"]) as broker:
        yield broker


def test_a_page_shows_each_notification_by_stream_and_by_socket(
    stack: Stack, broker: Broker, visit: Visits, board: str, board_id: str
) -> None:
    # The service's own pages connect to their own origin only, and WebSockets have another one.
    page = visit(board, bypass_csp=True)
    page.evaluate(WATCH, [board, f"ws://localhost:{stack.ws_port}"])
    lines = page.locator("#received li")
    notifications = {"invoice.paid": {"total": "12.50 €"}, f"match.{board_id}.goal": ["Alice", 89]}
    for count, (key, data) in enumerate(notifications.items(), start=1):
        broker.publish(key, data)
        expect(lines).to_have_count(2 * count)
        text = f"{key} {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}"
        newest = lines.all_text_contents()[-2:]
        assert sorted(newest) == [f"socket: {text}", f"stream: {text}"]
