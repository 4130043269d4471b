"""The grammar of Chinese numbers: words to a value, or a refusal."""

from fractions import Fraction

_DIGITS = {char: index for index, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "幺": 1, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_WAN, _YI = 10_000, 100_000_000

#: Digits that can be read one by one.
DIGIT_CHARS = "零〇一二三四五六七八九幺"


def digits_of(text: str) -> str | None:
    """``一三八`` → ``138``; ``None`` if anything in it is not a digit read by itself."""
    if not text or any(char not in DIGIT_CHARS for char in text):
        return None
    return "".join(str(_DIGITS[char]) for char in text)


def cardinal(text: str) -> int | None:
    """``一千二百三十四`` → 1234, with the short forms 三百五 (350) and 一万二 (12000); ``None`` if it is no number.

    Refused: approximations (三四十, 十七八), digits in a row, 两 at the end, units in the wrong order.
    """
    value, rest, scale_before = 0, text, 0
    for char, scale in (("亿", _YI), ("万", _WAN)):
        head, found, tail = rest.rpartition(char) if char == "亿" else rest.partition(char)
        if not found:
            continue
        # 二十七亿零一万: after 亿 a zero may lead.
        part = _below_yi(head) if char == "亿" else _section(head.removeprefix("零") if value else head, 0)
        if not part:
            return None
        value, rest, scale_before = value + part * scale, tail, scale
    if not rest:
        return value if text else None
    tail = _section(rest, scale_before)
    return None if tail is None else value + tail


def _below_yi(text: str) -> int | None:
    """The part before 亿, which may have a 万 of its own: 三万亿."""
    head, found, tail = text.partition("万")
    if not found:
        return _section(text, 0)
    high = _section(head, 0)
    low = _section(tail, _WAN) if tail else 0
    return None if not high or low is None else high * _WAN + low


def _section(text: str, scale_before: int) -> int | None:
    """Up to 9999. ``scale_before`` is the unit that stands in front (一万二: 10,000), or 0."""
    value, last_unit, digit, zero = 0, scale_before, None, False
    for index, char in enumerate(text):
        if char in _UNITS:
            unit = _UNITS[char]
            if digit is None and char == "十" and (index == 0 or text[index - 1] in "百零千"):
                digit = 1
            if not digit or (last_unit and unit >= last_unit) or (char == "十" and text[index - 1] == "两"):
                return None
            value, last_unit, digit, zero = value + digit * unit, unit, None, False
        elif char in "零〇":
            if zero or digit is not None or (index == 0 and not scale_before and len(text) > 1):
                return None
            zero, digit = True, 0 if len(text) == 1 and not scale_before else None
        elif char in _DIGITS and char != "幺" and digit is None:
            digit = _DIGITS[char]
        else:
            return None
    if digit is None:
        return value if not zero else None
    if text[-1] == "两" and len(text) + bool(scale_before) > 1:
        return None
    # 三百五 is 350 and 三百零五 is 305, while 三十五 is simply 35.
    short = last_unit > 10 and not zero and (len(text) > 1 or scale_before)
    return value + digit * (last_unit // 10 if short else 1)


def in_words_of_scale(value: int, spoken: str) -> str:
    """How ``value``, said as ``spoken``, is written: whole 万 and 亿 keep their word, the rest is digits."""
    if value >= _YI and value % _WAN == 0:
        if spoken.endswith("万亿") and value % (_WAN * _YI) == 0:
            return f"{value // (_WAN * _YI)}万亿"
        return exact_decimal(Fraction(value, _YI)) + "亿"
    if spoken.endswith("万"):
        return f"{value // _WAN}万"
    return str(value)


def exact_decimal(value: Fraction) -> str:
    """A fraction whose denominator is a power of ten, without closing zeros."""
    whole, rest = divmod(value.numerator * 10**8 // value.denominator, 10**8)
    decimals = f"{rest:08}".rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)
