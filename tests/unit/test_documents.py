"""Documents keep to the project's prose: short sentences, links that lead somewhere, one word for
each thing, and every variable described."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    str(path.relative_to(PROJECT))
    for pattern in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/**/*.md")
    for path in PROJECT.glob(pattern)
)
GLOSSARY = "docs/glossary.md"
CONFIGURATION = "docs/configuration.md"
MAX_WORDS = 35  # of a sentence

# Described, but read by gunicorn itself.
OTHER_VARIABLES = {"PORT", "WEB_HOST", "WEB_CONCURRENCY"}

# What things were called before the glossary. Only what cannot mean anything else.
OLD_WORDS = [
    r"the edge\b(?! of)",
    r"heralds?\b",
    r"keepers?\b",
    r"gather(?:s|ed|ing)? together\b",
    r"(?:the|a|its|without) beats?\b",
    r"newcomers?\b",
    r"without a farewell\b",
    r"(?:come_again|hold_board|put_score|score_put|due_boards)\b",
    r"(?:access|amqp|away|edge|gather|holds|incoming|keeper|limiter|messages|ranks|reference)\.py\b",
    r"(?:routing|seasons|tables|runs|views_?\w+)\.py\b",
    r"tests/(?:in_process|processes)\.py\b",
]

needs_each_document = pytest.mark.parametrize("document", DOCUMENTS)


@needs_each_document
def test_no_sentence_is_too_long(document: str) -> None:
    sentences = list(sentences_of((PROJECT / document).read_text()))
    too_long = [
        f"{document}: {count} words: {sentence}"
        for sentence in sentences
        if (count := len(words_of(sentence))) > MAX_WORDS
    ]
    assert not too_long, "\n" + "\n".join(too_long)


@needs_each_document
def test_links_lead_to_files_and_headings(document: str) -> None:
    dead = [
        f"{document}: {target}"
        for target in links_of((PROJECT / document).read_text())
        if not leads_somewhere(PROJECT / document, target)
    ]
    assert not dead, "\n" + "\n".join(dead)


@needs_each_document
def test_python_files_that_are_named_exist(document: str) -> None:
    named = set(re.findall(r"`([\w./*-]+\.py)`", (PROJECT / document).read_text()))
    missing = sorted(path for path in named if not exists_somewhere(path))
    assert not missing, f"{document}: {', '.join(missing)}"


@needs_each_document
def test_tests_that_are_named_exist(document: str) -> None:
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (PROJECT / document).read_text()):
        assert f"def {name}(" in (PROJECT / file).read_text(), name


@pytest.mark.parametrize("package", ["concurrency", "domain", "listener", "realtime", "web"])
def test_the_architecture_names_every_module(package: str) -> None:
    text = (PROJECT / "ARCHITECTURE.md").read_text()
    [row] = [line for line in text.splitlines() if f"| `leaderboardapp/{package}/` |" in line]
    modules = {path.stem for path in (PROJECT / "leaderboardapp" / package).glob("*.py")}
    assert modules - {"__init__"} == set(re.findall(r"`([a-z_]+)`", row))


@needs_each_document
def test_words_are_those_of_the_glossary(document: str) -> None:
    lines = (PROJECT / document).read_text().splitlines()
    if document == GLOSSARY:  # its last column has the words that are not used
        lines = [line.rsplit("|", 2)[0] for line in lines]
    used = [
        f"{document}:{number}: {found[0]}"
        for number, line in enumerate(lines, start=1)
        for word in OLD_WORDS
        for found in re.finditer(rf"\b{word}", line, re.IGNORECASE)
    ]
    assert not used, "\n" + "\n".join(used)


def test_every_variable_is_described_and_no_other() -> None:
    assert set(described()) == example_variables() | OTHER_VARIABLES


def test_the_example_has_every_variable_that_the_settings_read_and_no_other() -> None:
    source = "".join(
        path.read_text() for path in sorted((PROJECT / "leaderboard_project").glob("*.py"))
    )
    # env_str("NAME"), env.bool("NAME"), env("NAME"), os.environ.get("NAME"), os.environ["NAME"]
    reading = r'\b(?:env(?!iron)[\w.]*\(|environ(?:\.get\(|\[))\s*"([A-Z][A-Z0-9_]+)"'
    assert set(re.findall(reading, source)) <= example_variables()
    compose = set(re.findall(r"\$\{([A-Z_]+)", (PROJECT / "compose.yaml").read_text()))
    in_source = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", source))
    assert example_variables() - compose <= in_source


@pytest.mark.processes
def test_a_variable_that_is_empty_has_the_default_that_is_described() -> None:
    values = {name: default for name, default in described().items() if default}
    defaults = {name: values[name] for name in values.keys() & example_variables()}
    assert len(defaults) > 3
    assert settings_with(dict.fromkeys(defaults, "")) == settings_with(defaults)


def test_the_example_has_what_bootstrap_puts_keys_into() -> None:
    bootstrap = (PROJECT / "script" / "bootstrap").read_text()
    example = (PROJECT / ".env.example").read_text()
    places = re.findall(r'text\.replace\("([^"]+)"', bootstrap)
    assert places
    for place in places:
        assert place.replace(r"\n", "\n") in example


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            "One. Two!\nThree? (Four.) `five` six.",
            ["One.", "Two!", "Three?", "(Four.)", "code six."],
        ),
        ("It needs 1.36, i.e. a file.py.\n\nNext", ["It needs 1.36, i.e. a file.py.", "Next"]),
        ("# Title\n\nText\nof a paragraph:\n\n- one\n  more\n- two", None),
        ("    code here.\n\n```sh\nmore. Code.\n```\n\n| a | table. |\n\n<!-- note -->\n", []),
        ("---\ntitle: front matter\n---\n[the text](a/long/target.md) here.", ["the text here."]),
        ("1. First\n\n       code\n2. Second", ["First", "Second"]),
    ],
)
def test_sentences_are_those_of_prose_only(text: str, sentences: list[str] | None) -> None:
    expected = ["Text of a paragraph:", "one more", "two"] if sentences is None else sentences
    assert list(sentences_of(text)) == expected


def test_headings_have_the_anchors_that_github_gives_them() -> None:
    text = "# The `x` setting, or: a-b_c\n\n## Twice\n\n```sh\n# no heading\n```\n\n## Twice\n"
    assert anchors_of(text) == {"the-x-setting-or-a-b_c", "twice", "twice-1"}


def sentences_of(text: str) -> Iterator[str]:
    """Yield the sentences of paragraphs and list items; code is one word, a link its text."""
    for paragraph in paragraphs_of(text):
        paragraph = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", paragraph)
        paragraph = re.sub(r"``?[^`]+``?", "code", paragraph)
        paragraph = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", paragraph)
        # A new sentence begins with anything but a small letter, unless that is code.
        end = r'(?<!\bi\.e\.)(?<!\be\.g\.)(?:(?<=[.!?])|(?<=[.!?][*")])|(?<=[.!?]\*\*))'
        sentences = re.split(rf"{end}\s+(?=code\b|[^a-z\s])", paragraph)
        yield from filter(words_of, sentences)


def paragraphs_of(text: str) -> Iterator[str]:
    """Yield each paragraph and list item as one line, without code, tables and headings."""
    lines: list[str] = []
    for line in [*without_code(text).splitlines(), ""]:
        item = re.match(r"\s*(?:[-*+]|\d+\.)\s+", line)
        is_prose = line.strip() and not re.match(r"\s*(?:\||#{1,6} )", line)
        if lines and (item or not is_prose):
            yield " ".join(lines)
            lines = []
        if is_prose:
            lines.append(line[item.end() if item else 0 :].strip().removeprefix("> "))


def without_code(text: str) -> str:
    """Return the text without front matter, comments, fenced and indented code."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE)
    # Deep enough to be no continued list item, and after an empty line.
    return re.sub(r"(?:\A|(?<=\n))\n*(?: {4,}\S.*(?:\n|\Z)\n*)+", blank_if_code, text)


def blank_if_code(block: re.Match[str]) -> str:
    is_first = block.start() == 0 or block.string[: block.start()].endswith("\n\n")
    return "\n" if is_first or block[0].startswith("\n") else block[0]


def words_of(sentence: str) -> list[str]:
    return [word for word in sentence.split() if re.search(r"\w", word)]


def links_of(text: str) -> list[str]:
    """Return the targets of links and images that lead to files of the project."""
    prose = re.sub(r"``?[^`\n]+``?", "code", without_code(text))
    targets: list[str] = re.findall(r"\]\(([^)\s]+)\)", prose)
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def leads_somewhere(document: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = document.parent / path if path else document
    if not file.resolve().is_relative_to(PROJECT) or not file.exists():
        return False
    return not anchor or (file.suffix == ".md" and anchor in anchors_of(file.read_text()))


def exists_somewhere(path: str) -> bool:
    """Return whether there is such a file: from the project's folder, or in one of the packages."""
    packages = [PROJECT / name for name in ("leaderboardapp", "leaderboard_project", "bench")]
    return any(PROJECT.glob(path)) or any(any(folder.rglob(path)) for folder in packages)


def anchors_of(text: str) -> set[str]:
    anchors: set[str] = set()
    for title in re.findall(r"^#{1,6} +(.+?) *$", without_code(text), re.MULTILINE):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        anchor = base = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        number = 0
        while anchor in anchors:
            number += 1
            anchor = f"{base}-{number}"
        anchors.add(anchor)
    return anchors


def example_variables() -> set[str]:
    example = (PROJECT / ".env.example").read_text()
    return set(re.findall(r"^([A-Z][A-Z0-9_]*)=", example, re.MULTILINE))


def described() -> dict[str, str | None]:
    """Return the variables of the configuration's tables with their default, if they have one."""
    rows = re.findall(
        r"^\| `([A-Z][A-Z0-9_]*)` \| (.*?) \|", (PROJECT / CONFIGURATION).read_text(), re.MULTILINE
    )
    names = [name for name, _ in rows]
    assert len(names) == len(set(names)), "a variable is described twice"
    values = {name: re.fullmatch(r"`([^`]+)`", default) for name, default in rows}
    return {name: value[1] if value else None for name, value in values.items()}


def settings_with(variables: dict[str, str]) -> str:
    """Return Django's settings, as text, in an environment with these variables."""
    text = subprocess.run(
        [sys.executable, "manage.py", "diffsettings"],
        cwd=PROJECT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout
    return re.sub(r" at 0x[0-9a-f]+", "", text)  # of functions
