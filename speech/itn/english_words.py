"""English number words in a row, the units behind them, and what before them says what they mean."""

import re
from functools import cache

from speech.itn.english_numbers import ORDINALS, SCALES, TENS, UNITS

_WORD = "|".join(sorted((*UNITS, *TENS, *ORDINALS, *SCALES, "hundred"), key=len, reverse=True))
_DIGIT = f"(?:{'|'.join(word for word, value in UNITS.items() if value < 10)}|oh)"
_HOUR = "|".join(word for word, value in UNITS.items() if 0 < value < 13)
_AGAIN = rf"(?:double|triple) (?={_DIGIT}\b)"
_JOIN = rf"and (?={_WORD})|point (?=(?:{_WORD}|oh)\b)|oh(?= (?:{_WORD}|oh|{_AGAIN})\b)|"
#: twenty-five-year-old is a number, one-way is none.
_END = r"(?![\w']|-(?!(?:year|month|week|day|hour|minute|second|page|mile|foot|point|percent|dollar)\b))"
_ROW = (
    rf"(?<![\w.'-])(?:minus |negative )?(?:a (?=(?:hundred|thousand|million|billion)\b)|{_AGAIN})?(?:{_WORD}|(?<=e )oh)"
    rf"(?:[ -](?:{_JOIN})(?:{_AGAIN})?(?:{_WORD}|oh(?![\w'-])))*{_END}"
)
_AFTER = (
    r" (?P<money>dollars?|euros?)\b(?: (?:and )?(?P<cents>CENTS) cents?\b| (?P<bare>BARE)PHRASE_END)?"
    r"| ?(?P<percent>percent|per cent)\b"
    r"| (?P<half>[ap])\.? ?m\b\.?"
    r"| (?P<clock>o'?clock)\b"
    r"| (?P<measure>degrees?|(?:kilo|centi|milli)?met(?:er|re)s?|(?:kilo|milli|micro)?grams?|kilos?"
    r"|(?:milli)?lit(?:er|re)s?|miles?|inch(?:es)?|cents?|yuan|pounds?|(?:us|hong kong|canadian|australian) dollars?)\b"
)
#: 1 to 99: what may be said of cents without their name.
_BARE = (
    rf"(?:{'|'.join(TENS)})(?:[ -](?:{'|'.join(word for word, value in UNITS.items() if 0 < value < 10)}))?"
    rf"|{'|'.join(sorted((word for word, value in UNITS.items() if value), key=len, reverse=True))}"
)
#: A mark, or a word before which nothing is counted: in ``two dollars fifty people`` the fifty are no cents. What
#: follows ``to`` must be money as well.
_PHRASE_END = (
    rf"(?:(?! ?\w|[-'])|(?= (?:and(?! (?:{_WORD})\b)|an?|but|each|for|is|per(?! cent)|was"
    rf"|to (?:(?:{_WORD})[ -]){{1,4}}(?:dollar|euro)s?)\b))"
)
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
#: For the words before a row.
_LEFT_CHARS = 32

CENTURIES = {"eighteen": 18, "nineteen": 19, "twenty": 20}
DECADES = {f"{word[:-1]}ies": value for word, value in TENS.items()}


@cache
def row() -> re.Pattern[str]:
    """A stretch of number words. Compiled when first needed, as everything here."""
    return re.compile(_ROW, re.IGNORECASE | re.ASCII)


@cache
def unit() -> re.Pattern[str]:
    """What is measured, right behind a row."""
    after = _AFTER.replace("CENTS", rf"(?:{_WORD})(?:[ -](?:{_WORD}))?").replace("BARE", _BARE)
    return re.compile(after.replace("PHRASE_END", _PHRASE_END), re.IGNORECASE | re.ASCII)


@cache
def decade() -> re.Pattern[str]:
    """``nineteen nineties``."""
    return re.compile(rf"\b({'|'.join(CENTURIES)})[ -]({'|'.join(DECADES)})\b", re.IGNORECASE | re.ASCII)


@cache
def _before(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern}) ?$", re.IGNORECASE | re.ASCII)


@cache
def _behind(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


def _left(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - _LEFT_CHARS) : match.start()]


def after_month(match: re.Match[str]) -> bool:
    """``March (the) third``."""
    return bool(_before(rf"(?:{_MONTHS})(?: the)?").search(_left(match)))


def before_month(match: re.Match[str]) -> bool:
    """``third of March``."""
    return bool(_behind(rf" of (?:{_MONTHS})\b").match(match.string, match.end()))


def after_clock_word(match: re.Match[str]) -> bool:
    """``at``, ``until`` and so on: of two numbers they make a time of day."""
    return bool(
        _before(r"at|by|until|till|from|before|after|from [\w':]{3,12}(?:[ -]\w{2,8}){0,2} to").search(_left(match))
    )


def after_label(match: re.Match[str]) -> bool:
    """``flight eight twenty five``: the name of something, read in two parts."""
    return bool(_before("room|flight|route|extension|highway|bus|suite|gate|apartment|building").search(_left(match)))


def after_pressure(match: re.Match[str]) -> bool:
    """``blood pressure (is)``."""
    return bool(_before("(?:blood pressure|bp)(?: (?:is|was|of|at))?").search(_left(match)))


def after_part(match: re.Match[str]) -> bool:
    """``half a million`` is not a million."""
    return bool(_before("half|quarter of|many|not|such|what|once in").search(_left(match)))


def hour_behind(match: re.Match[str]) -> int | None:
    """Where the hour ends in ``ten past eight``, a time that stays in words."""
    hour = _behind(rf"(?: minutes?)? past (?:{_HOUR})\b(?![ -](?:{_WORD})\b)").match(match.string, match.end())
    return hour.end() if hour else None


def range_end(match: re.Match[str]) -> re.Match[str] | None:
    """The row behind ``to``."""
    text = match.string
    return row().match(text, match.end() + 4) if text[match.end() : match.end() + 4].lower() == " to " else None
