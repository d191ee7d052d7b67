"""Filters of templates that write numbers as the page's language does."""

from django import template
from django.utils.formats import get_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from leaderboardapp.domain.score_formats import format_score
from leaderboardapp.domain.types import BOARD_DEFAULTS, Row

register = template.Library()


@register.filter
def points(number: int, format: Row = BOARD_DEFAULTS["format"]) -> str:
    """Return a score as the board's format says, or any integer."""
    group, point = get_format("THOUSAND_SEPARATOR"), get_format("DECIMAL_SEPARATOR")
    return format_score(number, format, group, point)


@register.filter
def break_between_groups(points: str) -> SafeString:
    """Return a score's text as HTML that lines break after groups of digits only."""
    group = get_format("THOUSAND_SEPARATOR")
    parts = ((part,) for part in (points.split(group) if group else [points]))
    return format_html_join(mark_safe(f"{group}<wbr>"), "{}", parts)  # noqa: S308
