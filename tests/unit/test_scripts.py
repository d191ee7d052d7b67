"""Scripts of pages: ids get into paths in one place only, which checks them."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "leaderboardapp" / "static" / "leaderboardapp"
SCRIPTS = sorted(str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js"))

SENTENCES = dict(
    re.findall(r"^  (\w+): \"(.*)\",$", (STATIC / "words.js").read_text(), re.MULTILINE)
)


def test_players_are_told_nothing_in_the_words_of_programs() -> None:
    assert len(SENTENCES) > 30
    odd = [text for text in SENTENCES.values() if re.search(r"token|scope|\bid\b|\d{4}", text)]
    assert not odd


def test_every_sentence_is_used_and_is_there() -> None:
    scripts = [(STATIC / name).read_text() for name in SCRIPTS if "/" not in name]
    used = {text for script in scripts for text in re.findall(r'"([a-z_]+)"', script)}
    used |= {key for key in SENTENCES if key.startswith("place_")}
    assert SENTENCES.keys() <= used
    named = {
        key for script in scripts for key in re.findall(r'(?:text|parts)\("([a-z_]+)"', script)
    }
    assert named <= SENTENCES.keys()


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_script_puts_an_id_into_a_path_by_itself(script: str) -> None:
    text = (STATIC / script).read_text()
    paths = re.findall(r"players/(?:\$\{|[\"'`]\s*\+).*", text)
    assert len(paths) == (script == "ids.js"), paths
