"""Test that figures stand in the tables of docs/performance.md."""

from bench.figure import Figure, at_least, at_most
from bench.tables import render_all


def test_stores_stand_in_rows_with_both_ratios_and_their_targets() -> None:
    small, large = (
        (at_least(0.8), at_least(1, "article")),
        (at_least(0.8), at_least(10, "article")),
    )
    figures = [
        Figure("polls, 10 players", "sqlite", "/s", [2060], [2354], {"article": [3747]}, small),
        Figure("polls, 100,000 players", "sqlite", "/s", [2392], [2581], {"article": [256]}, large),
        Figure("polls, 10 players", "rethinkdb", "/s", [1652], [1071], {"article": [1279]}, small),
    ]
    [text] = render_all(figures)
    assert text == (
        "### Polls\n\n"
        "Per second. Targets: ≥ 0.8 × baseline; ≥ 1 × article (10); ≥ 10 × article (100,000).\n\n"
        "| players | store | service | baseline | ratio | article | ratio |\n"
        "|---|---|---|---|---|---|---|\n"
        "| 10 | SQLite | 2,060 | 2,354 | 0.88 | 3,747 | **0.55** |\n"
        "| 10 | RethinkDB | 1,652 | 1,071 | 1.54 | 1,279 | 1.29 |\n"
        "| 100,000 | SQLite | 2,392 | 2,581 | 0.93 | 256 | **9.34** |"
    )


def test_each_comparison_has_its_columns_and_a_target_of_some_stores_names_them() -> None:
    others = {"article": [500.0], "Redis": [1000.0]}
    figures = [
        Figure(
            "increments of one player", "sqlite", "/s", [550], [], others, (at_least(0.6, "Redis"),)
        ),
        Figure("increments of one player", "postgresql", "/s", [650], [], {"Redis": [1000.0]}),
    ]
    [text] = render_all(figures)
    assert text == (
        "### Increments\n\n"
        "Per second. Targets: ≥ 0.6 × Redis (SQLite).\n\n"
        "| of | store | service | article | ratio | Redis | ratio |\n"
        "|---|---|---|---|---|---|---|\n"
        "| one player | SQLite | 550 | 500 | 1.10 | 1,000 | **0.55** |\n"
        "| one player | PostgreSQL | 650 |  |  | 1,000 | 0.65 |"
    )


def test_a_delay_stands_beside_its_baseline_and_the_articles_listener() -> None:
    article = "article's listener"
    figures = [
        Figure(f"change to viewer, 1 viewers, {name}", "rethinkdb", "ms", *runs, (target,))
        for name, runs, target in (
            ("median", ([13.1], [9.32], {article: [12.5]}), at_most(3, "difference")),
            ("99th percentile", ([17.7], [11.0], {article: [14.7]}), at_most(20, "difference")),
        )
    ]
    beside_baseline, beside_article = render_all(figures)
    assert beside_baseline.endswith(
        "Targets: ≤ baseline + 3 (median); ≤ baseline + 20 (99th percentile).\n\n"
        "| viewers | store | median | baseline | ratio | 99th percentile | baseline | ratio |\n"
        "|---|---|---|---|---|---|---|---|\n"
        "| 1 | RethinkDB | **13.1** | 9.32 | 1.41 | 17.7 | 11 | 1.61 |"
    )
    assert beside_article.endswith(
        "Milliseconds.\n\n"
        "| viewers |  | store | service | article's listener | ratio |\n"
        "|---|---|---|---|---|---|\n"
        "| 1 | median | RethinkDB | 13.1 | 12.5 | 1.05 |\n"
        "| 1 | 99th percentile | RethinkDB | 17.7 | 14.7 | 1.20 |"
    )


def test_stores_stand_in_columns_with_units_where_they_differ() -> None:
    lag, article = at_most(300, "value"), "article's listener, RethinkDB"
    names = [f"hot board, 1,000 viewers: {name}" for name in ("increments", "lag")]
    figures = [
        Figure(names[0], "sqlite", "/s", [492.0]),
        Figure(names[0], "rethinkdb", "/s", [263.0], comparisons={article: [251.0]}),
        Figure(names[1], "sqlite", "ms", [356.0], targets=(lag,)),
        Figure(
            names[1], "rethinkdb", "ms", [165.0], comparisons={article: [11029.0]}, targets=(lag,)
        ),
    ]
    [text] = render_all(figures)
    assert text == (
        "### A hot board with 1,000 viewers\n\n"
        "|  | SQLite | RethinkDB | article's listener, RethinkDB | ratio | target |\n"
        "|---|---|---|---|---|---|\n"
        "| increments, /s | 492 | 263 | 251 | 1.05 |  |\n"
        "| lag, ms | **356** | 165 | 11,029 | 0.01 | ≤ 300 |"
    )


def test_a_baseline_that_figures_share_is_shown_once() -> None:
    alone = {"baseline: Pushpin alone": [50.0]}
    figures = [
        Figure("1,000 boards: changes carried to viewers", "sqlite", "/s", [30], [100]),
        Figure("1,000 boards: snapshots that carried them", "sqlite", "/s", [20], [100], alone),
    ]
    [text] = render_all(figures)
    header, _, row = text.splitlines()[-3:]
    assert header == (
        "| store | baseline: snapshots that one process reads | changes carried to viewers | ratio"
        " | snapshots that carried them | ratio | baseline: Pushpin alone | ratio |"
    )
    assert row == "| SQLite | 100 | 30 | 0.30 | 20 | 0.20 | 50 | 0.40 |"


def test_sizes_stand_in_columns_and_growth_that_misses_its_target_is_bold() -> None:
    figures = [
        Figure("rank on a board of 10 players", "sqlite", "ms", [1.0]),
        Figure(
            "rank on a board of 100 players", "sqlite", "ms", [2.0], [1.0], targets=(at_most(1.5),)
        ),
    ]
    [text] = render_all(figures)
    assert text.splitlines()[-1] == "| rank on a board | SQLite | 1 | **2** |"


def test_a_figure_without_a_table_of_its_own_is_not_left_out() -> None:
    figures = [Figure("polls, 10 players", "sqlite", "/s", [5]), Figure("new", "sqlite", "s", [7])]
    _, others = render_all(figures)
    assert others.splitlines()[-1] == "| new | SQLite | 7 |"
