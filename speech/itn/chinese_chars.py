"""Traditional characters: read as simplified ones, written as they came (兩萬元 → 2萬元)."""

import re
from functools import cache

#: Pairs of the characters that stand in numbers, measure words and the context that the rules look at.
_PAIRS = (
    "萬万億亿兩两點点負负號号歲岁塊块個个幾几來来時时鐘钟後后週周條条項项電电話话驗验證证碼码編编單单樓楼層层線线體体"
    "溫温氣气調调過过開开會会將将數数從从農农曆历舊旧陰阴臘腊錢钱雙双滿满張张臺台隻只節节課课輛辆間间戶户種种類类輪轮"
    "場场隊队門门組组對对盤盘顆颗棟栋畝亩餘余級级釐厘噸吨區区轉转鍵键請请責责歐欧鎊镑書书頁页隨随齡龄傳传發发熱热燒烧"
    "達达飛飞機机車车課课準准聯联動动專专壓压為为訂订戶户賬账帳账價价標标準准維维諮咨詢询見见議议見见問问題题無无與与"
    "尋寻夠够運运報报規规劃划屆届黨党講讲貨货減减贈赠糖糖續续樣样僅仅終终執执審审導导總总歷历罰罚經经聲声還还這这"
    "○〇"
)
_SIMPLIFIED = dict(zip(map(ord, _PAIRS[::2]), _PAIRS[1::2], strict=True))


@cache
def _traditional() -> re.Pattern[str]:
    return re.compile(f"[{''.join(map(chr, _SIMPLIFIED))}]")


def simplified(text: str) -> str:
    """``text``, character by character, as the rules read it: as long as before."""
    return text.translate(_SIMPLIFIED) if _traditional().search(text) else text


def as_it_came(written: str, before: str, read_as: str) -> str:
    """``written`` with the characters of ``before``, the same place that was ``read_as`` simplified."""
    if before == read_as:
        return written
    own = {ord(read): came for came, read in zip(before, read_as, strict=True) if came != read}
    return written.translate(own)
