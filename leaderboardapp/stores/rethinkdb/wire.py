"""Queries in the form in which they are sent, and which of them may be sent again elsewhere."""

import json
from collections.abc import Collection, Iterator
from typing import Any

from rethinkdb.ast import ReQLEncoder
from rethinkdb.ql2_pb2 import Term

pTerm = Term.TermType
WRITES = {pTerm.INSERT, pTerm.UPDATE, pTerm.REPLACE, pTerm.DELETE, pTerm.FOR_EACH}


def to_wire(term: Any) -> Any:
    """Return a term as it is sent: a list of its type, its arguments and perhaps its options."""
    return json.loads(ReQLEncoder().encode(term))


def are_reads(queries: Collection[Any]) -> bool:
    """Return whether nothing in these queries writes."""
    return not _list_writes(queries)


def write_one_document(queries: Collection[Any]) -> bool:
    """Return whether these queries write one document. If the server refuses such a write, nothing
    was written. Of several documents, some may have been."""
    writes = _list_writes(queries)
    return len(writes) == 1 and _is_of_one_document(*writes)


def _list_writes(queries: Collection[Any]) -> list[Any]:
    terms = (term for query in queries for term in _walk(to_wire(query)))
    return [term for term in terms if term[0] in WRITES]


def _walk(value: Any) -> Iterator[list[Any]]:
    """Yield each term within a value on the wire: a term, an object of such values, or data."""
    if isinstance(value, dict):
        for field in value.values():
            yield from _walk(field)
    elif isinstance(value, list):
        yield value
        for inner in value[1:]:  # arguments, a list that is no term itself, and options
            for part in inner.values() if isinstance(inner, dict) else inner:
                yield from _walk(part)


def _is_of_one_document(write: list[Any]) -> bool:
    kind, (target, *values) = write[:2]
    if kind == pTerm.INSERT:
        return isinstance(values[0], dict)
    return bool(target[0] == pTerm.GET)
