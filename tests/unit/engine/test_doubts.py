"""What is doubted and, more important, what is not: sound and text as people make them."""

import numpy as np
import pytest

from engine.doubts import doubt_of, has_speech_energy, is_loop, is_only_hotwords, is_too_dense, noise_level, units
from engine.samples import RATE
from tests.helpers.speech import noise, say, silence, talk

SHORT = ("好", "啊", "嗯", "喂")
SPOKEN = ("打开空调", "今天天气怎么样", *SHORT)


def quieter(sound: np.ndarray, decibels: float) -> np.ndarray:
    return (sound * 10 ** (-decibels / 20)).astype(np.int16)


def with_noise(sound: np.ndarray, level: float) -> np.ndarray:
    mixed = sound.astype(np.int32) + noise(len(sound) / RATE, level)[: len(sound)]
    return np.clip(mixed, -32_768, 32_767).astype(np.int16)


def has_speech(sound: np.ndarray, recording: np.ndarray | None = None) -> bool:
    return has_speech_energy(sound, noise_level(sound if recording is None else recording))


@pytest.mark.parametrize("text", SPOKEN)
@pytest.mark.parametrize("speed", [120, 160, 300])
def test_speech_has_energy_with_and_without_a_pause_around_it(text: str, speed: int) -> None:
    sound = say(text, speed=speed)
    assert has_speech(sound)
    assert has_speech(sound, np.concatenate([silence(20), sound]))
    assert has_speech(sound, talk(sound, gap_seconds=20))


@pytest.mark.parametrize("text", SPOKEN)
@pytest.mark.parametrize("decibels", [30, 40])
def test_a_quiet_call_is_speech(text: str, decibels: float) -> None:
    """Peaks of -40 and -50 dBFS, over the noise of a good line."""
    assert has_speech(with_noise(np.concatenate([silence(3), quieter(say(text), decibels), silence(3)]), 2))


@pytest.mark.parametrize("text", SPOKEN[:3])
def test_speech_as_loud_as_the_noise_is_speech(text: str) -> None:
    sound = say(text)
    assert has_speech(with_noise(np.concatenate([silence(2), sound, silence(2)]), float(sound.std())))


def test_a_quiet_voice_between_loud_music_is_speech() -> None:
    time = np.arange(20 * RATE) / RATE
    music = (9_000 * np.sin(2 * np.pi * 330 * time) * (1 + 0.3 * np.sin(2 * np.pi * 2 * time))).astype(np.int16)
    voice = quieter(say("打开空调"), 20)
    assert has_speech(voice, np.concatenate([music, voice, music]))


def test_a_vowel_without_end_is_speech_where_the_recording_is_quieter() -> None:
    vowel = (4_000 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)).astype(np.int16)
    assert has_speech(vowel, np.concatenate([noise(5, 20), vowel, noise(5, 20)]))


@pytest.mark.parametrize("level", [1, 5, 30, 200, 2_000])
@pytest.mark.parametrize("seconds", [0.3, 3, 30])
def test_steady_noise_is_not(level: float, seconds: float) -> None:
    recording = talk(say("打开空调"), gap_seconds=4, level=level)
    assert not has_speech(noise(seconds, level, seed=5), recording)
    assert not has_speech(noise(seconds, level, seed=6))


def test_pink_noise_hum_and_clicks_are_not() -> None:
    spectrum = np.fft.rfft(np.random.default_rng(1).normal(0, 1, 30 * RATE))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))))
    assert not has_speech((pink / pink.std() * 100).astype(np.int16))
    assert not has_speech((300 * np.sin(2 * np.pi * 50 * np.arange(5 * RATE) / RATE)).astype(np.int16))
    clicks = noise(5, 20)
    clicks[30_000:30_050] = clicks[60_000:60_050] = 9_000
    assert not has_speech(clicks)


def test_the_noise_between_the_zeros_of_a_gate_is_not() -> None:
    burst = noise(2, 40)
    assert not has_speech(burst, np.concatenate([silence(30), burst, silence(30)]))


def test_the_noise_of_hours_is_that_of_a_part_of_them() -> None:
    hour = np.tile(noise(60, 50), 60)
    assert noise_level(hour) == pytest.approx(noise_level(noise(60, 50)), abs=0.2)


@pytest.mark.parametrize(
    "text",
    [
        "零零零零零零零零零零",
        "我的卡号是4111 1111 1111 1111。",
        "一百亿是10000000000。",
        "对对对，对对对对对。",
        "好的，好的，好的，好的好的。",
        "no no no no no no no no",
        "喂？喂？喂？喂？喂？你好你好你好",
        "哈哈哈哈哈哈哈哈哈哈哈哈",
        "谢谢谢谢谢谢谢谢，再见再见再见。",
        "请检查网络。请检查网络。请检查网络。请检查网络。",
        "一二三四一二三四二二三四三二三四四二三四",
        "bye bye bye bye, thank you thank you thank you very much",
        "我爱你，我爱你，我爱你，我爱你。",
    ],
)
def test_what_people_repeat_is_no_loop(text: str) -> None:
    assert not is_loop(units(text))


@pytest.mark.parametrize(
    "text",
    [
        "好" * 30,
        "谢谢。" * 20,
        "空调，" * 60,
        "请检查网络。" * 8,
        "今天天气" + "怎么样怎么样怎么" * 10,
        "I am going to the " + "store and the " * 12,
        "我们今天要讨论的问题是这个项目的进度安排以及人员的分工，" * 5,
        "前面都是好的。" + "嗯，" * 40 + "后面也是。",
    ],
)
def test_a_loop_is_found(text: str) -> None:
    assert is_loop(units(text))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("今天天气怎么样？", 0.8),
        ("100000000", 0.4),
        ("2025年3月12号下午3:30，共计¥1,000,000.00元", 2.0),
        ("hello world.", 0.3),
        ("the quick brown fox jumps over the lazy dog and runs away", 1.6),
        ("八百标兵奔北坡炮兵并排北边跑炮兵怕把标兵碰标兵怕碰炮兵炮", 2.8),
    ],
)
def test_what_can_be_said_in_the_time(text: str, seconds: float) -> None:
    assert not is_too_dense(text, seconds)


def test_a_page_in_a_second_cannot() -> None:
    assert is_too_dense("我们今天要讨论的问题是这个项目的进度安排以及人员的分工", 1.0)


HOTWORDS = ("空调", "北京", "Fun-ASR", "New York", "北京大学")


@pytest.mark.parametrize(
    "text",
    ["空调", "空调。", "空调，北京，", "北京大学", "fun asr", "New York, 空调", "空调空调空调", "北京北京大学空调"],
)
def test_hotwords_and_nothing_else(text: str) -> None:
    assert is_only_hotwords(text, HOTWORDS)


@pytest.mark.parametrize("text", ["打开空调", "北京的空调", "空", "", "。", "大学", "New", "北京大"])
def test_more_or_less_than_hotwords(text: str) -> None:
    assert not is_only_hotwords(text, HOTWORDS)


def test_without_hotwords_nothing_is_only_hotwords() -> None:
    assert not is_only_hotwords("空调", ())
    assert not is_only_hotwords("空调", ("。", " "))


def test_each_doubt_has_its_name() -> None:
    speech, hiss = say("今天天气怎么样"), noise(2, 30)
    loud = noise_level(hiss)

    def doubt(samples: np.ndarray, text: str, *, cut_off: bool = False) -> str | None:
        return doubt_of(samples, loud, text, HOTWORDS, cut_off=cut_off)

    assert doubt(speech, "今天天气怎么样？") is None
    assert doubt(hiss, "空调。") == "no_speech"
    assert doubt(hiss, "。") is doubt(hiss, "") is None
    assert doubt(speech, "空调，北京。") == "only_hotwords"
    assert doubt(speech, "今天" * 12) == "repetition"
    assert doubt(speech, "今天天气怎么", cut_off=True) == "cut_off"
    assert (
        doubt(speech, "我们要讨论的问题是这个项目的进度安排以及人员的分工和下个月的预算，请各位先看第一页") == "cut_off"
    )
