"""What the form of the 识别 page asks for."""

from dataclasses import dataclass

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
