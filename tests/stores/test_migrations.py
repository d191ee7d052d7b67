"""Migrations run the same SQL for ever, whatever becomes of the program around them."""

import ast
from pathlib import Path

import pytest

from tests.support.programs import PROJECT

PACKAGE = "leaderboardapp.stores.sql.migrations"
FOLDER = Path(PROJECT, *PACKAGE.split("."))


def imported(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "an import by its full name"
            names |= {node.module or ""}
    return names


@pytest.mark.parametrize("module", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_a_migration_imports_nothing_that_may_change(module: Path) -> None:
    ours = {name for name in imported(module) if name.startswith("leaderboard")}
    assert {name for name in ours if not name.startswith(f"{PACKAGE}.frozen")} == set()
