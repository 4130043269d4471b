"""Where Chinese numbers may stand: one pattern whose named alternatives are tried in order."""

import re
from functools import cache

from speech.itn.chinese_kept import KEPT
from speech.itn.chinese_numbers import DIGIT_CHARS
from speech.itn.chinese_words import BARE_END, COMPOUND_UNITS, COUNTED, FIRST

_D = f"[{DIGIT_CHARS}]"
_N = f"[{DIGIT_CHARS}两十百千万亿]"
_UNIT_OF_千 = "[克瓦米卡帕赫焦]"
#: A stretch of number characters. After 百, 千 or 万 a closing 一 belongs to the measure word (八百一个), and after a
#: number with tens a closing 千 does (二十五千克).
RUN = (
    f"[{DIGIT_CHARS}两十]"
    f"(?:[零〇二三四五六七八九幺十百万亿]|千(?!(?:(?<=十千)|(?<=十[一二三四五六七八九]千)){_UNIT_OF_千})"
    f"|两(?=[百千万亿])|(?<![百千万亿])一|(?<=[百千万亿])一(?!{COUNTED}))*+"
)
#: Decimals are digits; 三点二十 is a time.
NUMBER = f"{RUN}(?:点{_D}++(?![十百]|千(?!{_UNIT_OF_千}))(?:万亿|万|亿)?)?"
_TEENS = "[一二三四五]?十[一二三四五六七八九]?"
#: 三十八度五: the digit behind the unit, where nothing says that it counts something of its own.
_BARE = f"(?:[二三四五六七八九]|一(?!一))(?={BARE_END})"
_BARE_TWO = f"(?:{_D}?[一二三四五六七八九])(?={BARE_END})"
_PLAIN = f"""
|(?P<written>\\d[\\d.,:/]*+{_N}*+(?:点{_N}++)?)
|(?P<kept>{"|".join(KEPT.split())})
|(?P<date>(?:(?P<year>{RUN})年)?(?P<month>十[一二]?|{_D})月
(?:(?P<day>{_TEENS}|{_D})(?P<day_word>[号日])|(?P<bare_day>{_TEENS})(?!{_N}|[点个人多几来余分]|{COUNTED}))?)
|(?P<whole>百分之百)
|(?P<percent>(?P<minus_before>负)?(?P<base>百|千)分之(?P<minus>负?)(?P<part>{NUMBER})
(?:(?P<percent_to>到|至)(?:[百千]分之)?(?P<part_to>{NUMBER})(?!{COUNTED}))?)
|(?P<fraction>(?:(?P<wholes>{RUN})又)?(?P<under>{RUN})分之(?P<over>{NUMBER}))
|(?P<version>{RUN}(?:点{_D}++){{2,}}(?!{_N}))
|(?P<time>(?P<hour>{RUN})点(?:(?P<half>半)|(?P<quarter>[一三])刻
|(?P<minute>{_TEENS}|零{_D}|{_D}(?=分(?!钟)))(?!{_N})(?P<minute_word>分(?![之钟]))?(?:(?P<second>{_TEENS}|零?{_D})秒)?))
|(?P<hours>(?P<whole_hour>{RUN})点(?!{_N}|\\d))
|(?P<degrees>(?P<cold>零下|负)?(?P<full_degrees>{RUN})度(?P<tenth>{_BARE}))
|(?P<metres>(?P<full_metres>{RUN})米(?P<hundredths>{_BARE_TWO}))
|(?P<signed>(?P<sign>正负|负|零下)(?P<size>{NUMBER})(?!分之))
|(?P<number>{NUMBER})
"""
#: Several numbers that are written together or not at all. What their rules refuse is looked at number by number.
_TOGETHER = f"""
|(?P<article>第(?P<main>{RUN})条(?:之{RUN})?(?P<below>(?:第{RUN}[款项目]){{1,3}}))
|(?P<bounds>(?P<least>{RUN})(?P<bounds_unit>年|个月|周岁|[日天岁元])以上(?P<most>{RUN})(?P=bounds_unit)以下)
|(?P<lacking>差(?P<lack>{RUN})(?P<lack_word>分钟?|刻钟?)(?P<lack_hour>{RUN})点(?!{_N}))
|(?P<past>(?P<past_hour>{RUN})点(?P<past_word>[过差])(?P<past_minutes>{RUN})(?P<past_unit>分(?!钟)|刻))
|(?P<compound>(?:(?![一二三四五六七八九幺]{_D}){RUN}(?:{COMPOUND_UNITS})){{1,6}}+(?P<bare>{_BARE})?)
|(?P<radio>(?=[{DIGIT_CHARS}两拐洞勾]{{0,23}}幺|幺)(?={_D}{{1,23}}[两拐洞勾]){_D}[{DIGIT_CHARS}两拐洞勾]{{2,23}}+(?![口穴弯角引{_N[1:]}))
|(?P<range>(?P<low>{NUMBER})(?P<dash>到|至)(?P<high>{NUMBER}))
|(?P<score>(?P<ours>{RUN})比(?P<theirs>{RUN}))
"""


def _pattern(*alternatives: str) -> re.Pattern[str]:
    body = "".join(alternatives).replace("\n", "").removeprefix("|")
    return re.compile(f"(?=[{FIRST}])(?:{body})")


@cache
def everything() -> re.Pattern[str]:
    """All alternatives. Compiled when first needed: the start of the web UI pays nothing for it."""
    # Kept words and percentages go before what is looked at together: 百分之五到百分之十 is no 五到百.
    marker = "\n|(?P<version>"
    first, rest = _PLAIN.split(marker)
    return _pattern(first, _TOGETHER.strip("\n"), marker, rest)


@cache
def one_by_one() -> re.Pattern[str]:
    """Only the alternatives for single numbers."""
    return _pattern(_PLAIN)
