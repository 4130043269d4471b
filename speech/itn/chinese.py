"""Chinese numbers in their context: one scan over the text; the first rule that fits a place decides."""

import re
from functools import cache

from speech.itn.chinese_numbers import DIGIT_CHARS, cardinal, digits_of, in_words_of_scale
from speech.itn.chinese_words import AFTER_HOUR, COUNTED, DAY_PARTS, DIGIT_LABELS, FIRST, KEPT, MEASURED

_D = f"[{DIGIT_CHARS}]"
_N = f"[{DIGIT_CHARS}两十百千万亿]"
#: A stretch of number characters. After 百, 千 or 万 a closing 一 belongs to the measure word (八百一个).
_RUN = (
    f"[{DIGIT_CHARS}两十]"
    f"(?:[零〇二三四五六七八九幺十百千万亿]|两(?=[百千万亿])|(?<![百千万亿])一|(?<=[百千万亿])一(?!{COUNTED}))*+"
)
#: Decimals are digits; 三点二十 is a time.
_NUMBER = f"{_RUN}(?:点{_D}++(?![十百千])(?:万亿|万|亿)?)?"
_TEENS = "[一二三四五]?十[一二三四五六七八九]?"
_SCAN = f"""
(?={"[" + FIRST + "]"})(?:
(?P<written>\\d[\\d.,:/]*+{_N}*+)
|(?P<kept>{"|".join(KEPT.split())})
|(?P<date>(?:(?P<year>{_RUN})年)?(?P<month>十[一二]?|{_D})月
(?:(?P<day>{_TEENS}|{_D})(?P<day_word>[号日])|(?P<bare_day>{_TEENS})(?!{_N}|[点个人多几来余分]|{COUNTED}))?)
|(?P<whole>百分之百)
|(?P<percent>(?P<base>百|千)分之(?P<minus>负?)(?P<part>{_NUMBER})
(?:(?P<percent_to>到|至)(?:[百千]分之)?(?P<part_to>{_NUMBER})(?!{COUNTED}))?)
|(?P<fraction>(?P<under>{_RUN})分之(?P<over>{_RUN}))
|(?P<version>{_RUN}(?:点{_D}++){{2,}}(?!{_N}))
|(?P<time>(?P<hour>{_RUN})点(?:(?P<half>半)|(?P<quarter>[一三])刻
|(?P<minute>{_TEENS}|零{_D}|{_D}(?=分(?!钟)))(?!{_N})(?P<minute_word>分(?![之钟]))?(?:(?P<second>{_TEENS}|零?{_D})秒)?))
|(?P<hours>(?P<whole_hour>{_RUN})点(?!{_N}|\\d))
|(?P<signed>(?P<sign>正负|负|零下)(?P<size>{_NUMBER}))
|(?P<range>(?P<low>{_NUMBER})(?P<dash>到|至)(?P<high>{_NUMBER}))
|(?P<score>(?P<ours>{_RUN})比(?P<theirs>{_RUN}))
|(?P<money>(?P<yuan>{_RUN})块(?P<jiao>[一二三四五六七八九])(?=毛|钱|\\W|$))
|(?P<number>{_NUMBER})
)"""

#: Text before a place that is looked at for what the number means.
_LEFT_CHARS = 8


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when first needed: the start of the web UI pays nothing for it."""
    return re.compile(pattern)


def write_chinese(text: str) -> str:
    """``text`` with its Chinese numbers written."""
    scan = _compiled(_SCAN.replace("\n", ""))
    parts: list[str] = []
    done = at = 0
    while match := scan.search(text, at):
        written = _write(match)
        if written is None or _would_merge(written, match, parts, done):
            # Of two numbers that do not belong together the second is looked at by itself.
            at = match.end("low") if match["low"] else match.end("ours") if match["ours"] else match.end()
            continue
        parts += (text[done : match.start()], written)
        done = at = match.end()
    return "".join((*parts, text[done:])) if parts else text


def _would_merge(written: str, match: re.Match[str], parts: list[str], done: int) -> bool:
    """Whether digits beside the place would run into the written number and make another one of it."""
    before = parts[-1][-1:] if parts and done == match.start() else match.string[: match.start()][-1:]
    after = match.string[match.end() : match.end() + 1]
    return (before.isdecimal() and written[0] in "0123456789-±") or (after.isdecimal() and written[-1].isdecimal())


def _write(match: re.Match[str]) -> str | None:
    rule = _RULES.get(match.lastgroup or "")
    return rule(match) if rule else None


def _date(match: re.Match[str]) -> str | None:
    month, day = cardinal(match["month"]), cardinal(match["day"] or match["bare_day"] or "一")
    if not month or not day or day > 31:
        return None
    year = ""
    if match["year"]:
        value = digits_of(match["year"]) or _plain(match["year"])
        if value is None or len(value) == 1:
            return None
        year = f"{value}年"
    has_day = match["day"] or match["bare_day"]
    return f"{year}{month}月" + (f"{day}{match['day_word'] or ''}" if has_day else "")


def _percent(match: re.Match[str]) -> str | None:
    sign, part = "%" if match["base"] == "百" else "‰", _value(match["part"])
    if part is None:
        return None
    text = ("-" if match["minus"] else "") + part + sign
    if match["part_to"]:
        end = _value(match["part_to"])
        return None if end is None else f"{text}{match['percent_to']}{end}{sign}"
    return text


def _fraction(match: re.Match[str]) -> str | None:
    under, over = cardinal(match["under"]), cardinal(match["over"])
    return f"{over}/{under}" if under and over is not None else None


def _version(match: re.Match[str]) -> str | None:
    parts = [digits_of(part) or _plain(part) for part in match[0].split("点")]
    return ".".join(part for part in parts if part) if all(parts) else None


def _time(match: re.Match[str]) -> str | None:
    spoken, told = match["minute"] or "", match["minute_word"]
    if spoken.startswith("零") and not told and not match["second"] and not _is_time_of_day(match):
        return _value(match[0])
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
    if value is None or match.string.startswith(("几", "来"), match.end()):
        return None
    if value < 10 and not (value <= 24 and (_is_time_of_day(match) or _follows(AFTER_HOUR, match))):
        return None
    return f"{in_words_of_scale(value, spoken)}点"


def _signed(match: re.Match[str]) -> str | None:
    value, sign = _value(match["size"]), match["sign"]
    if value is None or (sign == "负" and re.search("[胜抱肩自辜担欺]$", _left(match))):
        return None
    if len(value) == 1 and not _follows(f"{MEASURED}|度|分(?![之])|[，。！？；、,.!?;\\s]|$", match):
        return None
    return {"负": "-", "正负": "±"}.get(sign, sign) + value


def _range(match: re.Match[str]) -> str | None:
    low, high = _value(match["low"]), _value(match["high"])
    if low is None or high is None or _approximate(match):
        return None
    small = len(low) == 1 and len(high) == 1
    return None if small and not _follows(MEASURED, match) else f"{low}{match['dash']}{high}"


def _score(match: re.Match[str]) -> str | None:
    ours, theirs = _value(match["ours"]), _value(match["theirs"])
    return f"{ours}比{theirs}" if ours and theirs else None


def _money(match: re.Match[str]) -> str | None:
    yuan = _plain(match["yuan"])
    return f"{yuan}块{digits_of(match['jiao'])}" if yuan else None


def _number(match: re.Match[str]) -> str | None:
    spoken = match[0]
    digits, value = digits_of(spoken), _value(spoken)
    if value is None or "点" in spoken:
        return value
    if digits and len(digits) == 2:
        return digits if _are_two_digits(digits, match) else None
    if len(value) == 1:
        return value if spoken != "幺" and _follows(MEASURED, match) else None
    if spoken == "十" and not _left(match).endswith("第") and not _follows(f"{MEASURED}|{COUNTED}", match):
        return None
    return None if _approximate(match) else value


def _are_two_digits(digits: str, match: re.Match[str]) -> bool:
    """九八年, 九零后, 八五折 and 尾号三五 are digits; 八九年 and 三五年 may mean "some years"."""
    if re.search(f"(?:{DIGIT_LABELS})(?:是|为|：|:|，|,)?$", _left(match)):
        return True
    if match.string.startswith("年", match.end()):
        return int(digits[1]) != int(digits[0]) + 1 and digits != "35"
    return _follows("折(?![腾叠磨])|后(?![面来边天])", match) and digits[1] in "05"


def _approximate(match: re.Match[str]) -> bool:
    """二十几, 十来: about so many, which stays in words."""
    return match.string.startswith(("几", "来"), match.end())


def _is_time_of_day(match: re.Match[str]) -> bool:
    return bool(re.search(f"(?:{DAY_PARTS})的?$|[点半分刻钟][到至]$", _left(match)))


def _follows(pattern: str, match: re.Match[str]) -> bool:
    return bool(_compiled(pattern).match(match.string, match.end()))


def _left(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - _LEFT_CHARS) : match.start()]


def _plain(spoken: str) -> str | None:
    value = cardinal(spoken)
    return None if value is None else str(value)


def _value(spoken: str) -> str | None:
    """Any number as it is written, whatever stands around it; ``None`` if it is none."""
    whole, point, rest = spoken.partition("点")
    if point:
        decimals = rest.rstrip("万亿")
        before = digits_of(whole) or _plain(whole)
        return None if before is None else f"{before}.{digits_of(decimals)}{rest[len(decimals) :]}"
    digits = digits_of(whole)
    if digits:
        return digits
    value = cardinal(whole)
    return None if value is None else in_words_of_scale(value, whole)


_RULES = {
    "date": _date,
    "whole": lambda _: "100%",
    "percent": _percent,
    "fraction": _fraction,
    "version": _version,
    "time": _time,
    "hours": _hours,
    "signed": _signed,
    "range": _range,
    "score": _score,
    "money": _money,
    "number": _number,
}
