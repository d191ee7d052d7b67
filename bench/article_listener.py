"""The comparison for dblistener.py: a listener as in the article, on the service's tables.

It follows the changefeed of the players. For each change it reads the board's best again, sorted
without an index, and publishes them in a request of their own. Changes are processed one after the
other: none is coalesced, skipped or repeated. RethinkDB only: SQLite has no changefeed to follow.

Run with the listener's environment as `python -m bench.article_listener`.
"""

import os

from gripcontrol import GripPubControl, HttpStreamFormat, parse_grip_uri
from pubcontrol import Item
from rethinkdb import r

from bench.viewers import event, snapshot
from leaderboardapp.stores.rethinkdb.address import parse_url


def main() -> None:
    address = parse_url(os.environ["DATABASE_URL"]).arguments()
    following, reading = r.connect(**address), r.connect(**address)
    proxy = GripPubControl(parse_grip_uri(os.environ["GRIP_URL"]))
    changes = r.table("players").changes().run(following)
    print("listening", flush=True)
    for change in changes:
        board = change["new_val"]["board"]
        ranked = r.table("players").filter({"board": board}).order_by(r.desc("score"))
        players = [(p["player"], p["name"], p["score"]) for p in ranked.limit(5).run(reading)]
        item = Item(HttpStreamFormat(event(snapshot(board, players))))
        proxy.publish(f"board-{board}", item, blocking=True)


if __name__ == "__main__":
    main()
