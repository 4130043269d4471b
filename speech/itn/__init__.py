"""Inverse text normalisation: numbers as they are spoken to numbers as one writes them (二零二五年 → 2025年).

Rules of our own: wetext loads 1.8 s and writes dates as 2025/03/05, cn2an breaks 一心一意. They work in three steps: a
scanner finds stretches of number words in their context (``chinese.py``, ``english.py``), a grammar gives them a value
or refuses (``chinese_numbers.py``, ``english_numbers.py``), and the context decides whether and how that value is
written. What the grammar refuses stays as it was spoken: no digit is lost or invented.

Conventions (after GB/T 15835, and what newspapers do):

- Counts under ten stay spoken before ordinary measure words (三口人, 两个月, 第三次, 每日三次, 三倍); from ten on they
  are written (12个月, 第23条). Under ten they are written where a quantity is measured or something is named by its
  number: 5岁, 3公里, 2元, 3月, 2号, 5毫克, 5斤, 8折, 3.5, 3号楼2单元, 5G, A4, T3, 请按1, 2型糖尿病.
- One form for numbers of one kind: 8到12个, 12年6个月, 3年以上10年以下 and 第264条第1款第3项 are written whole, while
  三到五天, 三年六个月 and 第三条第一款 stay whole. Fractions are always written: 2/3, 1又1/2.
- Approximate numbers stay: 三四十, 十几, 几百, 七八个, 百八十, 一百数十; 二十多 → 20多.
- Whole 万 and 亿 keep their word: 三万 → 3万, 一亿两千万 → 1.2亿; 一万两千 → 12000; 两亿三千多万 → 2亿3000多万.
- Money keeps its words: 三块二毛五 → 3块2毛5, 五元八角 → 5元8角. Degrees and metres become decimals: 三十八度五 →
  38.5度, 一米七五 → 1.75米.
- 百分之 and 千分之 become % and ‰; 万分之五 and 十万分之二十五点三 (十万分之25.3) keep their words.
- Clock times are 3:30 and 8:15, but 上午9点整, 差5分8点; an hour under ten alone needs a sign that it is one.
- Digits read one by one are written from three on (一三八 → 138), or from two after words such as 尾号; who counts
  (一二三) is left alone. 幺 is 1, and beside it 拐, 洞, 勾 and 两 are 7, 0, 9 and 2.
- Idioms, names, feasts and the lunar calendar stay, as does 壹拾万. Traditional characters stay traditional: 2萬元.
- English: the same under ten; 10, 25,000, 2.5 million, $5.20, 25%, 3:30 p.m., March 3rd, 1990s. What stays in words
  keeps the other numbers of its row in words: one twenty three. ``at three thirty`` is a time, ``double three`` is 33.
"""

from collections.abc import Callable

#: What was written can show that a neighbour is a number, too (in 十点半二月二月 the time ends where the month begins).
#: Speech needs the second pass hardly ever, and no text was found that needs more.
_PASSES = 4


def to_written(text: str, language: str = "auto") -> str:
    """``text`` with its numbers written; what is written already stays, so that doing it twice changes nothing.

    ``language``: ``zh``, ``yue``, ``en`` or ``auto`` (a region such as ``en-US`` is ignored). Text in any other
    language, and with ``auto`` text with Japanese or Korean letters, is returned as it is.
    """
    code = language.lower().partition("-")[0]
    if code == "auto":
        code = "" if _is_japanese_or_korean(text) else "zh"
    for _ in range(_PASSES):
        before = text
        for rule in _rules(code):
            text = rule(text)
        if text == before:
            break
    return text


def _rules(code: str) -> tuple[Callable[[str], str], ...]:
    """Loaded when first needed: the start of the web UI pays nothing for them."""
    if code not in ("zh", "yue", "en"):
        return ()
    from speech.itn.english import write_english

    if code == "en":
        return (write_english,)
    from speech.itn.chinese import write_chinese

    return (write_chinese, write_english)


def _is_japanese_or_korean(text: str) -> bool:
    return any("぀" <= char <= "ヿ" or "가" <= char <= "힣" for char in text)
