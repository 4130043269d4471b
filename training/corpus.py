"""The sentences that the demo models know: numbers, dates, times, money, commands, phrases and names."""

import random
from collections.abc import Callable

from training.names import name_clause
from training.numerals import DIGITS, ONES, chinese, english
from training.sentences import Clause, Name, Utterance, clause

_DEVICES = "空调 电视 电脑 灯 窗户 音乐 手机 麦克风".split()
CITIES = "北京 上海 广州 深圳 杭州".split()
_WEEKDAYS = "一二三四五六日"
_PHRASES = (
    "你好。 谢谢。 再见。 今天天气怎么样？ 明天会下雨吗？ 现在几点了？ 请开始录音。 请停止录音。 "
    "开始语音识别。 语音识别测试。 会议现在开始。 会议结束了。 大家好， 欢迎使用语音识别系统。 "
    "我听不清楚。 请再说一遍。 没有问题。 好的， 请等一下。 人工智能改变世界。 我喜欢听音乐。 "
    "他在公司上班。 我们去吃饭吧。 请保存文件。 上传文件成功。 网络连接失败。 服务器已经启动。 "
    "任务已经完成。 正在处理任务。 节点已经离线。 请检查网络。 密码错误。 春天来了， 花开了。 "
    "苹果很好吃。 小猫喝水。 我家有三口人。 这是一个测试。 机器学习很有意思。 模型加载成功。 "
    "你叫什么名字？ 我叫小明。 早上好， 晚安。 今天下雨了。 明天见。 他们在开会。 请关闭窗户。 "
    "请大家看文件。 识别结果已经保存。 录音已经停止。 会议记录在这里。 系统正在启动。 谢谢大家。 "
    "现在开始上课。 我不知道。 你说得很清楚。 麦克风没有声音。 请说慢一点。 "
).split()
_ENGLISH_PHRASES = (
    "hello.|hello world.|good morning.|thank you.|how are you?|what time is it?|the weather is good today.|"
    "this is a test.|speech recognition.|please save the file.|the server is ready.|yes.|no.|start recording.|"
    "stop recording.|good night.|see you tomorrow.|how is the weather today?|what is your name?|where is the office?|"
    "please say it again.|the meeting starts now.|the meeting is over.|welcome to the meeting.|I do not know.|"
    "the network is down.|the password is wrong.|the task is done.|please wait a moment.|can you hear me?|"
    "please check the network.|the file is ready.|we are in the office.|it is raining today.|play some music.|"
    "call me tomorrow.|I like music.|speech is easy to understand.|machine learning is interesting."
).split("|")
_ENGLISH_DEVICES = "light television computer music phone microphone".split()
_ENGLISH_CITIES = "London Paris Beijing Shanghai".split()
_ENGLISH_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()


def _phrase(text: str) -> Clause:
    return clause(text[:-1], text[-1])


def _digits(dice: random.Random, low: int = 3, high: int = 9) -> str:
    return "".join(dice.choice(DIGITS) for _ in range(dice.randint(low, high)))


def _number(dice: random.Random) -> str:
    top = dice.choice((99, 999, 999, 9_999, 9_999, 990_000))
    number = dice.randint(0, top)
    return chinese(number // 10_000 * 10_000 if top > 10_000 and dice.random() < 0.4 else number)


def _date(dice: random.Random) -> str:
    year = dice.choice(("二零", "二零", "一九")) + _digits(dice, 2, 2)
    day = chinese(dice.randint(1, 31)) + dice.choice("日日号")
    return dice.choice((f"{year}年", f"{year}年", "")) + chinese(dice.randint(1, 12)) + "月" + day


def _clock(dice: random.Random) -> str:
    minutes = dice.choice(("半", "", chinese(dice.randint(10, 59)) + "分", "零" + chinese(dice.randint(1, 9)) + "分"))
    return dice.choice(("上午", "下午", "晚上", "早上", "")) + chinese(dice.randint(1, 12)) + "点" + minutes


def _percent(dice: random.Random) -> str:
    return "百分之" + chinese(dice.randint(0, 100)) + dice.choice(("", "点" + _digits(dice, 1, 2)))


def _decimal(dice: random.Random) -> str:
    return dice.choice(("", "", "负")) + chinese(dice.randint(0, 99)) + "点" + _digits(dice, 1, 3)


def _command(dice: random.Random) -> Clause:
    if dice.random() < 0.35:
        return clause(
            f"把{dice.choice(_DEVICES[:3])}调到{chinese(dice.randint(10, 40))}{dice.choice(('度', ''))}", "。"
        )
    return clause(dice.choice(("打开", "关闭", "请打开", "请关闭")) + dice.choice(_DEVICES), "。")


def _city(dice: random.Random) -> Clause:
    return clause(dice.choice(CITIES) + dice.choice(("天气怎么样", "今天多少度", "明天会下雨吗", "离这里多远")), "？")


def _filled(dice: random.Random, frames: tuple[str, ...], make: Callable[[random.Random], str], after: str) -> Clause:
    return clause(dice.choice(frames) + make(dice) + dice.choice(after.split("|")), "。")


def _weekday(dice: random.Random) -> Clause:
    return clause(dice.choice(("今天是星期", "明天是星期", "会议在星期")) + dice.choice(_WEEKDAYS), "。")


#: How often each kind is spoken, and how it is made.
_CHINESE: tuple[tuple[int, Callable[[random.Random], Clause]], ...] = (
    (26, lambda dice: _phrase(dice.choice(_PHRASES))),
    (9, _command),
    (6, _city),
    (3, _weekday),
    (8, lambda dice: _filled(dice, ("今天是", "会议时间是", "明天是", ""), _date, "")),
    (6, lambda dice: _filled(dice, ("会议时间是", "现在是", ""), _clock, "")),
    (6, lambda dice: _filled(dice, ("增长了", "完成了", "利率是", ""), _percent, "")),
    (5, lambda dice: _filled(dice, ("价格是", "一共", ""), _number, "元|块钱")),
    (5, lambda dice: _filled(dice, ("温度是", ""), _decimal, "度|")),
    (9, lambda dice: _filled(dice, ("号码是", "电话号码", "编号", ""), _digits, "")),
    (5, lambda dice: _filled(dice, ("一共有", ""), _number, "个人|个文件|")),
    (2, lambda dice: clause(f"请说 {dice.choice(_ENGLISH_PHRASES)[:-1]}", "。")),
)


def _spelled(dice: random.Random) -> str:
    return " ".join(dice.choice(ONES) for _ in range(dice.randint(2, 7)))


def _english_clock(dice: random.Random) -> str:
    minutes = dice.choice(("", "thirty", english(dice.randint(10, 59))))
    return f"{english(dice.randint(1, 12))} {minutes}".strip()


_ENGLISH: tuple[tuple[int, Callable[[random.Random], Clause]], ...] = (
    (34, lambda dice: _phrase(dice.choice(_ENGLISH_PHRASES))),
    (12, lambda dice: clause(f"turn {dice.choice(('on', 'off'))} the {dice.choice(_ENGLISH_DEVICES)}", ".")),
    (4, lambda dice: clause(f"{dice.choice(('open', 'close'))} the {dice.choice(('window', 'door', 'file'))}", ".")),
    (14, lambda dice: clause(dice.choice(("", "the number is ")) + _spelled(dice), ".")),
    (14, lambda dice: clause(english(dice.randint(0, 999)) + dice.choice((" dollars", "", " percent")), ".")),
    (4, lambda dice: clause(f"the price is {english(dice.randint(1, 9_999))} dollars", ".")),
    (5, lambda dice: clause(f"the meeting starts at {_english_clock(dice)}", ".")),
    (4, lambda dice: clause(f"what is the weather in {dice.choice(_ENGLISH_CITIES)}", "?")),
    (4, lambda dice: clause(f"{dice.choice(('today', 'tomorrow'))} is {dice.choice(_ENGLISH_DAYS)}", ".")),
    (3, lambda dice: clause(f"today is {dice.choice(_MONTHS)} {english(dice.randint(1, 31))}", ".")),
    (3, lambda dice: clause(f"set the temperature to {english(dice.randint(10, 40))} degrees", ".")),
)
_ENGLISH_SHARE = 0.36
_NAME_SHARE = 0.3


def utterance(dice: random.Random, clauses: int = 1) -> Utterance:
    """``clauses`` clauses in one language; a name is spoken at most once."""
    language = "en" if dice.random() < _ENGLISH_SHARE else "zh"
    kinds = _ENGLISH if language == "en" else _CHINESE
    weights, makers = [weight for weight, _ in kinds], [maker for _, maker in kinds]
    spoken = [maker(dice) for maker in dice.choices(makers, weights, k=clauses)]
    name: Name | None = None
    if dice.random() < _NAME_SHARE:
        spoken[dice.randrange(clauses)], name = name_clause(dice, language)
    return Utterance(language, tuple(spoken), name)
