"""The pages' sentences, and their catalogues in other languages: docs/adr/0054.

`script/translate` puts new sentences into each catalogue, takes out those that nothing says any
more, and compiles it. With the code of a language it begins that one.
"""

import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from tests.support.programs import PROJECT

APP = PROJECT / "leaderboardapp"
LOCALE = APP / "locale"
TEMPLATES = sorted((APP / "templates").rglob("*.html"))
MODULES = sorted((APP / "pages").glob("*.py"))
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "plural": (1, 2)}

Sentence = str | tuple[str, ...]  # with its plural, if it has one


def collect() -> Catalog:
    """Return all sentences, with the files that say them."""
    catalog = Catalog()
    for path, sentence in _extract():
        catalog.add(sentence, locations=[(str(path.relative_to(PROJECT)), 1)])
    return catalog


def _extract() -> Iterator[tuple[Path, Sentence]]:
    for path in MODULES:
        yield from ((path, sentence) for sentence in _read_calls(path.read_text()))
    for path in TEMPLATES:
        # Django makes Python of a template, but for the indentation.
        lines = templatize(path.read_text()).splitlines()
        code = "\n".join(line.strip() for line in lines)
        yield from ((path, sentence) for sentence in _read_calls(code))
    from leaderboardapp.web.problem_kinds import ProblemKind

    for kind in ProblemKind:
        for text in (kind.title, kind.meaning, kind.remedy):
            yield APP / "web" / "problem_kinds.py", text


def _read_calls(code: str) -> Iterator[Sentence]:
    for _, sentence, _, _ in extract("python", BytesIO(code.encode()), KEYWORDS):
        yield sentence


def find_catalogues() -> list[Path]:
    """Return the catalogue of each language."""
    return sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))


def read_catalogue(path: Path) -> Catalog:
    """Return the catalogue in a file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def compile_catalogue(catalog: Catalog) -> bytes:
    """Return the compiled form, which Django reads."""
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def begin_catalogue(language: str) -> Catalog:
    """Return a catalogue without sentences."""
    comment = f"# The pages in the language {language}: CONTRIBUTING.md, 'Add a language'."
    return Catalog(language, header_comment=comment, project="Leaderboard", fuzzy=False)


def update(path: Path) -> Catalog:
    """Write the catalogue with all sentences, and its compiled form; return it."""
    language = path.parts[-3]
    catalog = read_catalogue(path) if path.exists() else begin_catalogue(language)
    catalog.update(collect(), no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=100, include_lineno=False, omit_header=False)
    path.with_suffix(".mo").write_bytes(compile_catalogue(catalog))
    return catalog


def main(languages: list[str]) -> None:
    """Update the catalogues, those of these languages among them, and say what they lack."""
    new = [LOCALE / language / "LC_MESSAGES" / "django.po" for language in languages]
    for path in sorted({*find_catalogues(), *new}):
        missing = [message.id for message in update(path) if not all(list_forms(message.string))]
        print(f"{path.relative_to(PROJECT)}: {len(missing)} sentences to translate")


def list_forms(sentence: str | Sequence[str] | None) -> Sequence[str]:
    """Return the singular, and the plurals if there are any."""
    return [sentence or ""] if sentence is None or isinstance(sentence, str) else sentence


if __name__ == "__main__":
    main(sys.argv[1:])
