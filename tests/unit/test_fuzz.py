"""The targets of the fuzzers, with few inputs. `python -m tests.fuzz` looks for others."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers import PARSERS


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=20)
@given(data=st.binary(max_size=200))
def test_a_parser_returns_or_raises_what_it_documents(name: str, data: bytes) -> None:
    for sample in PARSERS[name].samples:
        PARSERS[name].fuzz(sample.encode() + data)
        PARSERS[name].fuzz(sample.encode())
    PARSERS[name].fuzz(data)
