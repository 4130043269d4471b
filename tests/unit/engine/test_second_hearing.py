"""What becomes of a doubtful text: a scripted model invents, loops and is cut off at will."""

from collections.abc import Callable

import numpy as np
import pytest

from domain.words import Word
from engine.doubts import noise_level
from engine.families import Decoding, Heard
from engine.samples import RATE
from engine.second_hearing import HearingCounts, Settled, settle
from tests.helpers.speech import noise, say, talk

SPEECH = talk(say("打开空调"), say("会议现在开始"), gap_seconds=0.8)
HISS = noise(3, 30)
HOTWORDS = ("空调", "杭州", "北京", "Kubernetes")
LOOP = "今天天气" * 30

Script = dict[str, str | Heard]


class Model:
    """Answers by what it is asked: the ``whole`` again without hotwords, then the ``left`` and the ``right`` half."""

    def __init__(self, script: Script, samples: np.ndarray) -> None:
        self.script = script
        self.length = len(samples)
        self.asked: list[str] = []
        self.parts: list[np.ndarray] = []

    def hear(self, samples: np.ndarray, decoding: Decoding) -> Heard:
        assert decoding == Decoding("zh", (), "spoken"), "the second hearing has no hotwords, and is else the same"
        name = "whole" if len(samples) == self.length else "right" if "left" in self.asked else "left"
        self.asked.append(name)
        self.parts.append(samples)
        answer = self.script[name]
        return answer if isinstance(answer, Heard) else Heard(answer)


Try = Callable[..., tuple[Settled, Model, dict[tuple[str, str], int]]]


def settled(
    first: str | Heard, script: Script | None = None, *, samples: np.ndarray = SPEECH, hotwords: tuple[str, ...] = ()
) -> tuple[Settled, Model, dict]:
    model, counts = Model(script or {}, samples), HearingCounts()
    heard = first if isinstance(first, Heard) else Heard(first)
    result = settle(samples, noise_level(samples), heard, Decoding("zh", hotwords, "spoken"), model.hear, counts)
    return result, model, counts.all()


def test_what_is_not_odd_is_heard_once() -> None:
    for text in ("打开空调。会议现在开始。", "", "。"):
        result, model, counts = settled(text, hotwords=HOTWORDS)
        assert (result.heard.text, result.suspect, model.asked, counts) == (text, None, [], {})


def test_hotwords_in_silence_that_are_not_heard_without_them_are_dropped() -> None:
    result, _, counts = settled("空调，北京", {"whole": ""}, samples=HISS, hotwords=HOTWORDS)
    assert (result.heard.text, result.suspect) == ("", None)
    assert counts == {("no_speech", "dropped"): 1}


def test_text_in_silence_is_dropped_when_its_halves_are_empty() -> None:
    result, model, counts = settled("谢谢观看", {"left": "", "right": ""}, samples=HISS)
    assert (result.heard.text, result.suspect, model.asked) == ("", None, ["left", "right"])
    assert counts == {("no_speech", "dropped"): 1}


@pytest.mark.parametrize("left_is_silent", [True, False])
def test_a_half_that_is_digital_silence_never_reaches_the_model(left_is_silent: bool) -> None:
    quiet = np.zeros(RATE * 3, np.int16)
    samples = np.concatenate([quiet, HISS[: RATE * 3]] if left_is_silent else [HISS[: RATE * 3], quiet])
    result, model, counts = settled("谢谢观看", {"left": "", "right": ""}, samples=samples)
    assert [bool(part.any()) for part in model.parts] == [True], "one half is heard, and it is not the silent one"
    assert (result.heard.text, counts) == ("", {("no_speech", "dropped"): 1})


def test_text_in_silence_that_stays_is_shown_suspect_and_without_the_hotwords() -> None:
    script: Script = {"whole": "谢谢观看", "left": "嗯谢谢", "right": "嗯再见"}
    result, model, counts = settled("空调", script, samples=HISS, hotwords=HOTWORDS)
    assert (result.heard.text, result.suspect, model.asked) == ("谢谢观看", "no_speech", ["whole", "left", "right"])
    assert counts == {("no_speech", "suspect"): 1}


@pytest.mark.parametrize(
    ("first", "plain", "believed", "outcome"),
    [
        ("杭州。", "深圳。", "杭州。", "kept"),  # a word of its length is there: the hotword was needed to hear it
        ("空调", "空调。", "空调", "kept"),
        ("Kubernetes", "coopernetis", "Kubernetes", "kept"),
        ("空调", "", "", "dropped"),
        ("杭州", "嗯", "嗯", "replaced"),  # one character for two is what noise gives
        ("空调", "打开空调。", "打开空调。", "replaced"),
        ("空调，北京，杭州", "打开空调。", "打开空调。", "replaced"),
        ("空调", "今天天气怎么样", "今天天气怎么样", "replaced"),
    ],
)
def test_hotwords_alone_are_weighed_against_what_is_heard_without_them(
    first: str, plain: str, believed: str, outcome: str
) -> None:
    result, model, counts = settled(first, {"whole": plain}, hotwords=HOTWORDS)
    assert (result.heard.text, result.suspect, model.asked) == (believed, None, ["whole"])
    assert counts == {("only_hotwords", outcome): 1}


def test_a_loop_that_the_hotwords_caused_is_replaced() -> None:
    result, _, counts = settled("空调" * 40, {"whole": "打开空调。"}, hotwords=HOTWORDS)
    assert (result.heard.text, result.suspect) == ("打开空调。", None)
    assert counts == {("repetition", "replaced"): 1}


def test_a_loop_that_stays_is_heard_in_halves_whose_times_are_kept() -> None:
    script: Script = {
        "whole": Heard(LOOP, cut_off=True),
        "left": Heard("打开空调。", (Word("打", 100, 200),)),
        "right": Heard("会议现在开始。", (Word("会", 300, 400),), "zh"),
    }
    result, model, counts = settled(LOOP, script, hotwords=HOTWORDS)
    assert (result.heard.text, result.suspect) == ("打开空调。会议现在开始。", None)
    assert model.asked == ["whole", "left", "right"]
    cut_ms = len(model.parts[1]) // 16
    assert result.heard.words == (Word("打", 100, 200), Word("会", 300 + cut_ms, 400 + cut_ms))
    assert result.heard.language == "zh"
    assert counts == {("repetition", "split"): 1}


def test_the_halves_meet_in_the_pause_and_cover_the_segment() -> None:
    _, model, _ = settled(LOOP, {"left": "打开空调。", "right": "会议现在开始。"})
    assert np.array_equal(np.concatenate(model.parts), SPEECH)
    cut = len(model.parts[0])
    assert SPEECH[cut - 1_600 : cut + 1_600].std() < 60, "the cut lies in the noise between the sentences"


def test_what_is_said_over_and_over_is_heard_so_in_its_halves_and_stays() -> None:
    said = "再见。" * 12
    result, _, counts = settled(said, {"left": "再见。" * 5, "right": "再见。" * 7})
    assert (result.heard.text, result.suspect) == (said, None)
    assert counts == {("repetition", "kept"): 1}


def test_a_loop_in_every_hearing_is_suspect_and_the_shortest_is_shown() -> None:
    script: Script = {"whole": LOOP + LOOP, "left": "今天天气" * 9, "right": "会议"}
    result, _, counts = settled(LOOP, script, hotwords=HOTWORDS)
    assert (result.heard.text, result.suspect) == ("今天天气" * 9 + "会议", "repetition")
    assert counts == {("repetition", "suspect"): 1}


def test_two_halves_that_repeat_each_other_are_still_a_loop() -> None:
    result, _, _ = settled(LOOP, {"left": "今天天气" * 3, "right": "今天天气" * 4})
    assert (result.heard.text, result.suspect) == ("今天天气" * 7, "repetition")


def test_an_answer_at_the_limit_is_heard_in_halves() -> None:
    cut = Heard("打开空调。会议现", cut_off=True)
    result, model, counts = settled(cut, {"left": "打开空调。", "right": "会议现在开始。"})
    assert (result.heard.text, result.suspect) == ("打开空调。会议现在开始。", None)
    assert model.asked == ["left", "right"], "the same question has the same answer"
    assert counts == {("cut_off", "split"): 1}


def test_an_answer_that_stays_at_the_limit_is_suspect() -> None:
    cut = Heard("打开空调。会议现", cut_off=True)
    script: Script = {"left": Heard("打开空调。再见再见再见", cut_off=True), "right": "会议现在开始。"}
    result, _, counts = settled(cut, script)
    assert (result.heard.text, result.suspect) == ("打开空调。会议现", "cut_off")
    assert counts == {("cut_off", "suspect"): 1}


def test_more_than_can_be_said_is_doubted() -> None:
    page = "我们今天要讨论的问题是这个项目的进度安排以及人员的分工和下个月的预算请各位先看第一页再看第二页然后再说"
    result, _, counts = settled(page * 2, {"left": "打开空调。", "right": "会议现在开始。"})
    assert (result.heard.text, result.suspect) == ("打开空调。会议现在开始。", None)
    assert counts == {("cut_off", "split"): 1}


@pytest.mark.parametrize(("hotwords", "asked"), [((), ["left", "right"]), (HOTWORDS, ["whole", "left", "right"])])
@pytest.mark.parametrize(
    ("text", "cut_off", "doubt"), [(LOOP, False, "repetition"), ("打开空调。会议现", True, "cut_off")]
)
@pytest.mark.parametrize("nothing", ["", "。"])
def test_speech_that_is_heard_no_more_is_shown_suspect(
    text: str, cut_off: bool, doubt: str, nothing: str, hotwords: tuple[str, ...], asked: list[str]
) -> None:
    script: Script = dict.fromkeys(("whole", "left", "right"), nothing)
    result, model, counts = settled(Heard(text, cut_off=cut_off), script, hotwords=hotwords)
    assert (result.heard.text, result.suspect, model.asked) == (text, doubt, asked)
    assert counts == {(doubt, "suspect"): 1}


def test_a_loop_that_is_silent_without_hotwords_may_have_its_words_in_the_halves() -> None:
    script: Script = {"whole": "", "left": "打开空调。", "right": ""}
    result, _, counts = settled("空调" * 40, script, hotwords=HOTWORDS)
    assert (result.heard.text, result.suspect) == ("打开空调。", None)
    assert counts == {("repetition", "split"): 1}


def test_hotwords_are_not_dropped_where_a_loop_was_heard_without_them() -> None:
    result, _, counts = settled("空调", {"whole": LOOP, "left": "", "right": ""}, hotwords=HOTWORDS)
    assert (result.heard.text, result.suspect) == ("空调", "only_hotwords")
    assert counts == {("only_hotwords", "suspect"): 1}


@pytest.mark.parametrize("script", [{"left": "打开空调。", "right": ""}, {"left": "", "right": "会议现在开始。"}])
def test_an_answer_at_the_limit_of_which_a_half_is_missing_is_suspect(script: Script) -> None:
    result, _, counts = settled(Heard("打开空调。会议现在", cut_off=True), script)
    assert (result.heard.text, result.suspect) == ("".join(map(str, script.values())), "cut_off")
    assert counts == {("cut_off", "suspect"): 1}


def test_a_half_in_which_nobody_speaks_is_not_missing() -> None:
    samples = np.concatenate([say("打开空调"), noise(2, 30)])
    result, _, counts = settled(
        Heard("打开空调。再", cut_off=True), {"left": "打开空调。", "right": ""}, samples=samples
    )
    assert (result.heard.text, result.suspect) == ("打开空调。", None)
    assert counts == {("cut_off", "split"): 1}


def test_a_segment_too_short_to_divide_is_suspect() -> None:
    result, model, counts = settled(LOOP, samples=say("空调")[:12_000])
    assert (result.heard.text, result.suspect, model.asked) == (LOOP, "repetition", [])
    assert counts == {("repetition", "suspect"): 1}


def test_what_stops_the_job_stops_the_second_hearing() -> None:
    def stopped(samples: np.ndarray, decoding: Decoding) -> Heard:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        settle(SPEECH, -60.0, Heard(LOOP), Decoding("zh", (), "spoken"), stopped, HearingCounts())
