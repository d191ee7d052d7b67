"""A score, as the service answers the write of one."""

from typing import Any, Self


class Score(int):
    """The score after a write, and what the write did.

    `previous` is the score before, None at the first one of the season. `changed` is whether it is
    another one now, and `repeated` whether the key of the increment had counted before. `rank`,
    `of` and `percentile` are None unless they were asked for. So is `windows`, which has
    `{"score", "rank", "of", "percentile"}` by window, if the board has any.
    """

    previous: int | None
    changed: bool
    repeated: bool
    rank: int | None
    of: int | None
    percentile: float | None
    windows: dict[str, dict[str, Any]] | None

    def __new__(cls, answer: dict[str, Any]) -> Self:
        """Make a score of the answer to its write."""
        score = super().__new__(cls, answer["score"])
        for field in cls.__annotations__:
            setattr(score, field, answer.get(field))
        return score

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a score be copied and pickled."""
        return type(self), ({"score": int(self), **vars(self)},)
