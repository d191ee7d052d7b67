"""Scripts of pages: ids get into paths in one place only, which checks them."""

import re
from pathlib import Path

import pytest

from leaderboardapp.pages.words import BOARD

STATIC = Path(__file__).resolve().parents[2] / "leaderboardapp" / "static" / "leaderboardapp"
SCRIPTS = sorted(str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js"))


def test_players_are_told_nothing_in_the_words_of_programs() -> None:
    sentences = [str(text) for text in BOARD.values()]
    assert len(sentences) > 30
    odd = [text for text in sentences if re.search(r"token|scope|\bid\b|\d{4}", text)]
    assert not odd


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_script_puts_an_id_into_a_path_by_itself(script: str) -> None:
    text = (STATIC / script).read_text()
    paths = re.findall(r"players/(?:\$\{|[\"'`]\s*\+).*", text)
    assert len(paths) == (script == "ids.js"), paths
