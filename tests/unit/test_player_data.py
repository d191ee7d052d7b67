"""Data of players: what is accepted, and what comes back of it."""

import json
from typing import Any

import pytest
from hypothesis import given

from leaderboardapp.domain.fields import parse_json
from leaderboardapp.domain.player_data import (
    DATA_ACCEPTED,
    MAX_DATA_BYTES,
    MAX_DATA_DEPTH,
    SHOW_ACCEPTED,
    data_field,
    decode_data,
    encode_data,
    select_shown,
    show_field,
)
from tests.support.player_data import player_data

FLAG = "\N{REGIONAL INDICATOR SYMBOL LETTER N}"


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth - 1):
        value = [value]
    return {"k": value}


def of_size(size: int) -> dict[str, str]:
    return {"k": "x" * (size - len('{"k":""}'))}


@given(player_data)
def test_data_comes_back_from_a_request_and_from_the_store_as_it_was_sent(
    data: dict[str, Any],
) -> None:
    sent = json.dumps(data, ensure_ascii=False).encode()
    accepted = data_field(parse_json(sent))
    assert accepted == data
    assert decode_data(encode_data(accepted)) == accepted
    assert list(decode_data(encode_data(accepted))) == list(data)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"k": 1.0}', {"k": 1}),
        ('{"k": 1e2}', {"k": 100}),
        ('{"k": -0.0}', {"k": 0}),
        ('{"k": 0.10}', {"k": 0.1}),
        ('{"k": 9007199254740991}', {"k": 2**53 - 1}),
        ('{"k": 5e-324}', {"k": 5e-324}),
        ("{}", {}),
    ],
)
def test_a_number_has_one_form(text: str, read: dict[str, Any]) -> None:
    accepted = data_field(parse_json(text.encode()))
    assert repr(accepted) == repr(read)


@pytest.mark.parametrize(
    "text",
    [
        *("null", "[]", '"text"', "7", "true"),
        '{"k": 9007199254740992}',
        '{"k": -9007199254740992}',
        '{"k": 1e16}',
        '{"k": 1e999999999}',
        '{"k": 1e-400}',
        '{"k": 0.10000000000000000001}',
        '{"k": 3.14159265358979323846}',
        pytest.param('{"k": %s}' % ("9" * 900), id="900 digits"),
        '{"k": "\\u0000"}',
        '{"\\u0000": 1}',
        '{"k": "\\ud800"}',
        '{"\\udfff": 1}',
        '{"k": [{"k": "\\udc00"}]}',
    ],
)
def test_what_clients_or_stores_would_change_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as raised:
        data_field(parse_json(text.encode()))
    assert str(raised.value) == DATA_ACCEPTED


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1}, (1,), b"k", object()], ids=type)
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    for data in ({"k": value}, {"k": [value]}, {7: "k"}, value):
        with pytest.raises(ValueError):
            data_field(data)


def test_data_may_be_this_large_and_this_deep_and_no_larger() -> None:
    wide = {"k": "é" * ((MAX_DATA_BYTES - len('{"k":""}')) // 2)}
    for data in (of_size(MAX_DATA_BYTES), nested(MAX_DATA_DEPTH), wide):
        assert data_field(data) == data
    too_wide = {"k": wide["k"] + "é"}
    for data in (of_size(MAX_DATA_BYTES + 1), nested(MAX_DATA_DEPTH + 1), too_wide):
        with pytest.raises(ValueError):
            data_field(data)
    endless: dict[str, Any] = {}
    endless["k"] = endless
    with pytest.raises(ValueError):
        data_field(endless)


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[1]", "{", '{"k": NaN}', '{"k": 1e999}', '{"k": "\\ud800"}'),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param(json.dumps(of_size(2000)), id="long"),
        None,
        {"k": 1},
    ],
)
def test_what_another_program_has_written_is_no_data_if_it_is_not_accepted(text: Any) -> None:
    assert decode_data(text) == {}


def test_what_another_program_has_written_in_its_own_way_is_read() -> None:
    assert decode_data('{ "k": "\\u00e9", "n": 1.0 }') == {"k": "é", "n": 1}


@pytest.mark.parametrize("show", [[], ["a"], ["a", "b", "c", "d", "e"], [FLAG * 64], [" "]])
def test_up_to_five_keys_are_shown(show: list[str]) -> None:
    assert show_field(show) == show


@pytest.mark.parametrize(
    "show",
    [
        *(None, "a", {"a": 1}, [""], ["a", "a"], list("abcdef"), [1], [None], [["a"]]),
        *(["x" * 65], ["\0"], ["\ud800"], ("a",)),
    ],
)
def test_other_lists_of_keys_are_refused(show: Any) -> None:
    with pytest.raises(ValueError) as raised:
        show_field(show)
    assert str(raised.value) == SHOW_ACCEPTED


def test_short_values_are_shown_in_the_order_of_the_setting() -> None:
    data = {"z": None, "flag": FLAG * 15, "n": 1.5, "ok": False, "a": "x" * 62}
    shown = select_shown(["a", "flag", "ok", "n", "z"], data)
    assert list(shown.items()) == [
        ("a", "x" * 62),
        ("flag", FLAG * 15),
        ("ok", False),
        ("n", 1.5),
        ("z", None),
    ]


@pytest.mark.parametrize("value", ["x" * 63, FLAG * 16, "é" * 32, {}, [], [1], {"a": 1}, '"' * 32])
def test_long_values_objects_and_lists_are_not_shown(value: Any) -> None:
    assert select_shown(["k", "missing"], {"k": value, "other": 1}) == {}
