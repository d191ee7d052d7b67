"""RethinkDB's URLs: what they say, and what is wrong with them."""

import pytest

from leaderboardapp.stores.rethinkdb.address import Host, parse_url


def test_a_url_gives_hosts_and_credentials_decoded() -> None:
    address = parse_url("rethinkdb://us%40er:p%3Ass%2F@db.example:28016/scores?ssl_ca=/etc/ca.pem")
    assert address.arguments() == {
        "host": "db.example",
        "port": 28016,
        "user": "us@er",
        "password": "p:ss/",
        "db": "scores",
        "ssl": {"ca_certs": "/etc/ca.pem"},
    }


def test_a_url_needs_only_a_database() -> None:
    address = parse_url("rethinkdb:///scores")
    assert address.hosts == (Host("localhost", 28015),)
    assert address.login == {"user": "admin", "password": "", "db": "scores", "ssl": {}}
    assert address.replicas is address.shards is None


def test_a_url_may_name_several_hosts() -> None:
    hosts = "a,b.example:28016,[::1]:28017,[::2]"
    address = parse_url(f"rethinkdb://u:a,b@{hosts}/db?replicas=3&shards=2")
    names = ["a:28015", "b.example:28016", "[::1]:28017", "[::2]:28015"]
    assert [str(host) for host in address.hosts] == names
    assert address.arguments(address.hosts[2])["host"] == "::1"
    assert (address.login["password"], address.replicas, address.shards) == ("a,b", 3, 2)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("rethinkdb:db", "no // before the hosts"),
        ("rethinkdb://host", "names no database"),
        ("rethinkdb://host/a/b", "its database has other characters"),
        ("rethinkdb://host:70000/db", "the port of the host is not from 1 to 65535"),
        ("rethinkdb://a,b:0/db", "the port of host 2 is not from 1 to 65535"),
        ("rethinkdb://a,b:x/db", "host 2 is not like name:28015"),
        ("rethinkdb://a,,c/db", "host 2 has no name"),
        ("rethinkdb://a,:28016/db", "host 2 has no name"),
        ("rethinkdb://a,b,a:28015/db", "host 3 is named twice"),
        ("rethinkdb://::1/db", "the host is not like"),
        ("rethinkdb://[::g]/db", "the host has no IPv6 address in its brackets"),
        ("rethinkdb://[::1/db", "the host is not like"),
        ("rethinkdb://a/db?replica=3", "none of ssl_ca, replicas, shards"),
        ("rethinkdb://a/db?replicas=", "its option replicas needs one value"),
        ("rethinkdb://a/db?shards=1&shards=2", "its option shards needs one value"),
        ("rethinkdb://a/db?replicas=three", "its option replicas is 'three', not a number from 1"),
        ("rethinkdb://a/db?replicas=0", "its option replicas is '0', not a number from 1 to 64"),
        ("rethinkdb://a/db?shards=65", "its option shards is '65', not"),
        ("rethinkdb://a/db?shards=\u00b2", "its option shards is not a number"),
    ],
)
def test_what_is_wrong_with_a_url_is_named(url: str, reason: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_url(url)
    assert reason in str(raised.value)
