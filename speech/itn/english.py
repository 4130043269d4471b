"""English numbers in their context: rows of number words, and the unit that follows them."""

import re
from functools import cache

from speech.itn.english_numbers import ORDINALS, SCALES, TENS, UNITS, Number, read_numbers, written

_WORD = "|".join(sorted((*UNITS, *TENS, *ORDINALS, *SCALES, "hundred"), key=len, reverse=True))
_JOIN = rf"and (?={_WORD})|point (?=(?:{_WORD}|oh)\b)|oh(?= (?:{_WORD}|oh)\b)|"
_ROW = rf"(?<![\w.'-])(?:minus |negative )?(?:{_WORD})(?:[ -](?:{_JOIN})(?:{_WORD}|oh(?![\w'-])))*(?![\w'-])"
_MONEY = {"dollar": "$", "dollars": "$", "euro": "€", "euros": "€"}
_AFTER = (
    r" (?P<money>dollars?|euros?)\b(?: (?:and )?(?P<cents>CENTS) cents?\b)?"
    r"| ?(?P<percent>percent|per cent)\b"
    r"| (?P<half>[ap])\.? ?m\b\.?"
    r"| (?P<clock>o'?clock)\b"
    r"| (?P<measure>degrees?|(?:kilo|centi|milli)?met(?:er|re)s?|(?:kilo|milli)?grams?|kilos?|miles?|inch(?:es)?)\b"
)
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"


@cache
def _row() -> re.Pattern[str]:
    return re.compile(_ROW, re.IGNORECASE | re.ASCII)


@cache
def _after() -> re.Pattern[str]:
    return re.compile(_AFTER.replace("CENTS", rf"(?:{_WORD})(?:[ -](?:{_WORD}))?"), re.IGNORECASE | re.ASCII)


@cache
def _month() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{_MONTHS}) (?:the )?$", re.IGNORECASE | re.ASCII)


def write_english(text: str) -> str:
    """``text`` with its English numbers written."""
    parts: list[str] = []
    done = 0
    for match in _row().finditer(text):
        if match.start() < done:
            continue
        after = _after().match(text, match.end())
        row, end = _write_row(match, after)
        if row is not None:
            parts += (text[done : match.start()], row)
            done = end
    return "".join((*parts, text[done:])) if parts else text


def _write_row(match: re.Match[str], after: re.Match[str] | None) -> tuple[str | None, int]:
    """The row with its numbers written, and where the text goes on; ``None`` when nothing changes."""
    tokens = list(re.finditer(r"[A-Za-z]+", match[0]))
    words = [token[0].lower() for token in tokens]
    minus = words[0] in ("minus", "negative")
    tokens, words = tokens[minus:], words[minus:]
    ordinal = words[-1] in ORDINALS
    plain = [*words[:-1], ORDINALS[words[-1]]] if ordinal else words
    numbers = read_numbers(plain)
    # A word that no number takes (hundred by itself, ordinals in mid-row) keeps the whole row spoken.
    taken = {place for number in numbers for place in range(number.start, number.end)}
    if not numbers or any(word != "and" for place, word in enumerate(plain) if place not in taken):
        return None, match.end()
    if after and (time := _time(numbers, plain, after, ordinal)):
        return time, after.end()
    out, at = "", 0
    for number in numbers:
        last = number is numbers[-1]
        unit = after if last and not ordinal else None
        start, end = tokens[number.start].start(), tokens[number.end - 1].end()
        negative = minus and number is numbers[0]
        text = _one(number, plain, unit, ordinal and last, match)
        if text is None:
            text, negative = match[0][start:end], False
        elif negative:
            text, at = f"-{text}", start
        out, at = out + match[0][at:start] + text, end
    stop = match.end()
    if after and not ordinal and (ending := _unit(numbers[-1], plain, after)) is not None:
        symbol = _MONEY.get((after["money"] or "").lower())
        if symbol is None or len(numbers) == 1 or numbers[-1].start:
            return out + ending, after.end()
    return (out, stop) if out != match[0] else (None, stop)


def _one(
    number: Number, words: list[str], after: re.Match[str] | None, ordinal: bool, match: re.Match[str]
) -> str | None:
    if ordinal:
        month = _month().search(match.string[max(0, match.start() - 14) : match.start()])
        return None if number.digits or (number.is_small and not month) else _ordinal(number.value)
    if number.is_small and not after:
        return None
    text = written(number, words)
    symbol = _MONEY.get((after["money"] or "").lower()) if after else None
    return f"{symbol}{text}" if symbol else text


def _unit(number: Number, words: list[str], after: re.Match[str]) -> str | None:
    """What stands in place of the unit's words."""
    if after["money"]:
        if not after["cents"]:
            return ""
        cents = read_numbers(re.findall("[a-z]+", after["cents"].lower()))
        if len(cents) != 1 or cents[0].value > 99 or number.decimals or words[number.end - 1] in SCALES:
            return None
        return f".{cents[0].value:02}"
    if after["percent"]:
        return "%"
    return None if after["half"] is None else f" {after['half'].lower()}.m."


def _time(numbers: list[Number], words: list[str], after: re.Match[str], ordinal: bool) -> str | None:
    """``three thirty p m`` → 3:30 p.m., also three oh five."""
    if not after["half"] or ordinal or any(number.decimals for number in numbers):
        return None
    half = f"{after['half'].lower()}.m."
    values = [number.value for number in numbers]
    if len(values) == 2 and 1 <= values[0] <= 12 and 10 <= values[1] <= 59:
        return f"{values[0]}:{values[1]:02} {half}"
    if len(words) == 3 and words[1] == "oh" and UNITS.get(words[0], 0) and UNITS.get(words[2], 99) < 10:
        return f"{UNITS[words[0]]}:0{UNITS[words[2]]} {half}"
    return None


def _ordinal(value: int) -> str:
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value:,}{ending}" if value >= 10_000 else f"{value}{ending}"
