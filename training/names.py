"""Names that sound alike and are written differently: only a hotword can tell which is meant.

Each class holds characters (or English names) that espeak-ng pronounces the same; the first is the usual one.
Names are put together from them, so the models meet too many to learn by heart: what is left to learn is to
copy the spelling from the prompt. Some combinations (:func:`is_held_out`) never stand in a training prompt.
"""

import random
import zlib
from itertools import product

from training.sentences import Clause, Name, clause

SURNAMES = "张章 李理 刘 陈 杨扬 赵 周 吴 徐 孙 马 胡 郭 何 高 林临 江姜 余于俞 石时 魏卫 程成".split()
GIVEN = (
    "伟炜 芳方 洋阳 明铭 磊蕾 杰捷 静敬 宇雨羽 涛韬 婷亭 佳嘉 峰锋 俊骏 华骅 薇微 刚钢 梅眉 琳霖 丽莉 辉晖 玲灵 "
    "军君 斌彬 建健 志智 文雯 新心 浩昊 慧惠 晓小 云芸 红宏 英樱 勇永 龙隆 强 海 平 雪 超"
).split()
ENGLISH = (
    "John/Jon Ann/Anne Sara/Sarah Mark/Marc Eric/Erik Steven/Stephen Philip/Phillip Brian/Bryan Jeffrey/Geoffrey "
    "Sean/Shawn Carl/Karl Neil/Neal Alan/Allen Tony/Toni Terry/Terri Nick/Nic Catherine/Katherine Megan/Meghan"
).split()
#: Of so many names one is kept out of all training prompts.
_HELD_OUT_SHARE = 8

_CHINESE_FRAMES = (
    ("请联系{}", "。"),
    ("请给{}打电话", "。"),
    ("我叫{}", "。"),
    ("他叫{}", "。"),
    ("{}你好", "。"),
    ("{}在公司上班", "。"),
    ("会议由{}主持", "。"),
    ("{}来了吗", "？"),
    ("{}的电话号码是多少", "？"),
    ("文件已经给{}了", "。"),
    ("明天请{}参加会议", "。"),
    ("{}喜欢听音乐", "。"),
)
_ENGLISH_FRAMES = (
    ("my name is {}", "."),
    ("please call {}", "."),
    ("this is {}", "."),
    ("{} is in the office", "."),
    ("where is {}", "?"),
    ("send the file to {}", "."),
    ("thank you {}", "."),
)


def chinese_name(dice: random.Random) -> Name:
    """A surname and one or two characters, at least one of which has another spelling."""
    while True:
        classes = [dice.choice(SURNAMES), *(dice.choice(GIVEN) for _ in range(dice.choice((1, 1, 2))))]
        spellings = tuple("".join(spelling) for spelling in product(*classes))
        if len(spellings) > 1:
            return Name(spellings[0], spellings[1:])


def english_name(dice: random.Random) -> Name:
    """A first name with two spellings."""
    usual, *others = dice.choice(ENGLISH).split("/")
    return Name(usual, tuple(others))


def is_held_out(name: Name) -> bool:
    """Whether the Chinese name must not stand in a training prompt in any spelling."""
    return not name.usual.isascii() and zlib.crc32(name.usual.encode()) % _HELD_OUT_SHARE == 0


def name_clause(dice: random.Random, language: str) -> tuple[Clause, Name]:
    """A clause that speaks a name, in the usual spelling."""
    if language == "en":
        name, (frame, mark) = english_name(dice), dice.choice(_ENGLISH_FRAMES)
    else:
        name, (frame, mark) = chinese_name(dice), dice.choice(_CHINESE_FRAMES)
    return clause(frame.format(name.usual), mark), name


def usual_spellings() -> dict[str, str]:
    """Of each character and English name that is not the usual one of its sound: the usual one."""
    classes = [*map(tuple, [*SURNAMES, *GIVEN]), *(tuple(pair.split("/")) for pair in ENGLISH)]
    return {other: usual for usual, *others in classes for other in others}


def all_spellings() -> list[str]:
    """Every character and word that a name may need."""
    return [*"".join(SURNAMES + GIVEN), *(name for pair in ENGLISH for name in pair.split("/"))]
