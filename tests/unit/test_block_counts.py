"""Counts before many positions are exact, or within the bound that is told."""

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.block_counts import Block, Counts, Gap, Key, count_before_each

FIRST, LAST = (-100, -1, ""), (100, -1, "")
# Few scores and moments, so that blocks begin and end within a score, too.
players = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from("abc")),
    min_size=1,
    max_size=30,
    unique=True,
).map(sorted)


def cut_into_blocks(ranking: list[Key], size: int) -> list[Block]:
    """Return blocks of so many players. How many are in the last one is not known."""
    numbers = [*range(0, len(ranking), size)]
    starts = [FIRST, *(ranking[number] for number in numbers[1:]), LAST]
    ends = [*numbers[1:], None]
    return [
        Block(starts[index], starts[index + 1], number, ends[index])
        for index, number in enumerate(numbers)
    ]


def count(
    ranking: list[Key], size: int, keys: list[Key], most_gaps: int | None
) -> tuple[Counts, list[Gap]]:
    """Return the counts before the keys, and the gaps that were counted for them."""
    counted: list[Gap] = []

    def count_in_gaps(gaps: list[Gap]) -> list[int]:
        counted.extend(gaps)
        return [bisect_left(ranking, high) - bisect_left(ranking, low) for low, high in gaps]

    return count_before_each(
        cut_into_blocks(ranking, size), keys, count_in_gaps, most_gaps
    ), counted


def choose(ranking: list[Key], numbers: list[int], by_score: bool) -> list[Key]:
    """Return the keys of some players, or the beginnings of their scores."""
    keys = [ranking[number % len(ranking)] for number in numbers]
    return [(score, -1, "") for score, *_ in keys] if by_score else keys


chosen = st.lists(st.integers(0, 29), max_size=10)


@given(players, st.integers(1, 6), chosen, st.booleans())
def test_without_a_limit_all_counts_are_exact(
    ranking: list[Key], size: int, numbers: list[int], by_score: bool
) -> None:
    keys = choose(ranking, numbers, by_score)
    counts, _ = count(ranking, size, keys, None)
    assert counts == ([bisect_left(ranking, key) for key in keys], 0)


@given(players, st.integers(1, 6), chosen, st.booleans(), st.integers(0, 5))
def test_estimates_are_within_the_bound_and_in_order(
    ranking: list[Key], size: int, numbers: list[int], by_score: bool, most_gaps: int
) -> None:
    keys = sorted(choose(ranking, numbers, by_score))
    (before, bound), _ = count(ranking, size, keys, most_gaps)
    exact = [bisect_left(ranking, key) for key in keys]
    assert all(abs(count - other) <= bound for count, other in zip(before, exact, strict=True))
    assert bound <= size
    assert before == sorted(before)


@given(players, st.integers(1, 6), chosen, st.integers(0, 5))
def test_the_best_are_counted_and_no_more_gaps_than_allowed(
    ranking: list[Key], size: int, numbers: list[int], most_gaps: int
) -> None:
    keys = sorted({*choose(ranking, numbers, by_score=False)})
    last_block = cut_into_blocks(ranking, size)[-1].start
    (before, _), counted = count(ranking, size, keys, most_gaps)
    before_last = [(low, high) for low, high in counted if low < last_block]
    assert len(before_last) <= most_gaps
    assert before_last == count(ranking, size, keys, None)[1][: len(before_last)]
    exact = [bisect_left(ranking, key) for key in keys]
    if len(keys) <= most_gaps:
        assert before == exact
    best_block = [number for number in exact if number < size]
    if len(best_block) <= most_gaps:
        assert before[: len(best_block)] == best_block


def test_an_estimate_goes_by_the_score() -> None:
    ranking = [(score, 0, "a") for score in range(100)]
    keys = [ranking[number] for number in (70, 25, 45)]
    (before, bound), counted = count(ranking, 20, keys, 0)
    assert counted == []
    assert before == [70, 25, 45]
    assert bound == 15
    # The best block's gap is counted first.
    assert count(ranking, 20, keys, 1)[1] == [((20, 0, "a"), (25, 0, "a"))]


def test_after_an_estimate_no_worse_player_is_counted() -> None:
    ranking = [(score, 0, "a") for score in range(100)]
    keys = [ranking[number] for number in (25, 27, 45)]
    assert count(ranking, 20, keys, 1)[1] == []
