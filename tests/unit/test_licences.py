"""The licence, and those of what comes with the service: docs/licences.md has all of them."""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, requires

import pytest
from packaging.markers import Marker  # which pytest needs, too
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.programs import PROJECT

PAGE = (PROJECT / "docs/licences.md").read_text()
ROWS = dict(re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \|$", PAGE, re.MULTILINE))
del ROWS["package"]  # the table's head

# What may be used in a service under MIT: of each, words that its text or the package's data have.
COMPATIBLE = {
    "Apache-2.0": r"Apache",
    "BSD-2-Clause": r"BSD|Redistribution and use",
    "BSD-3-Clause": r"BSD|Redistribution and use",
    "CNRI-Python": r"CNRI",
    "LGPL-3.0-only": r"LGPL",
    "LGPL-3.0-or-later": r"LGPL",
    "MIT": r"MIT|Permission is hereby granted, free of charge",
    "MIT-0": r"MIT-0",
    "MPL-2.0": r"MPL",
    "PSF-2.0": r"PSF|(?i:Python Software Foundation License)",
}


def walk(anywhere: bool) -> Iterator[str]:
    """Yield the packages of requirements.txt and what they need in turn: here, or on any system and
    version of Python."""
    lines = (PROJECT / "requirements.txt").read_text().splitlines()
    waiting = [Requirement(line) for line in lines if line and not line.startswith("#")]
    done: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        yield name
        new = {(name, extra) for extra in ("", *requirement.extras)} - done
        done |= new
        waiting += [needed for _, extra in new for needed in needed_by(name, extra, anywhere)]


def needed_by(name: str, extra: str, anywhere: bool) -> list[Requirement]:
    try:
        needed = [Requirement(text) for text in requires(name) or []]
    except PackageNotFoundError:  # it is for another system
        assert anywhere, f"{name} is not installed"
        return []
    return [each for each in needed if is_needed(each.marker, extra, anywhere)]


def is_needed(marker: Marker | None, extra: str, anywhere: bool) -> bool:
    if marker is None or (anywhere and "extra" not in str(marker)):
        return True
    return marker.evaluate({"extra": extra})


def test_each_package_has_a_line_and_no_other() -> None:
    assert {*walk(anywhere=False)} <= ROWS.keys(), "packages without a line in docs/licences.md"
    assert ROWS.keys() <= {*walk(anywhere=True)}, "lines of packages that are not needed"


@pytest.mark.parametrize("package", sorted({*walk(anywhere=False)} & ROWS.keys()))
def test_a_package_is_under_its_licence_which_is_compatible(package: str) -> None:
    licence, data = ROWS[package], distribution(package).metadata
    names = re.split(r" AND | OR ", licence)
    assert {*names} <= COMPATIBLE.keys()
    if expressions := data.get_all("License-Expression"):
        assert expressions == [licence]
        return
    classifiers = [each for each in data.get_all("Classifier", []) if each.startswith("License")]
    said = "\n".join(data.get_all("License", []) + classifiers) or read_licence_files(package)
    for name in names:
        assert re.search(rf"\b(?:{COMPATIBLE[name]})", said), f"{package} says: {said[:200]}"


def read_licence_files(package: str) -> str:
    files = distribution(package).files or []
    texts = [file.read_text() for file in files if re.match("LICEN[CS]E|COPYING", file.name)]
    return "\n".join(texts)


def test_the_javascript_client_needs_no_package() -> None:
    package = json.loads((PROJECT / "clients/js/package.json").read_text())
    assert "dependencies" not in package
    assert package["license"] == "MIT"


def test_each_font_has_a_line() -> None:
    fonts = {
        str(path.relative_to(PROJECT))
        for folder in ("leaderboardapp", "clients/js/dist")
        for path in (PROJECT / folder).rglob("*")
        if path.suffix in (".ttf", ".otf", ".woff", ".woff2")
    }
    assert fonts == set(re.findall(r"`(\S+\.(?:ttf|otf|woff2?))`", PAGE))
    assert "SIL OPEN FONT LICENSE" in (PROJECT / "leaderboardapp/pages/fonts/OFL.txt").read_text()


def test_the_service_is_under_the_mit_licence() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert (project["license"], project["license-files"]) == ("MIT", ["LICENSE"])
    assert (PROJECT / "LICENSE").read_text().startswith("MIT License\n")
    assert "[MIT licence](LICENSE)" in (PROJECT / "README.md").read_text()
