"""FunASR's ``AutoModel`` as somebody without this program would call it: what the program's text is held against."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from domain.options import DEFAULT_END_SILENCE_MS, DEFAULT_SEGMENT_MS, RecognitionOptions
from domain.presets import PRESETS
from tests.helpers.server import ROOT
from tests.helpers.speech import RATE, say, talk

_LANGUAGE_WORDS = {"zh": "中文", "en": "英文"}
_TAGS = re.compile(r"<\|[^|]*\|>")
_CITIES = ("北京", "上海", "广州", "深圳", "杭州")
_DIGITS = "零一二三四五六七八九"
_ENGLISH_DIGITS = "zero one two three four five six seven eight nine".split()
_VOICES = ("f3", "m6", "f1", "m3")
#: Told in turn: nothing, hotwords that are said and others, the language, both.
_HOTWORDS = ("李敬", "北京", "Jon", "Kubernetes")


@dataclass(frozen=True, slots=True)
class Clip:
    """``samples``: ``(samples,)`` int16 at 16 kHz, and what is asked for."""

    samples: np.ndarray
    options: RecognitionOptions

    @property
    def seconds(self) -> float:
        """How long the sound is."""
        return len(self.samples) / RATE


def _arguments(family: str, options: RecognitionOptions) -> dict[str, Any]:
    """As FunASR's users would write the options. The demo models write no digits: their style is the one with marks."""
    if family == "sensevoice":
        return {"language": options.language, "use_itn": True}
    told = {} if options.language == "auto" else {"language": _LANGUAGE_WORDS[options.language]}
    return {"itn": True, "hotwords": list(options.hotwords), **told}


def load_direct(preset: str) -> Callable[[Path, RecognitionOptions], str]:
    """``AutoModel`` with its VAD, as the program loads it: takes a file and options, returns the text."""
    from engine.forced_align import install
    from engine.funasr_import import import_everything

    # A process that ran the program has imported parts of FunASR only.
    import_everything()
    from funasr import AutoModel

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

    def text_of(path: Path, options: RecognitionOptions) -> str:
        answers: list[dict[str, Any]] = model.generate(
            input=str(path), cache={}, dynamic_silence=False, **_arguments(found.family, options)
        )
        return str(answers[0].get("text", "")) if answers else ""

    return text_of


def comparable(text: str) -> str:
    """A text without SenseVoice's tags and without spaces, which FunASR also puts between Chinese segments."""
    return "".join(_TAGS.sub("", text).split()).lower()


def varied_clips(count: int, preset: str) -> Iterator[Clip]:
    """Different clips of one to three sentences in several voices, with pauses and options; a third in English."""
    voices, takes_hotwords = cycle(_VOICES), PRESETS[preset].capabilities.hotwords
    for number in range(count):
        language = "en" if number % 3 == 2 else "zh"
        digits = [int(digit) for digit in f"{number * 7919 % 100_000:05}"]
        if language == "en":
            said = " ".join(_ENGLISH_DIGITS[digit] for digit in digits)
            parts = [f"the number is {said}", "please call John", "the meeting starts now"]
        else:
            said = "".join(_DIGITS[digit] for digit in digits)
            parts = [f"{_CITIES[number % 5]}今天多少度", f"电话号码{said}", "请给李静打电话"]
        voice = next(voices)
        sound = talk(*(say(text, language, voice) for text in parts[: 1 + number // 3 % 3]), gap_seconds=1.2)
        told = number // 2 % 4
        yield Clip(
            sound,
            RecognitionOptions.of(
                hotwords=_HOTWORDS if takes_hotwords and told in (1, 3) else (),
                language=language if told in (2, 3) else "auto",
            ),
        )
