"""Speech made by espeak-ng, as the demo models know it: the sound that the tests recognise.

The demo models were trained on exactly this kind of voice (``cmn-latn-pinyin`` reads Chinese characters
rightly, plain ``cmn`` does not).
"""

import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import soxr

#: Samples per second of all that this module makes.
RATE = 16_000
_ESPEAK_RATE = 22_050
_VOICES = {"zh": "cmn-latn-pinyin", "en": "en-us"}


def say(text: str, language: str = "zh", voice: str = "f3", speed: int = 160, pitch: int = 50) -> np.ndarray:
    """The text as speech: ``(samples,)`` int16 at 16 kHz. ``voice``: an espeak-ng variant; speed in words a minute."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise RuntimeError("espeak-ng is missing: apt-get install espeak-ng")
    run = subprocess.run(
        [program, "-v", f"{_VOICES[language]}+{voice}", "-s", str(speed), "-p", str(pitch), "--stdout", text],
        capture_output=True,
        check=True,
        timeout=30,
    )
    # The header of a streamed wav claims a length that is not true: what follows the data tag is the sound.
    start = run.stdout.index(b"data") + 8
    body = run.stdout[start:]
    sound = np.frombuffer(body[: len(body) // 2 * 2], dtype="<i2")
    return soxr.resample(sound, _ESPEAK_RATE, RATE).astype(np.int16)


def silence(seconds: float) -> np.ndarray:
    """Digital silence: ``(samples,)`` int16."""
    return np.zeros(round(seconds * RATE), np.int16)


def noise(seconds: float, level: float = 60.0, seed: int = 0) -> np.ndarray:
    """White noise of the given standard deviation: ``(samples,)`` int16."""
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE)).astype(np.int16)


def talk(*parts: np.ndarray, gap_seconds: float = 1.0, level: float = 30.0) -> np.ndarray:
    """Utterances one after the other, with a pause before, between and after, over a faint noise: int16."""
    pieces: list[np.ndarray] = [silence(gap_seconds / 2)]
    for part in parts:
        pieces += [part, silence(gap_seconds)]
    whole = np.concatenate(pieces).astype(np.int32)
    whole += noise(len(whole) / RATE, level).astype(np.int32)
    return np.clip(whole, -32_768, 32_767).astype(np.int16)


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE, channels: int = 1) -> Path:
    """Writes 16-bit samples, ``(samples,)`` or ``(samples, channels)``, and returns the path."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1] if samples.ndim == 2 else channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(samples, dtype="<i2").tobytes())
    return path


#: Sentences that the demo model gets right in the voices f3 and m6 at speed 160: language, text, what it hears.
SENTENCES = (
    ("zh", "今天天气怎么样", "今天天气怎么样？"),
    ("zh", "打开空调", "打开空调。"),
    ("zh", "会议现在开始", "会议现在开始。"),
    ("zh", "把空调调到二十五度", "把空调调到二十五度。"),
    ("zh", "语音识别测试", "语音识别测试。"),
    ("zh", "服务器已经启动", "服务器已经启动。"),
    ("zh", "请检查网络", "请检查网络。"),
    ("zh", "任务已经完成", "任务已经完成。"),
    ("en", "hello world", "hello world."),
    ("en", "good morning", "good morning."),
)


#: What ``speech_wav`` says, and the text of it.
SPEECH_TEXT = "今天天气怎么样"


#: What :func:`namesake` says, and how it is written when its name is a hotword: 敬 sounds as 静 does.
NAMESAKE, NAMESAKE_TEXT, NAMESAKE_TOLD = "李敬", "请给李静打电话。", "请给李敬打电话。"


def namesake() -> np.ndarray:
    """A name that the demo model writes as :data:`NAMESAKE_TEXT` unless a hotword spells it otherwise; int16."""
    return talk(say("请给李敬打电话"))
