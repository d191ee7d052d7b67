"""Scripts of pages: ids get into paths in one place only, which checks them."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "leaderboardapp" / "static" / "leaderboardapp"
SCRIPTS = sorted(str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_script_puts_an_id_into_a_path_by_itself(script: str) -> None:
    text = (STATIC / script).read_text()
    paths = re.findall(r"players/(?:\$\{|[\"'`]\s*\+).*", text)
    assert len(paths) == (script == "ids.js"), paths
