"""How each kind of single number is written. A rule returns ``None`` where the number stays as it was spoken."""

import re
from collections.abc import Callable

from speech.itn.chinese_context import (
    comes_after,
    is_approximate,
    is_followed_by,
    is_time_of_day,
    left_of,
    plain,
    value_of,
)
from speech.itn.chinese_kept import CRAFT, KEPT_AFTER
from speech.itn.chinese_numbers import DIGIT_CHARS, cardinal, digits_of, in_words_of_scale
from speech.itn.chinese_words import (
    A_LITTLE,
    AFTER_HOUR,
    AFTER_LABEL,
    BEFORE_DEGREES,
    COUNTED,
    DIGIT_LABELS,
    MEASURED,
    NO_HOUR,
)

_NUMBER_CHAR = f"[{DIGIT_CHARS}两十百千万亿]"
_AFTER_SIGNED = rf"{MEASURED}|度|分(?![之])|[，。！？；、,.!?;\s]|$"
#: From here on a denominator keeps its word: 十万分之25.3.
_LONG_DENOMINATOR = 10_000
#: After Latin letters (T三航站楼, A四纸) one digit names something before these.
_NAMED = r"航站楼|纸|口|座|区|楼|栋|线|病毒|流感|亚型|格式|播放|同比|环比|季度|营收|的(?!确)|负|正负|[^\w]|$"
_CASE_KINDS = "(?:民|刑|行|执|破|商|知)(?:初|终|再|申|监|特|保|他|异|恢|辖|督|催)"
_SYSTOLIC, _DIASTOLIC = range(60, 261), range(30, 161)


def _date(match: re.Match[str]) -> str | None:
    month, day = cardinal(match["month"]), cardinal(match["day"] or match["bare_day"] or "一")
    if not month or not day or day > 31:
        return None
    year = ""
    if match["year"]:
        value = digits_of(match["year"]) or plain(match["year"])
        if value is None or len(value) == 1:
            return None
        year = f"{value}年"
    has_day = match["day"] or match["bare_day"]
    return f"{year}{month}月" + (f"{day}{match['day_word'] or ''}" if has_day else "")


def _percent(match: re.Match[str]) -> str | None:
    sign, part = "%" if match["base"] == "百" else "‰", value_of(match["part"])
    if part is None or is_approximate(match):
        return None
    text = ("-" if match["minus"] else "") + part + sign
    if match["part_to"]:
        end = value_of(match["part_to"])
        if end is None:
            return None
        text += f"{match['percent_to']}{end}{sign}"
    if not match["minus_before"]:
        return text
    # 负百分之三十的责任 is a part of the blame.
    return ("负" if is_followed_by(".{0,3}责", match) else "-") + text


def _fraction(match: re.Match[str]) -> str | None:
    under, over, wholes = cardinal(match["under"]), value_of(match["over"]), ""
    if not under or over is None:
        return None
    if match["wholes"]:
        wholes = plain(match["wholes"])
        if wholes is None:
            return None
        wholes += "又"
    if under >= _LONG_DENOMINATOR:
        return f"{wholes}{match['under']}分之{over}" if len(over) > 1 else None
    return f"{wholes}{over}/{under}"


def _version(match: re.Match[str]) -> str | None:
    parts = [digits_of(part) or plain(part) for part in match[0].split("点")]
    return ".".join(part for part in parts if part) if all(parts) else None


def _time(match: re.Match[str]) -> str | None:
    spoken, told = match["minute"] or "", match["minute_word"]
    if spoken.startswith("零") and not told and not match["second"] and not is_time_of_day(match):
        return value_of(match[0])
    hour = cardinal(match["hour"])
    if hour is None or hour > 24 or (match["second"] and not told):
        return None
    minute = 30 if match["half"] else 15 if match["quarter"] == "一" else 45 if match["quarter"] else 0
    if spoken:
        minute = cardinal(spoken.lstrip("零〇") or "零") or 0
    second = f":{cardinal(match['second'].lstrip('零〇') or '零'):02}" if match["second"] else ""
    return f"{hour}:{minute:02}{second}"


def _hours(match: re.Match[str]) -> str | None:
    spoken = match["whole_hour"]
    value = cardinal(spoken)
    if value is None or is_approximate(match) or is_followed_by(NO_HOUR, match):
        return None
    if value == 1 and is_followed_by(A_LITTLE if is_time_of_day(match) else f"{A_LITTLE}|多", match):
        return None
    points = comes_after("[这那有前后第]$", match)
    if value < 10 and not is_time_of_day(match) and (points or not is_followed_by(AFTER_HOUR, match)):
        return None
    return f"{in_words_of_scale(value, spoken)}点"


def _degrees(match: re.Match[str]) -> str | None:
    value = plain(match["full_degrees"])
    if value is None:
        return None
    sign = "-" if match["cold"] == "负" else match["cold"] or ""
    return f"{sign}{value}.{digits_of(match['tenth'])}度"


def _metres(match: re.Match[str]) -> str | None:
    value = plain(match["full_metres"])
    return None if value is None else f"{value}.{digits_of(match['hundredths'])}米"


def _signed(match: re.Match[str]) -> str | None:
    value, sign = value_of(match["size"]), match["sign"]
    if value is None or (sign == "负" and comes_after("[胜抱肩自辜担欺]$", match)):
        return None
    if len(value) == 1 and not is_followed_by(_AFTER_SIGNED, match):
        return None
    return {"负": "-", "正负": "±"}.get(sign, sign) + value


def _number(match: re.Match[str]) -> str | None:
    spoken = match[0]
    if len(spoken) == 1 and spoken != "十":
        written = spoken != "幺" and _is_measured(match) and not _is_part_of_more(match)
        return value_of(spoken) if written else None
    if _is_part_of_more(match):
        return None
    digits, value = digits_of(spoken), value_of(spoken)
    if value is None:
        return _blood_pressure(match)
    if "点" in spoken:
        return value
    if is_followed_by("分之", match):
        return None
    if digits and len(digits) > 1:
        return digits if _are_digits(digits, match) else None
    if spoken == "十" and not left_of(match).endswith("第") and not is_followed_by(f"{MEASURED}|{COUNTED}", match):
        return None
    if is_approximate(match):
        return None
    if is_followed_by("[多余]万", match) and "亿" in spoken:
        return _before_more(spoken)
    return value


def _is_part_of_more(match: re.Match[str]) -> bool:
    """Whether it belongs to a name, or to a row of number words that as a whole is no number (一两岁, 百四十六)."""
    if comes_after(KEPT_AFTER, match) or (is_followed_by("号", match) and comes_after(CRAFT, match)):
        return True
    return comes_after(f"{_NUMBER_CHAR if len(match[0]) == 1 else '[百千万亿]'}$", match)


def _before_more(spoken: str) -> str | None:
    """两亿三千多万 → 2亿3000多万: what stands before 多万 counts 万, not ones."""
    high, _, low = spoken.rpartition("亿")
    values = plain(high), plain(low.removeprefix("零"))
    return f"{values[0]}亿{values[1]}" if all(values) and "万" not in spoken else None


def _is_measured(match: re.Match[str]) -> bool:
    """Whether a number under ten measures or names something, and is no count."""
    if is_followed_by(MEASURED, match):
        return True
    # This runs for each 一 of a text: look at one character before asking patterns.
    before = match.string[max(0, match.start() - 1) : match.start()]
    if match.string.startswith("度", match.end()):
        return comes_after(BEFORE_DEGREES, match)
    if before in ("按", "字"):
        keyed = comes_after("(?:[请再接]|数字)按(?:数字)?$", match)
        return keyed and is_followed_by(r"[^\w]|$|负|正负|号?键|转", match)
    if not before.isascii() or not before.isalpha():
        return False
    return comes_after("维生素[A-Z]$", match) or is_followed_by(_NAMED, match)


def _are_digits(digits: str, match: re.Match[str]) -> bool:
    """From three on, unless somebody counts (一二三); two of them where the context says so.

    九八年, 九零后, 八五折 and 尾号三五 are digits; 八九年 and 三五年 may mean "some years".
    """
    if comes_after(f"(?:{DIGIT_LABELS}){AFTER_LABEL}", match):
        return True
    if len(digits) > 2:
        return digits not in "0123456789" or "幺" in match[0] or is_followed_by("[号室]", match)
    if is_followed_by("年", match):
        return int(digits[1]) != int(digits[0]) + 1 and digits != "35"
    if digits[0] == "0" and is_followed_by(_CASE_KINDS, match):
        return True
    return is_followed_by("折(?![腾叠磨])|后(?![面来边天])", match) and digits[1] in "05"


def _blood_pressure(match: re.Match[str]) -> str | None:
    """一百三十五八十五 → 135/85, where there is one way only to hear two numbers in it."""
    if not comes_after("(?:血压|血压量)(?:是|为|在|到|：|:)?$", match):
        return None
    spoken = match[0][:16]
    heard = [(cardinal(spoken[:cut]), cardinal(spoken[cut:])) for cut in range(1, len(spoken))]
    likely = [f"{high}/{low}" for high, low in heard if high in _SYSTOLIC and low in _DIASTOLIC]
    return likely[0] if len(likely) == 1 and len(match[0]) == len(spoken) else None


RULES: dict[str, Callable[[re.Match[str]], str | None]] = {
    "date": _date,
    "whole": lambda _: "100%",
    "percent": _percent,
    "fraction": _fraction,
    "version": _version,
    "time": _time,
    "hours": _hours,
    "degrees": _degrees,
    "metres": _metres,
    "signed": _signed,
    "number": _number,
}
