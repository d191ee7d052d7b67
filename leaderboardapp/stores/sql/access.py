"""How a store's methods reach its SQL database: errors, transactions, reads of one moment."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from leaderboardapp.stores.sql.reading import read_at_one_moment

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="DatabaseAccess")


class DatabaseAccess(ABC):
    """What differs from one SQL database to the other."""

    begin_snapshot: str
    """The statement after which all reads are of one moment, until the COMMIT."""

    @abstractmethod
    def run(self, work: Callable[[], R]) -> R:
        """Return what `work` returns. Raises StoreUnavailable for what the database raises."""

    @abstractmethod
    def transaction(self, board: str | None, work: Callable[[], R]) -> R:
        """Return what `work` returns, run in one transaction. If a board is named, nobody else
        changes it meanwhile. Raises StoreUnavailable."""


def maps_db_errors(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Decorate a method of a store: raise StoreUnavailable for what the database raises."""

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.run(lambda: method(self, *args, **kwargs))

    return call


def in_board_transaction(
    method: Callable[Concatenate[S, str, P], R],
) -> Callable[Concatenate[S, str, P], R]:
    """Decorate a method of a store: run it in one transaction, in which nobody else changes its
    board."""

    @functools.wraps(method)
    def call(self: S, board: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.transaction(board, lambda: method(self, board, *args, **kwargs))

    return call


def of_one_moment(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Decorate a method of a store: all that it reads is as it was at one moment."""

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        def work() -> R:
            return method(self, *args, **kwargs)

        return self.run(lambda: read_at_one_moment(self.begin_snapshot, work))

    return call
