"""Numbers of one expression, written all or none: GB/T 15835 asks for one form for what is of one kind."""

import re
from collections.abc import Callable
from itertools import pairwise

from speech.itn.chinese_context import is_approximate, is_followed_by, plain, value_of
from speech.itn.chinese_numbers import DIGIT_CHARS, cardinal, digits_of
from speech.itn.chinese_pattern import RUN
from speech.itn.chinese_words import COMPOUND_UNITS, MEASURED

#: Units of one expression, from large to small, with how many of the smaller make one of the unit before it.
_FAMILIES: tuple[dict[str, int], ...] = (
    {"年": 0, "个月": 12, "天": 31, "小时": 24, "个小时": 24, "分钟": 60, "分": 60, "秒": 60},
    {"块": 0, "元": 0, "毛": 10, "角": 10, "分": 10},
    {"斤": 0, "两": 10},
)
_TIME = _FAMILIES[0]
_SAME_RANK = ({"小时", "个小时"}, {"分钟", "分"}, {"块", "元"}, {"毛", "角"})
_RADIO = {**{char: str(digits_of(char)) for char in DIGIT_CHARS}, "两": "2", "拐": "7", "洞": "0", "勾": "9"}


def _article(match: re.Match[str]) -> str | None:
    """第二百六十四条第一款: paragraphs follow the form of their article."""
    main = cardinal(match["main"])
    if main is None or main < 10:
        return None
    below = _each(match["below"], one_form=True)
    spoken = match[0][: match.start("below") - match.start()]
    return None if below is None else f"{_each(spoken) or spoken}{below}"


def _bounds(match: re.Match[str]) -> str | None:
    values = cardinal(match["least"]), cardinal(match["most"])
    if None in values or all(value < 10 for value in values if value is not None):
        return None
    least, most = map(value_of, (match["least"], match["most"]))
    unit = match["bounds_unit"]
    return f"{least}{unit}以上{most}{unit}以下"


def _lacking(match: re.Match[str]) -> str | None:
    lack, hour = cardinal(match["lack"]), cardinal(match["lack_hour"])
    if lack is None or hour is None or hour > 24 or not 0 < lack < 60:
        return None
    spoken = match["lack"] if match["lack_word"].startswith("刻") else str(lack)
    return f"差{spoken}{match['lack_word']}{hour}点"


def _past(match: re.Match[str]) -> str | None:
    hour, minutes = cardinal(match["past_hour"]), cardinal(match["past_minutes"])
    if hour is None or minutes is None or hour > 24 or minutes > 59:
        return None
    spoken = match["past_minutes"] if match["past_unit"] == "刻" else str(minutes)
    return f"{hour}点{match['past_word']}{spoken}{match['past_unit']}"


def _compound(match: re.Match[str]) -> str | None:
    """十二年六个月, 三块二毛五; whole years in digits (二零二五年) are none of them."""
    parts = re.findall(f"(零?)({RUN})({COMPOUND_UNITS})", match[0])
    units = [unit for _, _, unit in parts]
    family = next((family for family in _FAMILIES if all(unit in family for unit in units)), None)
    values = [cardinal(spoken) for _, spoken, _ in parts]
    if family is None or None in values or is_approximate(match):
        return None
    known = [value for value in values if value is not None]
    bare = digits_of(match["bare"]) if match["bare"] else ""
    if len(parts) == 1 and not (bare and units[0] in ("块", "毛", "角")):
        return None
    if bare and (family is _TIME or units[-1] in ("元", "分", "斤", "两")):
        return None
    if not _fall(units, family) or any(value >= family[unit] for value, unit in zip(known[1:], units[1:], strict=True)):
        return None
    if family is _TIME and max(known) < 10:
        return None
    return "".join(f"{zero}{plain(spoken)}{unit}" for zero, spoken, unit in parts) + (bare or "")


def _fall(units: list[str], family: dict[str, int]) -> bool:
    """Whether each unit is smaller than the one before it."""
    ranks = list(family)
    return all(ranks.index(high) < ranks.index(low) and {high, low} not in _SAME_RANK for high, low in pairwise(units))


def _radio(match: re.Match[str]) -> str:
    """幺拐洞两, digits as they are read over the radio."""
    return "".join(_RADIO[char] for char in match[0])


def _range(match: re.Match[str]) -> str | None:
    low, high = value_of(match["low"]), value_of(match["high"])
    if low is None or high is None or is_approximate(match):
        return None
    small = len(low) == 1 and len(high) == 1
    return (
        None if small and not is_followed_by(f"{MEASURED}|月(?![饼光亮球台])", match) else f"{low}{match['dash']}{high}"
    )


def _score(match: re.Match[str]) -> str | None:
    ours, theirs = value_of(match["ours"]), value_of(match["theirs"])
    return f"{ours}比{theirs}" if ours and theirs else None


def _each(text: str, *, one_form: bool = False) -> str | None:
    """``text`` with each number in it written, those under ten only in ``one_form``; ``None`` if one is no number."""
    written = text
    for spoken in re.findall(RUN, text):
        value = plain(spoken)
        if value is None:
            return None
        if one_form or len(value) > 1:
            written = written.replace(spoken, value, 1)
    return written


RULES_TOGETHER: dict[str, Callable[[re.Match[str]], str | None]] = {
    "article": _article,
    "bounds": _bounds,
    "lacking": _lacking,
    "past": _past,
    "compound": _compound,
    "radio": _radio,
    "range": _range,
    "score": _score,
}
