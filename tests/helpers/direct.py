"""FunASR's ``AutoModel`` as somebody without this program would call it: what the program's text is held against."""

import re
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from domain.options import DEFAULT_END_SILENCE_MS, DEFAULT_SEGMENT_MS
from domain.presets import PRESETS
from tests.helpers.server import ROOT
from tests.helpers.speech import RATE, say, talk

#: What each family calls the style of text that this program asks for (the demo models write no digits).
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "nano": {"itn": True},
    "sensevoice": {"language": "auto", "use_itn": True},
}
_TAGS = re.compile(r"<\|[^|]*\|>")
_CITIES = ("北京", "上海", "广州", "深圳", "杭州")
_DIGITS = "零一二三四五六七八九"
_VOICES = ("f3", "m6", "f1", "m3")


def load_direct(preset: str) -> Callable[[Path], str]:
    """``AutoModel`` with its VAD, as the program loads it: takes a file, returns its text. Blocks for seconds."""
    from funasr import AutoModel

    from engine.forced_align import install

    install()
    found = PRESETS[preset]
    model = AutoModel(
        model=str(ROOT / "models" / (found.folder or preset)),
        vad_model=str(ROOT / "models" / "demo-vad"),
        vad_kwargs={"max_single_segment_time": DEFAULT_SEGMENT_MS, "max_end_silence_time": DEFAULT_END_SILENCE_MS},
        device="cpu",
        ncpu=1,
        disable_update=True,
        disable_pbar=True,
        log_level="ERROR",
    )

    def text_of(path: Path) -> str:
        answers: list[dict[str, Any]] = model.generate(
            input=str(path), cache={}, dynamic_silence=False, **_ARGUMENTS[found.family]
        )
        return str(answers[0].get("text", "")) if answers else ""

    return text_of


def comparable(text: str) -> str:
    """A text without SenseVoice's tags and without spaces, which FunASR also puts between Chinese segments."""
    return "".join(_TAGS.sub("", text).split()).lower()


def varied_clips(count: int) -> Iterator[np.ndarray]:
    """Different clips of one to three sentences in several voices, with pauses: ``(samples,)`` int16 at 16 kHz."""
    voices = cycle(_VOICES)
    for number in range(count):
        digits = "".join(_DIGITS[int(digit)] for digit in f"{number * 7919 % 100_000:05}")
        parts = [f"{_CITIES[number % 5]}今天多少度", f"电话号码{digits}", "会议现在开始"]
        voice = next(voices)
        yield talk(*(say(text, voice=voice) for text in parts[: 1 + number % 3]), gap_seconds=1.2)


def seconds_of(samples: np.ndarray) -> float:
    """How long the sound is."""
    return len(samples) / RATE
