"""Numbers as they are spoken, in Chinese and English."""

DIGITS = "零一二三四五六七八九"
ONES = "zero one two three four five six seven eight nine".split()
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def chinese(number: int) -> str:
    """0 to 99 999 999 in Chinese: 10 is 十, 110 is 一百一十, 1001 is 一千零一."""
    if number >= 10_000:
        high, low = divmod(number, 10_000)
        return chinese(high) + "万" + (_after_zero(low, 1_000) if low else "")
    for unit, name in ((1_000, "千"), (100, "百")):
        if number >= unit:
            high, low = divmod(number, unit)
            return DIGITS[high] + name + (_after_zero(low, unit // 10) if low else "")
    tens, ones = divmod(number, 10)
    if not tens:
        return DIGITS[ones]
    return ("" if tens == 1 else DIGITS[tens]) + "十" + (DIGITS[ones] if ones else "")


def _after_zero(low: int, next_unit: int) -> str:
    spoken = chinese(low)
    if 10 <= low < 20:
        spoken = "一" + spoken
    return spoken if low >= next_unit else "零" + spoken


def english(number: int) -> str:
    """0 to 9999 in English words."""
    if number < 10:
        return ONES[number]
    if number < 20:
        return _TEENS[number - 10]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f" {ONES[ones]}" if ones else "")
    for unit, name in ((1_000, "thousand"), (100, "hundred")):
        if number >= unit:
            high, low = divmod(number, unit)
            return f"{english(high)} {name}" + (f" {english(low)}" if low else "")
    raise ValueError(f"{number} is not between 0 and 9999")
