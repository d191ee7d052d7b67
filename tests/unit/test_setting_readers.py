"""The readers of settings (leaderboard_project.env) take any text, or refuse it by its name."""

import math
from collections.abc import Callable

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboard_project import env
from tests.unit.test_settings import TOKEN_KEY, environment

NAME = "THE_VARIABLE"
# What an environment can hold.
characters = st.characters(codec="utf-8", exclude_characters="\0")
texts = st.text(characters)
# Text that comes near to what is accepted.
numbers = texts | st.floats().map(repr) | st.integers().map(str) | st.decimals().map(str)
schemes = st.sampled_from(["sqlite", "rethinkdb", "postgresql", "amqp", "amqps", "http", "mysql"])
parts = st.lists(
    texts
    | st.sampled_from(
        [*"?#/@:%[]&= ", "//", "localhost", "db", ":99999", "key=", "base64:", "\u00b2"]
    )
)
urls = texts | st.builds("{}://{}".format, schemes, parts.map("".join))


def read_database(name: str) -> object:
    url = env.read_store_url(name, "sqlite:///x")
    return None if url.startswith("rethinkdb:") else env.build_database(name, url)


def read(reader: Callable[[str], object], text: str) -> tuple[object, str]:
    """Return what the reader makes of the text, and the message if it refuses it."""
    with environment(**{NAME: text}):
        try:
            return reader(NAME), ""
        except ImproperlyConfigured as error:
            return None, str(error)


@given(numbers)
def test_any_text_is_a_time_or_is_refused(text: str) -> None:
    seconds, message = read(lambda name: env.read_seconds(name, 0.1, at_most=60), text)
    try:
        wanted = float(text or "0.1")
    except ValueError:
        wanted = math.nan
    if 0 <= wanted <= 60:
        assert (seconds, message) == (wanted, "")
    else:
        end = "is not a time: set it to seconds from 0 to 60."
        assert message == f"{NAME}={text!r} {end}"


@given(numbers)
def test_any_text_is_a_rate_or_is_refused(text: str) -> None:
    rate, message = read(env.read_rate, text)
    try:
        wanted = float(text or "0")
    except ValueError:
        wanted = math.nan
    if wanted == 0 or 0.001 <= wanted <= 1_000_000:
        assert (rate, message) == (wanted, "")
    else:
        assert message.startswith(f"{NAME}={text!r} is not a rate: ")


@given(texts | st.sampled_from(["0", "1", "00", "1\n", "true"]))
def test_any_text_is_a_switch_or_is_refused(text: str) -> None:
    is_on, message = read(lambda name: env.read_switch(name, True), text)
    if text in ("", "0", "1"):
        assert (is_on, message) == (text != "0", "")
    else:
        assert message == f"{NAME}={text!r} is not a switch: set it to 0 or 1."


READERS_OF_URLS = [read_database, env.read_proxies, env.read_broker_url]
READERS_OF_ENTRIES = [env.read_token_keys, env.read_routes, env.read_origins]


@pytest.mark.parametrize("reader", READERS_OF_URLS)
@given(text=urls)
@example(text="http://[")
@example(text="http://host?key=base64:A")
@example(text="postgresql://host/db?port=\u00b2")
def test_any_text_is_a_url_or_is_refused(reader: Callable[[str], object], text: str) -> None:
    _, message = read(reader, text)
    assert not message or message.startswith((f"{NAME}=", f"{NAME} "))


@pytest.mark.parametrize("reader", READERS_OF_ENTRIES)
@given(text=texts | st.lists(st.sampled_from([TOKEN_KEY, "ES256:", "*", "a={}", " "])).map("".join))
@example(text="ES256:" + "a" * 5000)
def test_any_text_is_entries_or_is_refused(reader: Callable[[str], object], text: str) -> None:
    _, message = read(reader, text)
    assert not message or message.startswith(f"{NAME} has ")


# Without a space, which ends one of several URLs.
passwords = st.builds(
    "{}geheim{}".format,
    *[st.text(characters, max_size=5).map(lambda text: "".join(text.split()))] * 2,
)


@pytest.mark.parametrize("reader", READERS_OF_URLS)
@pytest.mark.parametrize(
    "form", ["{scheme}://u:{password}@{end}", "{scheme}://h{end}?key={password}"]
)
@given(scheme=schemes | texts, password=passwords, end=parts.map("".join))
@example(scheme="rethinkdb", password="a?geheim", end="host:abc/db")
@example(scheme="rethinkdb", password="a@geheim", end=":abc/db")
@example(scheme="amqp", password="a#geheim", end="host:abc/db")
@example(scheme="ftp", password="geheim", end="host")
def test_a_password_is_never_shown(
    reader: Callable[[str], object], form: str, scheme: str, password: str, end: str
) -> None:
    _, message = read(reader, form.format(scheme=scheme, password=password, end=end))
    assert "geheim" not in message
