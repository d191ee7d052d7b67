"""A client's own text in a message to people: short, and without what would distort the message."""

import regex  # the standard library's `re` does not know the properties of Unicode

SHOWN_LENGTH = 40  # characters
REPLACEMENT = "\ufffd"
# Control characters break terminals and logs; half a surrogate pair has no UTF-8 form. Embeddings,
# overrides and isolates turn the text that comes after them. Marks of direction and joiners stay,
# because Hebrew, Persian and emoji need them.
DISTORTING = (
    r"\p{Cc}\p{Cs}"
    r"\p{bc=LRE}\p{bc=RLE}\p{bc=LRO}\p{bc=RLO}\p{bc=PDF}\p{bc=LRI}\p{bc=RLI}\p{bc=FSI}\p{bc=PDI}"
)
_DISTORTING = regex.compile(rf"[{DISTORTING}\p{{Zl}}\p{{Zp}}]")  # and other ends of lines


def clean(text: str, length: int = SHOWN_LENGTH) -> str:
    """Return the text as a message may have it: shortened, and with a replacement character for
    each that would distort the message."""
    short = text if len(text) <= length else f"{text[:length]}…"
    return _DISTORTING.sub(REPLACEMENT, short)


def show(text: str) -> str:
    """Return the text in quotes, as a message may have it."""
    return f"“{clean(text)}”"
