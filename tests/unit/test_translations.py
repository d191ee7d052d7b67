"""The pages' languages: nothing is said in one of them only, and no sentence is kept that no page
says."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from leaderboardapp.pages.words import WORDS
from tests.support.translations import (
    TEMPLATES,
    collect,
    compile_catalogue,
    find_catalogues,
    list_forms,
    read_catalogue,
)
from tests.unit.test_scripts import SCRIPTS, STATIC

CATALOGUES = find_catalogues()
# What a translation has to keep: values that are put in, and elements.
KEPT = re.compile(r"\{\w+\}|%\(\w+\)s|<[^>]+>")

# Of each page that says something by scripts the first of them.
PAGES = {"board": "board.js", "home": "home.js", "manage": "manage.js", "reference": "reference.js"}

# Names, which are the same in all languages, and what is in the details of problems.
NAMES = {"Leaderboard", "API", "UTC", "Reference", "Bearer "}
DETAILS = {"null or", "empty or", ": not an id"}
COMMENT = re.compile(r"/\*.*?\*/|(?:^|\s)//.*?$", re.DOTALL | re.MULTILINE)
STRING = re.compile(r'"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`')
# Texts with a blank that nobody reads: selectors, names of classes, settings of fonts and motion.
NOTATION = re.compile(
    r"(?:^|\s)[.#\[:]\w|\[[\w-]|\w\[|^light dark$|^token of |^text/|^[\d.,\s%()a-z-]*\)$|^var\("
    r"|&&|\|\|"  # code between two strings
)


@pytest.fixture(params=CATALOGUES, ids=lambda path: path.parts[-3])
def catalogue(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_there_is_another_language_than_english() -> None:
    assert "de" in [path.parts[-3] for path in CATALOGUES]


def test_a_catalogue_has_the_sentences_of_the_pages_and_no_others(catalogue: Path) -> None:
    said = {message.id for message in collect() if message.id}
    assert len(said) > 400
    translated = {message.id for message in read_catalogue(catalogue) if message.id}
    assert translated == said, "run script/translate"


def test_every_sentence_is_translated_with_the_same_values_and_elements(catalogue: Path) -> None:
    for message in read_catalogue(catalogue):
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        originals, forms = list_forms(message.id), list_forms(message.string)
        for form in forms:
            assert form.strip(), message.id
            assert sorted(KEPT.findall(form)) == sorted(KEPT.findall(originals[-1])), form


def test_the_compiled_catalogue_is_that_of_the_text(catalogue: Path) -> None:
    compiled = catalogue.with_suffix(".mo").read_bytes()
    assert compiled == compile_catalogue(read_catalogue(catalogue)), "run script/translate"


class Texts(HTMLParser):
    """The texts of a template that people read, without those that a tag translates."""

    ATTRIBUTES = ("alt", "aria-label", "label", "placeholder", "title")

    def __init__(self, template: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.is_code = False
        template = re.sub(
            r"{% blocktranslate.*?%}.*?{% endblocktranslate %}", "", template, flags=re.DOTALL
        )
        self.feed(re.sub(r"{%.*?%}|{{.*?}}", "", template))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_code = tag in ("code", "style")
        self.texts += [value or "" for name, value in attrs if name in self.ATTRIBUTES]

    def handle_endtag(self, tag: str) -> None:
        self.is_code = False

    def handle_data(self, data: str) -> None:
        if not self.is_code:
            self.texts.append(data)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_says_nothing_in_one_language_only(template: Path) -> None:
    texts = [text.strip(" \n:·“”") for text in Texts(template.read_text()).texts]
    assert not [text for text in texts if re.search("[A-Za-z]", text) and text not in NAMES]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_says_nothing_in_one_language_only(script: str) -> None:
    code = COMMENT.sub("", (STATIC / script).read_text())
    strings = [text[1:-1] for line in code.splitlines() for text in STRING.findall(line)]
    plain = [re.sub(r"\$\{[^}]*\}", "", string) for string in strings]
    sentences = [text for text in plain if re.search(r"[A-Za-z]{2,} |^[A-Z][a-z]+\W*$", text)]
    known = NAMES | DETAILS
    assert not [text for text in sentences if not NOTATION.search(text) and text not in known]


def find_modules(script: str, known: set[str] | None = None) -> set[str]:
    """Return the script and those that it imports, of this folder, and they in turn."""
    known = set() if known is None else known
    known.add(script)
    for name in re.findall(r'from "(\.\.?/[\w./-]+)"', (STATIC / script).read_text()):
        path = ((STATIC / script).parent / name).resolve()
        other = str(path.relative_to(STATIC))
        if path.exists() and other not in known:
            find_modules(other, known)
    return known


@pytest.mark.parametrize("page", WORDS)
def test_a_page_has_the_sentences_of_its_scripts_and_no_others(page: str) -> None:
    scripts = [(STATIC / name).read_text() for name in sorted(find_modules(PAGES[page]))]
    said = {key for code in scripts for key in re.findall(r'"([a-z0-9_]+)"', code)}
    called = {
        key for code in scripts for key in re.findall(r'\b(?:text|say|parts|plural)\("(\w+)"', code)
    }
    indirect = {"problems", *(key for key in WORDS[page] if key.startswith("place_"))}
    assert called <= WORDS[page].keys()
    assert WORDS[page].keys() <= said | indirect


@pytest.mark.parametrize("script", ["top.js", "times.js", "embed.js"])
def test_scripts_of_pages_without_sentences_need_none(script: str) -> None:
    assert "words.js" not in find_modules(script)
