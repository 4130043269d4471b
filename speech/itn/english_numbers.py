"""The grammar of English numbers: words to values."""

from dataclasses import dataclass

UNITS = {
    word: index
    for index, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
TENS = {
    word: 10 * index
    for index, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
#: Last words of ordinals, with the cardinal they stand for.
ORDINALS = {
    "first": "one", "second": "two", "third": "three", "fifth": "five", "eighth": "eight", "ninth": "nine",
    "twelfth": "twelve", **{f"{word}th": word for word in "four six seven ten eleven thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen hundred thousand million billion".split()},
    **{f"{word[:-1]}ieth": word for word in TENS},
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3}
#: Longer scales keep their word: 2.5 million.
_KEPT_SCALE = 10**6


@dataclass(frozen=True, slots=True)
class Number:
    """A value read from ``words[start:end]``; digits read one by one stand in ``digits`` and have no value."""

    start: int
    end: int
    value: int
    digits: str = ""
    decimals: str = ""

    @property
    def is_small(self) -> bool:
        """Under ten and without decimals: stays spoken unless it measures something."""
        return self.value < 10 and not self.decimals and len(self.digits) < 2


def read_numbers(words: list[str]) -> list[Number]:
    """The numbers in a row of number words, in order. Digits read one by one are one number from three on."""
    numbers: list[Number] = []
    at = 0
    while at < len(words):
        number = _digits(words, at) or _year(words, at) or _with_decimals(words, at)
        if number is None:
            at += 1
            continue
        numbers.append(number)
        at = number.end
    return numbers


def written(number: Number, words: list[str]) -> str:
    """Digits, with commas from five on (as in 25,000); a whole million or more keeps its word."""
    if number.digits:
        return number.digits
    scale = words[number.end - 1]
    if number.decimals:
        whole = f"{number.value}.{number.decimals}"
        return f"{whole} {scale}" if scale in SCALES else whole
    if scale in SCALES and SCALES[scale] >= _KEPT_SCALE and number.value % SCALES[scale] == 0:
        return f"{number.value // SCALES[scale]} {scale}"
    return f"{number.value:,}" if number.value >= 10_000 else str(number.value)


def pair(words: list[str]) -> tuple[int, int] | None:
    """``three thirty`` → (3, 30), ``nine oh five`` → (9, 5): two numbers below 13 and 100 that are read as one."""
    first = UNITS.get(words[0], 0) if words else 0
    if not 0 < first < 13 or len(words) < 2:
        return None
    if words[1] == "oh":
        second = UNITS.get(words[2], 0) if len(words) == 3 else 0
        return (first, second) if 0 < second < 10 else None
    low = _below_hundred(words, 1)
    return (first, low.value) if low and low.end == len(words) and low.value >= 10 else None


def dotted(words: list[str]) -> str | None:
    """``three point two point one`` → 3.2.1; ``None`` unless there are two points and a number at each place."""
    if words.count("point") < 2:
        return None
    parts: list[list[str]] = [[]]
    for word in words:
        if word == "point":
            parts.append([])
        else:
            parts[-1].append(word)
    read = [_whole(part) for part in parts]
    return ".".join(part for part in read if part) if all(read) else None


def _whole(words: list[str]) -> str | None:
    numbers = read_numbers(words)
    if len(numbers) != 1 or numbers[0].end < len(words) or numbers[0].start:
        return None
    return numbers[0].digits or str(numbers[0].value)


def _digits(words: list[str], at: int) -> Number | None:
    """``one three eight`` → 138; ``oh`` is a zero among digits, ``double three`` is 33."""
    end, text = at, ""
    while end < len(words):
        times = _TIMES.get(words[end], 1)
        place = end + (times > 1)
        word = words[place] if place < len(words) else ""
        if UNITS.get(word, 10) > 9 and (word != "oh" or place == at):
            break
        if place + 1 < len(words) and words[place + 1] in {"hundred", "point", *SCALES}:
            break
        text += str(UNITS.get(word, 0)) * times
        end = place + 1
    return Number(at, end, 0, digits=text) if len(text) >= 3 else None


def _year(words: list[str], at: int) -> Number | None:
    """``nineteen ninety eight``, ``twenty twenty five`` and ``twenty oh five``."""
    if words[at] not in ("eighteen", "nineteen", "twenty") or at + 1 >= len(words):
        return None
    century = UNITS.get(words[at], 20)
    if words[at + 1] == "oh":
        unit = UNITS.get(words[at + 2], 0) if at + 2 < len(words) else 0
        return Number(at, at + 3, 100 * century + unit, digits=f"{century}0{unit}") if 0 < unit < 10 else None
    low = _below_hundred(words, at + 1)
    if low is None or low.value < 10 or (low.end < len(words) and words[low.end] in {"hundred", *SCALES, *TENS}):
        return None
    text = f"{century}{low.value}"
    return Number(at, low.end, int(text), digits=text)


def _with_decimals(words: list[str], at: int) -> Number | None:
    number = _cardinal(words, at)
    if number is None or number.end + 1 >= len(words) or words[number.end] != "point":
        return number
    end, decimals = number.end + 1, ""
    while end < len(words) and (UNITS.get(words[end], 10) < 10 or words[end] == "oh"):
        decimals += str(UNITS.get(words[end], 0))
        end += 1
    if not decimals:
        return number
    if end < len(words) and words[end] in SCALES:
        end += 1
    return Number(at, end, number.value, decimals=decimals)


def _cardinal(words: list[str], at: int) -> Number | None:
    total, limit, end = 0, 10**15, at
    while True:
        part = _below_thousand(words, end)
        if part is None:
            break
        following = words[part.end] if part.end < len(words) else ""
        scale = SCALES.get(following, 1)
        if scale >= limit or (total and scale == 1 and part.value >= limit) or (end > at and not part.value):
            break
        total, end, limit = total + part.value * scale, part.end + (scale > 1), scale
        if scale == 1:
            break
        if end + 1 < len(words) and words[end] == "and" and _below_thousand(words, end + 1):
            end += 1
    while end > at and words[end - 1] == "and":
        end -= 1
    return Number(at, end, total) if end > at else None


def _below_thousand(words: list[str], at: int) -> Number | None:
    number = _below_hundred(words, at)
    if number is None or number.end >= len(words) or words[number.end] != "hundred" or not 0 < number.value < 100:
        return number
    value, end = number.value * 100, number.end + 1
    rest_at = end + 1 if end < len(words) and words[end] == "and" else end
    rest = _below_hundred(words, rest_at)
    if rest and rest.value:
        return Number(at, rest.end, value + rest.value)
    return Number(at, end, value)


def _below_hundred(words: list[str], at: int) -> Number | None:
    word = words[at] if at < len(words) else ""
    if word in UNITS:
        return Number(at, at + 1, UNITS[word])
    if word not in TENS:
        return None
    unit = UNITS.get(words[at + 1], 0) if at + 1 < len(words) else 0
    return Number(at, at + 2, TENS[word] + unit) if 0 < unit < 10 else Number(at, at + 1, TENS[word])
