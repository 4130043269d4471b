"""What holds for any text: doing it twice changes nothing, no digit is lost or invented, and it never hangs."""

import random
import re
import string
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from speech.itn import to_written

_NUMERALS = (
    "零一二三四五六七八九十百千万亿两幺点负正分之年月日号半刻秒到至比块毛元角岁个第几多来上午下星期周度折后"
    "拐洞米斤差过条款以下农历初廿又"
)
_TRADITIONAL = "零一二三四五六七八九十百千萬億兩點負號塊歲個幾來後條農曆"
_ENGLISH_WORDS = (
    "zero one two three ten twelve twenty ninety hundred thousand million point and oh minus percent dollars cents p m "
    "am first twelfth twentieth o'clock degrees march , . - a double triple to over at from past of nineteen nineties "
    "room flight blood pressure half"
).split()
_DIGITS = "零一二三四五六七八九"
_WORTH = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}


@settings(max_examples=2500, deadline=None)
@given(st.text(alphabet=_NUMERALS + "3.,: 好A", max_size=16))
def test_doing_it_twice_changes_nothing_chinese(text: str) -> None:
    once = to_written(text)
    assert to_written(once) == once


@settings(max_examples=700, deadline=None)
@given(st.text(alphabet=_TRADITIONAL + "3好", max_size=14))
def test_doing_it_twice_changes_nothing_traditional(text: str) -> None:
    once = to_written(text)
    assert to_written(once) == once


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(_ENGLISH_WORDS), max_size=10))
def test_doing_it_twice_changes_nothing_english(words: list[str]) -> None:
    once = to_written(" ".join(words))
    assert to_written(once) == once


@pytest.mark.parametrize("text", ["十点半二月二月月", "点十点半二月二號", "一二二点十萬點十日", "零點十分零月一號萬"])
def test_what_a_first_pass_uncovers_is_written_at_once(text: str) -> None:
    once = to_written(text)
    assert to_written(once) == once


def _digits_said(text: str) -> list[int]:
    """The digits but zero, in order, spoken or written; 十 without a digit before it is a one."""
    text = re.sub(f"(?<![{_DIGITS[1:]}])十", "一", text)
    found = re.findall("[1-9]|[一二三四五六七八九两兩幺]", text)
    return [
        int(char) if char.isdecimal() else {"两": 2, "兩": 2, "幺": 1}.get(char) or _DIGITS.index(char)
        for char in found
    ]


@settings(max_examples=3000, deadline=None)
@given(
    st.text(alphabet="零一二三四五六七八九十百千万亿两幺点负年月日号到比块毛元岁个第几多来米斤条款，好", max_size=16)
)
def test_no_digit_is_lost_or_invented(text: str) -> None:
    assert _digits_said(to_written(text)) == _digits_said(text)


@settings(max_examples=1000, deadline=None)
@given(st.text(alphabet=_TRADITIONAL + "，好", max_size=14))
def test_no_traditional_digit_or_word_is_lost(text: str) -> None:
    written = to_written(text)
    assert _digits_said(written) == _digits_said(text)
    assert not set(written) - set(text) - set("0123456789.:-年月")


@given(
    st.text(
        alphabet=st.characters(exclude_characters="零〇○一二三四五六七八九十百千万亿两兩幺萬億" + string.ascii_letters)
    )
)
def test_text_without_number_words_is_unchanged(text: str) -> None:
    assert to_written(text) == text


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="我们今天说好的会议结果很不错啊，。！？（）“” abcdefghijk\n\t0123456789:.,-%$"))
def test_text_with_written_numbers_only_is_unchanged(text: str) -> None:
    assert to_written(text) == text


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    to_written(text)


def _spoken(value: int) -> str:
    """The full form of a whole number, as a grammar book has it."""
    for unit, word in ((10**8, "亿"), (10**4, "万"), (1000, "千"), (100, "百"), (10, "十")):
        if value >= unit:
            rest = value % unit
            gap = "零" if 0 < rest < unit // 10 else ""
            return _spoken(value // unit) + word + gap + (_spoken(rest) if rest else "")
    return _DIGITS[value]


def _heard(spoken: str) -> int:
    """The value of a full form, found by its largest unit."""
    for word in "亿万千百十":
        high, unit, low = spoken.rpartition(word) if word in "亿" else spoken.partition(word)
        if unit:
            return (_heard(high) if high else 1) * _WORTH[word] + (_heard(low) if low else 0)
    return _DIGITS.index(spoken.lstrip("零") or "零")


def _values(text: str) -> list[Decimal]:
    """The numbers of a text, spoken or written, in order."""
    said = f"[{_DIGITS}十百千万亿]+"
    number = f"(?:({said})点([{_DIGITS}]+)|([0-9]+(?:[.][0-9]+)?))([万亿]*)|({said})"
    values: list[Decimal] = []
    for whole, decimals, written, units, plain in re.findall(number, text):
        after_point = "".join(str(_DIGITS.index(char)) for char in decimals)
        value = Decimal(written or f"{_heard(whole or plain)}.{after_point or 0}")
        for unit in units:
            value *= _WORTH[unit]
        values.append(value)
    return values


_COUNTS = st.one_of(st.integers(0, 99_999), st.integers(11, 10**12 - 1)).map(_spoken)
_DECIMALS = st.text(alphabet=_DIGITS, min_size=1, max_size=5)
_QUANTITIES = st.tuples(
    st.sampled_from(("共", "约", "，", "达到", "增加了")),
    st.one_of(_COUNTS, st.builds("{}点{}".format, st.integers(0, 9999).map(_spoken), _DECIMALS)),
    st.sampled_from(("元", "个", "公里", "名员工", "岁", "倍", "毫克", "吨", "万元", "。")),
).map("".join)


@settings(max_examples=800, deadline=None)
@given(st.lists(_QUANTITIES, min_size=1, max_size=5).map("".join))
def test_every_number_keeps_its_value(text: str) -> None:
    assert _values(to_written(text)) == _values(text)


@given(st.text(alphabet="0123456789", min_size=3, max_size=20))
def test_digits_read_one_by_one_are_those_digits(digits: str) -> None:
    spoken = "".join(_DIGITS[int(digit)] for digit in digits)
    assume(digits != "918")  # a date that everybody knows by this name
    assert to_written(f"编号：{spoken}。") == f"编号：{digits}。"


def _spelled(value: int) -> str:
    units = (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
    )
    units += "seventeen eighteen nineteen".split()
    for unit, word in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= unit:
            rest = value % unit
            return f"{_spelled(value // unit)} {word}" + (f" {_spelled(rest)}" if rest else "")
    if value < 20:
        return units[value]
    tens = "twenty thirty forty fifty sixty seventy eighty ninety".split()[value // 10 - 2]
    return f"{tens} {units[value % 10]}" if value % 10 else tens


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.integers(10, 9999), st.integers(10, 10**12 - 1)))
def test_every_english_number_keeps_its_value(value: int) -> None:
    written = to_written(f"we counted {_spelled(value)} of them")
    number, _, scale = written.removeprefix("we counted ").removesuffix(" of them").partition(" ")
    assert int(number.replace(",", "")) * {"": 1, "million": 10**6, "billion": 10**9}[scale] == value


#: One for each alternative of the pattern that could look far ahead.
_PIECES = (
    "一 三点 三到 一块 一年零 一拐 幺拐 第一条第一款 差一刻 三度五 血压一 三比 三年以上三年以下 两 兩 一又一分之"
).split()
_ENGLISH_PIECES = ("one ", "double ", "a hundred and ", "five to ", "one two hundred ", "at one ten ")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", (*_PIECES, *_ENGLISH_PIECES))
def test_a_hundred_thousand_characters_take_time_in_proportion(piece: str) -> None:
    # Time that grew with the square of the length would be hours here.
    text = (piece * 100_000)[:100_000]
    assert to_written(text)


@pytest.mark.timeout(60)
def test_a_long_row_of_random_number_words_is_survived() -> None:
    chosen = random.Random(5)
    to_written("".join(chosen.choice(_NUMERALS) for _ in range(100_000)))
    to_written(" ".join(chosen.choice(_ENGLISH_WORDS) for _ in range(20_000)))
