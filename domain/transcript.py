"""What a recogniser heard: segments in time, on two tracks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from domain.plain import as_object, as_whole
from domain.words import Word, Words, word_columns

#: Why a text is doubtful: no energy of speech under it, nothing but hotwords in it, a loop, or cut off by the limit.
Doubt = Literal["no_speech", "only_hotwords", "repetition", "cut_off"]
#: ``spoken``: as the words were said (二零二五年). ``written``: as one writes them (2025年).
Track = Literal["spoken", "written"]
#: A warning: the speaker model failed and nobody was told apart. Such a result is shown, but not kept for others.
SPEAKERS_FAILED = "speakers_failed"
_DOUBTS = get_args(Doubt)


@dataclass(frozen=True, slots=True)
class ModelSegment:
    """One stretch of speech as the model gave it, on the one track that was decoded.

    ``channel``: 0, 1, or ``None`` for mono or mixed sound. ``speaker``: "1", "2", … by first appearance, ``None``
    where nobody told speakers apart. ``suspect``: why the text should be doubted, ``None`` where nothing is odd.
    """

    start_ms: int
    end_ms: int
    text: str
    words: Sequence[Word] = ()
    channel: int | None = None
    speaker: str | None = None
    suspect: Doubt | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data, for the node protocol and the cache; words as ``[texts, starts_ms, ends_ms]``."""
        return {
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "text": self.text,
            "words": word_columns(self.words),
            "channel": self.channel,
            "speaker": self.speaker,
            "suspect": self.suspect,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises ``KeyError``, ``TypeError`` or ``ValueError`` on garbage."""
        data = as_object(data)
        return cls(
            as_whole(data["start_ms"]),
            as_whole(data["end_ms"]),
            str(data["text"]),
            Words.from_json(data["words"]) if data.get("words") else (),
            _channel(data.get("channel")),
            _speaker(data.get("speaker")),
            _doubt(data.get("suspect")),
        )


def _doubt(value: Any) -> Doubt | None:
    if value is not None and value not in _DOUBTS:
        raise ValueError(f"unknown doubt {value!r}")
    return value


def _channel(value: Any) -> int | None:
    # ``True`` and ``1.0`` equal 1.
    if value is not None and (type(value) is not int or value not in (0, 1)):
        raise ValueError(f"unknown channel {value!r}")
    return value


def _speaker(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"a speaker is a text, not {value!r}")
    return value


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """What a node returns and the cache keeps: the model's words only, never the ITN rules' work."""

    track: Track
    segments: tuple[ModelSegment, ...]
    language: str = "auto"
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data, for the node protocol and the cache."""
        return {
            "track": self.track,
            "language": self.language,
            "segments": [segment.to_json() for segment in self.segments],
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises ``KeyError``, ``TypeError`` or ``ValueError`` on garbage."""
        track = as_object(data)["track"]
        if track not in ("spoken", "written"):
            raise ValueError(f"unknown track {track!r}")
        return cls(
            track,
            tuple(ModelSegment.from_json(item) for item in data["segments"]),
            str(data.get("language") or "auto"),
            tuple(data.get("warnings") or ()),
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of speech as people see it; a track that was not made is ``None``.

    ``corrected_text``: what somebody wrote over it, in the place of both tracks, which stay as they were recognised
    (``words`` too); ``None`` where nobody did.
    """

    start_ms: int
    end_ms: int
    raw_text: str | None
    normalized_text: str | None
    channel: int | None = None
    speaker: str | None = None
    words: Sequence[Word] = ()
    suspect: Doubt | None = None
    corrected_text: str | None = None

    def text(self, itn: bool) -> str:
        """The text to show: a person's, else written with ITN on, else spoken; the other where one was not made."""
        return self.recognised_text(itn) if self.corrected_text is None else self.corrected_text

    def recognised_text(self, itn: bool) -> str:
        """The same without what a person wrote."""
        first, second = (self.normalized_text, self.raw_text) if itn else (self.raw_text, self.normalized_text)
        return first if first is not None else second or ""

    def to_json(self) -> dict[str, Any]:
        """Plain data, as the API returns it and the row keeps it."""
        return {
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "raw_text": self.raw_text,
            "normalized_text": self.normalized_text,
            "corrected_text": self.corrected_text,
            "channel": self.channel,
            "speaker": self.speaker,
            "suspect": self.suspect,
            "words": [word._asdict() for word in self.words],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises ``KeyError``, ``TypeError`` or ``ValueError`` on garbage."""
        data = as_object(data)
        return cls(
            as_whole(data["start_ms"]),
            as_whole(data["end_ms"]),
            data.get("raw_text"),
            data.get("normalized_text"),
            _channel(data.get("channel")),
            _speaker(data.get("speaker")),
            tuple(Word(w["text"], w["start_ms"], w["end_ms"]) for w in data.get("words") or ()),
            _doubt(data.get("suspect")),
            data.get("corrected_text"),
        )


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole recording's text. ``raw_text`` and ``normalized_text`` are the joins of the segments', as recognised."""

    segments: tuple[Segment, ...] = ()
    language: str = "auto"
    warnings: tuple[str, ...] = ()

    @property
    def raw_text(self) -> str | None:
        """As spoken, or ``None`` where that track was not made."""
        return _join([segment.raw_text for segment in self.segments])

    @property
    def normalized_text(self) -> str | None:
        """As written, or ``None`` where that track was not made."""
        return _join([segment.normalized_text for segment in self.segments])

    def text(self, itn: bool) -> str:
        """The text to show, people's corrections in it: the join of the segments'."""
        return join_texts([segment.text(itn) for segment in self.segments])


def assemble(output: ModelOutput, write: Callable[[str], str]) -> Transcript:
    """Both tracks from one decode, as far as that is possible.

    ``write`` turns spoken into written text and leaves alone what is written already. A spoken decode gives both
    tracks; a written one gives only the written track.
    """
    spoken = output.track == "spoken"
    return Transcript(
        tuple(
            Segment(
                item.start_ms,
                item.end_ms,
                item.text if spoken else None,
                write(item.text),
                item.channel,
                item.speaker,
                item.words,
                item.suspect,
            )
            for item in output.segments
        ),
        output.language,
        output.warnings,
    )


def join_texts(texts: Sequence[str]) -> str:
    """Joins segment texts: a space only between two that both touch with Latin letters, digits or their marks."""
    whole = ""
    for text in (t.strip() for t in texts):
        if whole and text and _is_latin(whole[-1]) and _is_latin(text[0]):
            whole += " "
        whole += text
    return whole


def _is_latin(char: str) -> bool:
    return ord(char) < 0x2E80


def _join(texts: Sequence[str | None]) -> str | None:
    present = [text for text in texts if text is not None]
    if texts and not present:
        return None
    return join_texts(present)
