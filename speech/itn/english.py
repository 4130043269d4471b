"""English numbers in their context: rows of number words, and the unit that follows them."""

import re

from speech.itn import english_words as context
from speech.itn.english_numbers import ORDINALS, Number, dotted, pair, read_numbers, written

_MONEY = {"dollar": "$", "dollars": "$", "euro": "€", "euros": "€"}
_OVER = " over "


def write_english(text: str) -> str:
    """``text`` with its English numbers written."""
    text = context.decade().sub(_decade, text)
    parts: list[str] = []
    done = seen = 0
    for match in context.row().finditer(text):
        if match.start() < seen:
            continue
        row, seen = _write_row(match)
        if row is not None:
            parts += (text[done : match.start()], row)
            done = seen
    return "".join((*parts, text[done:])) if parts else text


def _decade(match: re.Match[str]) -> str:
    return f"{context.CENTURIES[match[1].lower()]}{context.DECADES[match[2].lower()]}s"


def _write_row(match: re.Match[str]) -> tuple[str | None, int]:
    """The row with its numbers written, and where the text goes on; ``None`` when nothing changes."""
    after = context.unit().match(match.string, match.end())
    words = re.findall("[a-z]+", match[0].lower())
    special = _time(words, match, after) or _pressure(words, match) or _label(words, match, after)
    if special:
        return special
    if hour_end := context.hour_behind(match):
        return None, hour_end
    if version := dotted(words):
        return version, match.end()
    out, at = "", 0
    pieces = _pieces(match)
    for piece in pieces:
        last = piece is pieces[-1]
        done = _write_piece(match, piece, after if last else None)
        if done is None:
            # One form for all numbers of a row: what stays in words keeps the others in words as well.
            return None, match.end()
        out += match[0][at : piece[0].start()] + done
        at = piece[-1].end()
    end = match.end()
    if after and pieces[-1][-1][0].lower() not in ORDINALS:
        ending, end = _unit(out, after)
        out += ending
    return (out, end) if out != match.string[match.start() : end] else (None, end)


def _pieces(match: re.Match[str]) -> list[list[re.Match[str]]]:
    """The words of a row, cut behind each ordinal: twenty first | twenty twenty five."""
    pieces: list[list[re.Match[str]]] = [[]]
    for token in re.finditer("[A-Za-z]+", match[0]):
        pieces[-1].append(token)
        if token[0].lower() in ORDINALS:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _write_piece(match: re.Match[str], tokens: list[re.Match[str]], after: re.Match[str] | None) -> str | None:
    words = [token[0].lower() for token in tokens]
    if words[-1] in ORDINALS:
        return _ordinal_piece(match, words)
    minus = words[0] in ("minus", "negative")
    offset = int(minus)
    words = words[minus:]
    article = words[0] == "a"
    if article:
        if context.after_part(match) or (len(words) == 2 and not (after and (after["money"] or after["percent"]))):
            return None
        words[0] = "one"
    numbers = read_numbers(words)
    # A word that no number takes (hundred by itself) keeps the whole row spoken.
    taken = {place for number in numbers for place in range(number.start, number.end)}
    if not numbers or any(word != "and" for place, word in enumerate(words) if place not in taken):
        return None
    out, at = "", tokens[0].start()
    for number in numbers:
        last = number is numbers[-1]
        text = _one(number, words, after if last else None, match, alone=len(numbers) == 1)
        if text is None:
            return None
        if number is numbers[0] and minus:
            text, start = f"-{text}", tokens[0].start()
        else:
            start = tokens[number.start + offset].start()
        out += match[0][at:start] + text
        at = tokens[number.end - 1 + offset].end()
    return out + match[0][at : tokens[-1].end()]


def _ordinal_piece(match: re.Match[str], words: list[str]) -> str | None:
    numbers = read_numbers([*words[:-1], ORDINALS[words[-1]]])
    if len(numbers) != 1 or numbers[0].digits or numbers[0].start or numbers[0].end < len(words):
        return None
    number = numbers[0]
    if number.is_small and not (context.after_month(match) or context.before_month(match)):
        return None
    value = number.value
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value:,}{ending}" if value >= 10_000 else f"{value}{ending}"


def _one(
    number: Number, words: list[str], after: re.Match[str] | None, match: re.Match[str], *, alone: bool
) -> str | None:
    to = context.range_end(match) if alone and not after else None
    until, measured = _until(to) if to else (None, None)
    if until and not number.digits:
        if until.is_small and not measured and 10 <= number.value < 30:
            # ten to five is a time.
            return None
        if measured or not until.is_small:
            # five to ten: both ends have one form.
            return _with_symbols(written(number, words), measured)
    if number.is_small and not after:
        return None
    text = written(number, words)
    symbol = _MONEY.get((after["money"] or "").lower()) if after else None
    return f"{symbol}{text}" if symbol else text


def _until(to: re.Match[str]) -> tuple[Number | None, re.Match[str] | None]:
    """The other end of a range, and its unit."""
    words = re.findall("[a-z]+", to[0].lower())
    numbers = [] if words[-1] in ORDINALS else read_numbers(words)
    if len(numbers) != 1 or numbers[0].digits or numbers[0].end - numbers[0].start < len(words):
        return None, None
    return numbers[0], context.unit().match(to.string, to.end())


def _with_symbols(text: str, unit: re.Match[str] | None) -> str:
    if unit and unit["percent"]:
        return f"{text}%"
    return f"{_MONEY[unit['money'].lower()]}{text}" if unit and unit["money"] else text


def _unit(out: str, after: re.Match[str]) -> tuple[str, int]:
    """What stands in place of the unit's words behind what is written so far, and where the text goes on."""
    if after["money"]:
        cents = _cents(out, after)
        return ("", after.end("money")) if cents is None else (f".{cents:02}", after.end())
    if after["percent"]:
        return "%", after.end()
    return (f" {after['half'].lower()}.m.", after.end()) if after["half"] else ("", after.start())


def _cents(out: str, after: re.Match[str]) -> int | None:
    """The cents behind a sum, called so or not; a sum with decimals, or with a scale in words, has none."""
    words = re.findall("[a-z]+", (after["cents"] or after["bare"] or "").lower())
    numbers = read_numbers(words)
    if not re.search(r"(?:^|[^\d.,])[\d,]+$", out) or len(numbers) != 1 or numbers[0].end < len(words):
        return None
    return numbers[0].value if numbers[0].value < 100 else None


def _time(words: list[str], match: re.Match[str], after: re.Match[str] | None) -> tuple[str, int] | None:
    """``three thirty p m`` → 3:30 p.m., also three oh five; without p.m. where ``at`` stands before."""
    half = after["half"] if after else None
    if not half and (after or not context.after_clock_word(match)):
        return None
    values = pair(words)
    if values is None or not 1 <= values[0] <= 12 or values[1] > 59:
        return None
    time = f"{values[0]}:{values[1]:02}"
    return (f"{time} {half.lower()}.m.", after.end()) if after and half else (time, match.end())


def _pressure(words: list[str], match: re.Match[str]) -> tuple[str, int] | None:
    """``one twenty over eighty`` → 120/80."""
    behind = match.end() + len(_OVER)
    if match.string[match.end() : behind].lower() != _OVER or not context.after_pressure(match):
        return None
    low = context.row().match(match.string, behind)
    high_value, low_value = _hundreds(words), _hundreds(re.findall("[a-z]+", low[0].lower())) if low else None
    if low is None or high_value not in range(60, 261) or low_value not in range(30, 161):
        return None
    return f"{high_value}/{low_value}", low.end()


def _hundreds(words: list[str]) -> int | None:
    """A number below 1000, also as one twenty."""
    values = pair(words)
    if values and values[0] < 10:
        return values[0] * 100 + values[1]
    numbers = read_numbers(words)
    return numbers[0].value if len(numbers) == 1 and numbers[0].end == len(words) else None


def _label(words: list[str], match: re.Match[str], after: re.Match[str] | None) -> tuple[str, int] | None:
    values = None if after or not context.after_label(match) else pair(words)
    return (f"{values[0]}{values[1]:02}", match.end()) if values else None
