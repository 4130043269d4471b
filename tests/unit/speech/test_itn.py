"""Written numbers, kind by kind; phrases of the fields are in test_itn_phrases.py."""

import pytest

from speech.itn import to_written

ISSUE = """
二零二五年三月十二号 → 2025年3月12号
一千二百三十四号 → 1234号
下午三点半 → 下午3:30
二十五岁 → 25岁
一亿两千万元 → 1.2亿元
百分之八点五 → 8.5%
三点一四 → 3.14
负五度 → -5度
电话一三八零零一三八零零零 → 电话13800138000
twenty five dollars → $25
"""

DATES_AND_TIMES = """
一九九八年 → 1998年
二零二五年三月 → 2025年3月
九八年 → 98年
八九年 → 八九年
三五年 → 三五年
十月一号 → 10月1号
三月份 → 3月份
三月十二 → 3月12
三个月 → 三个月
十二个月 → 12个月
八十年代 → 80年代
九零后 → 90后
二十一世纪 → 21世纪
十二点四十五分 → 12:45
早上八点二十出发 → 早上8:20出发
三点零五分 → 3:05
下午三点零五 → 下午3:05
三点一刻 → 3:15
上午九点整 → 上午9点整
三点十五分二十秒 → 3:15:20
三点钟 → 3点钟
我有三点意见 → 我有三点意见
凌晨零点 → 凌晨0点
下午三点到五点 → 下午3点到5点
周五十点 → 周五10点
十分钟 → 10分钟
"""

QUANTITIES = """
一百三十块钱 → 130块钱
三千五百元 → 3500元
三块五 → 3块5
十二块八毛 → 12块8毛
一万两千 → 12000
一万二 → 12000
两万五 → 25000
三百五 → 350
一亿二 → 1.2亿
三万 → 3万
三百万 → 300万
十二亿三千四百五十六万 → 12.3456亿
三万亿 → 3万亿
一千零一 → 1001
一万零五十 → 10050
三点五万 → 3.5万
一点二亿 → 1.2亿
八百一个 → 800一个
三十六点五度 → 36.5度
一百八十度 → 180度
零下十五度 → 零下15度
正负三度 → ±3度
三公里 → 3公里
三到五公里 → 3到5公里
五到十分钟 → 5到10分钟
十到二十人 → 10到20人
十个人 → 10个人
八五折 → 85折
三比二 → 3比2
血压一百二到八十 → 血压120到80
百分之一百二十 → 120%
百分之百 → 100%
百分之负三点五 → -3.5%
百分之五到百分之十 → 5%到10%
千分之三 → 3‰
三分之二 → 2/3
五分之一 → 1/5
零点五个百分点 → 0.5个百分点
第二十三条 → 第23条
第十章 → 第10章
"""

DIGITS = """
验证码是四七九二 → 验证码是4792
房间号三零二 → 房间号302
尾号三五 → 尾号35
幺三八零零一三八零零零 → 13800138000
一九二点一六八点一点一 → 192.168.1.1
版本二点零点一 → 版本2.0.1
"""

APPROXIMATE = """
三四十岁 → 三四十岁
十七八岁 → 十七八岁
十几个 → 十几个
几十万 → 几十万
二十几 → 二十几
二十多 → 20多
"""

ENGLISH = """
five dollars → $5
five dollars and twenty cents → $5.20
two point five million dollars → $2.5 million
twenty five percent → 25%
one two three → 123
my number is one three eight oh oh one → my number is 138001
three point one four → 3.14
zero point five → 0.5
three thirty p m → 3:30 p.m.
three oh five pm → 3:05 p.m.
five o'clock → 5 o'clock
one hundred and twenty three → 123
two thousand twenty five → 2025
twenty twenty five → 2025
nineteen ninety eight → 1998
twenty five thousand → 25,000
two million → 2 million
one million two hundred thousand → 1,200,000
minus five degrees → -5 degrees
forty-two → 42
twenty first century → 21st century
March third → March 3rd
the third one → the third one
one or two → one or two
a hundred people → a hundred people
我花了twenty five dollars → 我花了$25
"""

KEPT = """
一心一意 一共 三心二意 星期一 万一 十分满意 五一节 张三李四 一会儿 我家有三口人 一下 一起
第一次 一点 早一点 一点一滴 千万不要 百姓 十全十美 十字路口 七七八八 半斤八两 不管三七二十一 双十一
九一八 十三五规划 三十六计 周三 礼拜五 初五 数十万 成千上万 三百六十行 一五一十 负责 胜负
万分之三 三亚 四川 一元二次方程 二百五 三三两两 五五开 十堰 一一 两个 三次 负一层
百分之几 三点几 十有八九 一点儿 说一不二 独一无二 十一黄金周 大年三十 七上八下 百度 千万 二维码
五花八门 九牛一毛 四面八方 一百零八将 十二生肖 八仙过海 一国两制 三明治 零 十 两
"""

WRITTEN = (
    "2025年3月12号",
    "3:30",
    "1.2亿元",
    "8.5%",
    "-5度",
    "3万五千",
    "13800138000",
    "192.168.1.1",
    "$25",
    "1/5",
    "5二十三",
)


def _rows(*tables: str) -> list[tuple[str, ...]]:
    return [tuple(line.split(" → ")) for table in tables for line in table.strip().splitlines()]


@pytest.mark.parametrize(
    ("spoken", "written"),
    _rows(ISSUE, DATES_AND_TIMES, QUANTITIES, DIGITS, APPROXIMATE, ENGLISH),
    ids=lambda text: text,
)
def test_phrase(spoken: str, written: str) -> None:
    assert to_written(spoken) == written
    assert to_written(written) == written


@pytest.mark.parametrize("text", KEPT.split())
def test_words_that_hold_no_number_stay(text: str) -> None:
    assert to_written(text) == text
    assert to_written(f"我们说{text}，好吗") == f"我们说{text}，好吗"


@pytest.mark.parametrize("text", WRITTEN)
def test_what_is_written_stays(text: str) -> None:
    assert to_written(text) == text


def test_a_sentence_with_several_numbers() -> None:
    spoken = "会议定在二零二五年三月十二号下午三点半，一共来了二十五个人，花了一千二百三十四元，增长百分之八点五。"
    assert to_written(spoken) == "会议定在2025年3月12号下午3:30，一共来了25个人，花了1234元，增长8.5%。"


def test_other_languages_are_left_alone() -> None:
    assert to_written("二十五歳です") == "二十五歳です"
    assert to_written("二十五岁", "ja") == "二十五岁"
    assert to_written("二十五岁", "en") == "二十五岁"
    assert to_written("twenty five", "en-US") == "25"
    assert to_written("二十五岁", "yue") == "25岁"


@pytest.mark.parametrize(
    ("language", "chinese", "english"),
    [
        ("zh", True, True),  # English words are part of Chinese speech
        ("zh-cn", True, True),
        ("ZH-Hant", True, True),
        ("yue", True, True),
        ("yue-HK", True, True),
        ("auto", True, True),
        ("en", False, True),
        ("en-US", False, True),
        ("ja", False, False),
        ("ja-JP", False, False),
        ("ko", False, False),
        ("de", False, False),
        ("zha", False, False),  # Zhuang: a code is compared as a whole
        ("eng", False, False),
        ("", False, False),
    ],
)
def test_the_rules_follow_the_language(language: str, chinese: bool, english: bool) -> None:
    assert to_written("来月二十日", language) == ("来月20日" if chinese else "来月二十日")
    assert to_written("twenty five", language) == ("25" if english else "twenty five")


@pytest.mark.parametrize(
    "text", ["来月の二十日", "第二十三カ月", "이십오 二十五", "fünfundzwanzig", "zwanzig Mark", "vingt-deux"]
)
def test_auto_leaves_what_is_seen_to_be_another_language(text: str) -> None:
    assert to_written(text, "auto") == text
