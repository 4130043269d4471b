"""What stands around a place, and the values of the numbers in it."""

import re
from functools import cache

from speech.itn.chinese_numbers import cardinal, digits_of, in_words_of_scale
from speech.itn.chinese_words import DAY_PARTS

#: Text before a place that is looked at for what the number means.
_LEFT_CHARS = 8


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def left_of(match: re.Match[str]) -> str:
    """The text shortly before the place."""
    return match.string[max(0, match.start() - _LEFT_CHARS) : match.start()]


def comes_after(pattern: str, match: re.Match[str]) -> bool:
    """Whether the text before the place has ``pattern``, which says itself where it ends."""
    return bool(_compiled(pattern).search(left_of(match)))


def is_followed_by(pattern: str, match: re.Match[str]) -> bool:
    """Whether ``pattern`` stands right behind the place."""
    return bool(_compiled(pattern).match(match.string, match.end()))


def is_approximate(match: re.Match[str]) -> bool:
    """二十几, 十来: about so many, which stays in words."""
    return is_followed_by("几|来|好几|数[十百千万]|廿", match)


def is_time_of_day(match: re.Match[str]) -> bool:
    """Whether what stands before says that a time comes."""
    return comes_after(f"(?:{DAY_PARTS})的?$|[点半分刻钟][到至]$", match)


def plain(spoken: str) -> str | None:
    """A cardinal in digits only; ``None`` if it is none."""
    value = cardinal(spoken)
    return None if value is None else str(value)


def value_of(spoken: str) -> str | None:
    """Any number as it is written, whatever stands around it; ``None`` if it is none."""
    whole, point, rest = spoken.partition("点")
    if point:
        decimals = rest.rstrip("万亿")
        before = digits_of(whole) or plain(whole)
        return None if before is None else f"{before}.{digits_of(decimals)}{rest[len(decimals) :]}"
    digits = digits_of(whole)
    if digits:
        return digits
    value = cardinal(whole)
    return None if value is None else in_words_of_scale(value, whole)
