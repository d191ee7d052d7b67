import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_run.copies import ProjectCopy
from tests.support.programs import PROJECT


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A copy of the project, as somebody has it who has run script/bootstrap, on free ports."""
    folder = tmp_path_factory.mktemp("local-run") / "project"
    left_out = shutil.ignore_patterns(
        ".git", ".venv", ".env", ".run", ".*_cache", ".hypothesis", "node_modules", "*.sqlite3*"
    )
    shutil.copytree(PROJECT, folder, ignore=left_out)
    (folder / ".venv").symlink_to((PROJECT / ".venv").resolve())
    return ProjectCopy(folder)


@pytest.fixture(autouse=True)
def leaves_nothing(project: ProjectCopy) -> Iterator[None]:
    """Kill what a failed test has left, so that the next one can start."""
    yield
    project.kill()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The file for a program's output."""
    return tmp_path / "log"
