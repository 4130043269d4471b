"""What the form of the 识别 page asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.options import RecognitionOptions
from webui.components.inputs import milliseconds


@dataclass(frozen=True, slots=True)
class Asked:
    """The values of the form, one field for each of its controls, in the order in which the page hands them over."""

    hotwords: str
    language: str
    itn: bool
    vad: bool
    max_segment_seconds: float | None
    end_silence_seconds: float | None
    speakers: int
    channels: str
    #: 不留痕: no option of the recognition itself.
    no_trace: bool

    def options(self) -> RecognitionOptions:
        """As a recognition takes them. Raises ``InvalidOptions``."""
        return RecognitionOptions.of(
            language=self.language,
            hotwords=self.hotwords,
            itn=self.itn,
            vad=self.vad,
            max_segment_ms=milliseconds(self.max_segment_seconds),
            end_silence_ms=milliseconds(self.end_silence_seconds),
            speakers=self.speakers,
            channels=self.channels,
        )


def asked_again(before: RecognitionOptions, given: Mapping[str, Any]) -> RecognitionOptions:
    """What the form of 重新识别 in the 历史 holds; fields that it does not have stay as before.

    Raises ``InvalidOptions``.
    """
    asked = RecognitionOptions.of(
        language=str(given.get("language", before.language)),
        hotwords=str(given["hotwords"]) if "hotwords" in given else before.hotwords,
        itn=bool(given.get("itn", before.itn)),
        model=str(given.get("model", before.model)),
    )
    return before.with_changes(language=asked.language, hotwords=asked.hotwords, itn=asked.itn, model=asked.model)
