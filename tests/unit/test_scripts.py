"""Scripts of pages: ids get into paths in one place only, which checks them, and a stream is taken
for dead when keep-alives are missing."""

import re
from pathlib import Path

import pytest

from leaderboardapp.realtime.formats import KEEP_ALIVE, KEEP_ALIVE_SECONDS

STATIC = Path(__file__).resolve().parents[2] / "leaderboardapp" / "static" / "leaderboardapp"
SCRIPTS = sorted(str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_script_puts_an_id_into_a_path_by_itself(script: str) -> None:
    text = (STATIC / script).read_text()
    paths = re.findall(r"players/(?:\$\{|[\"'`]\s*\+).*", text)
    assert len(paths) == (script == "ids.js"), paths


def test_the_board_page_waits_for_more_than_two_keep_alives() -> None:
    text = (STATIC / "live.js").read_text()
    found = re.search(r"^const SILENCE = (\d+);", text, re.MULTILINE)
    assert found and 2 * KEEP_ALIVE_SECONDS < int(found[1]) / 1000 < 3 * KEEP_ALIVE_SECONDS
    assert f'addEventListener("{KEEP_ALIVE}"' in text
