"""Inverse text normalisation: numbers as they are spoken to numbers as one writes them (二零二五年 → 2025年).

Rules of our own: wetext loads 1.8 s and writes dates as 2025/03/05, cn2an breaks 一心一意 (FACTS). They work in three
steps: a scanner finds stretches of number words in their context (``chinese.py``, ``english.py``), a grammar gives
them a value or refuses (``chinese_numbers.py``, ``english_numbers.py``), and the context decides whether and how that
value is written. What the grammar refuses stays as it was spoken: no digit is lost or invented.

Conventions (after GB/T 15835, and what newspapers do):

- Counts under ten stay spoken before ordinary measure words (三口人, 两个月, 第三次); from ten on they are written
  (12个月, 第23条). Under ten they are written where a quantity is measured or named: 5岁, 3公里, 2元, 3月, 2号, 3.5.
- Approximate numbers stay: 三四十, 十几, 几百, 七八个; 二十多 → 20多.
- Whole 万 and 亿 keep their word: 三万 → 3万, 一亿两千万 → 1.2亿; 一万两千 → 12000.
- Digits read one by one are written from three on (一三八 → 138), or from two after words such as 尾号.
"""

from collections.abc import Callable

from speech.itn.chinese import write_chinese
from speech.itn.english import write_english

_RULES: dict[str, tuple[Callable[[str], str], ...]] = {
    "zh": (write_chinese, write_english),
    "yue": (write_chinese, write_english),
    "en": (write_english,),
}


def to_written(text: str, language: str = "auto") -> str:
    """``text`` with its numbers written; what is written already stays, so that doing it twice changes nothing.

    ``language``: ``zh``, ``yue``, ``en`` or ``auto`` (a region such as ``en-US`` is ignored). Text in any other
    language, and with ``auto`` text with Japanese or Korean letters, is returned as it is.
    """
    code = language.lower().partition("-")[0]
    if code == "auto":
        code = "" if _is_japanese_or_korean(text) else "zh"
    for rule in _RULES.get(code, ()):
        text = rule(text)
    return text


def _is_japanese_or_korean(text: str) -> bool:
    return any("぀" <= char <= "ヿ" or "가" <= char <= "힣" for char in text)
