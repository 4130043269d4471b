"""SenseVoice: one CTC pass; language, emotion, event and style come as tags before the text."""

import re
from typing import Any

from domain.presets import Preset
from engine.families.base import Decoding, Heard
from engine.families.word_times import words_of

_TAG = re.compile(r"<\|([^|<>]*)\|>")
_LANGUAGES = frozenset({"zh", "en", "yue", "ja", "ko"})


class SenseVoice:
    """``SenseVoiceSmall``."""

    def __init__(self, preset: Preset) -> None:
        self._writes = preset.capabilities.writes

    def arguments(self, decoding: Decoding) -> dict[str, Any]:
        """``use_itn`` brings punctuation as well, so a model that cannot write digits always has it on."""
        return {
            "language": decoding.language,
            "use_itn": decoding.track == "written" or not self._writes,
            "output_timestamp": True,
        }

    def heard(self, answer: dict[str, Any]) -> Heard:
        """Times come in ms, by word piece; the tags are taken off and tell the language."""
        tagged = str(answer.get("text") or "")
        text = " ".join(_TAG.sub(" ", tagged).split())
        pieces = [
            (str(word), int(span[0]), int(span[1]))
            for word, span in zip(answer.get("words") or (), answer.get("timestamp") or (), strict=False)
        ]
        language = next((tag for tag in _TAG.findall(tagged) if tag in _LANGUAGES), None)
        return Heard(text, words_of(text, pieces), language)
