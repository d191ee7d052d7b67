"""What a score is, as a person reads it (ADR 37). clients/js/src/format.ts writes the same."""

from leaderboardapp.domain.types import Row

MAX_PLACES = 6
MAX_UNIT_LENGTH = 16  # characters
TIME_PLACES = 3  # a time is in milliseconds


def format_score(score: int, format: Row, group: str = ",", point: str = ".") -> str:
    """Return the score as text: "1,234", "12.34 km" or "1:21.234".

    `group` is what a language writes between groups of digits, `point` before a fraction."""
    if format["type"] == "time":
        text = _write_time(score)
    elif format["type"] == "decimal":
        whole, fraction = _split(score, format["places"])
        text = f"{whole:,}.{fraction}"
    else:
        text = f"{abs(score):,}"
    text = "".join({",": group, ".": point}.get(each, each) for each in text)
    sign = "\N{MINUS SIGN}" if score < 0 else ""
    unit = f"\N{NO-BREAK SPACE}{format['unit']}" if "unit" in format else ""
    return f"{sign}{text}{unit}"


def _write_time(score: int) -> str:
    seconds, fraction = _split(score, TIME_PLACES)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    above = f"{hours:,}:{minutes:02}" if hours else f"{minutes}"
    return f"{above}:{seconds:02}.{fraction}"


def _split(score: int, places: int) -> tuple[int, str]:
    """Return what is before the decimal point, and the digits after it, of the score without its
    sign."""
    whole, rest = divmod(abs(score), 10**places)
    return whole, f"{rest:0{places}}"
