"""What a person may ask of a recognition, checked once, here."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self, cast, get_args

from domain.errors import InvalidOptions
from domain.plain import as_object

#: Longest speech segment that a person may ask for, in ms: the original WebUI's range.
MIN_SEGMENT_MS, MAX_SEGMENT_MS, DEFAULT_SEGMENT_MS = 1_000, 60_000, 30_000
#: Silence that ends a segment, in ms.
MIN_END_SILENCE_MS, MAX_END_SILENCE_MS, DEFAULT_END_SILENCE_MS = 100, 6_000, 800
#: More hotwords than this drown the audio in the prompt of an LLM recogniser.
MAX_HOTWORDS = 500
#: Characters in one hotword; a longer one is a sentence.
MAX_HOTWORD_CHARS = 60
#: More speakers than these are not told apart by a voice.
MAX_SPEAKERS = 15
#: Characters in the name of a model.
MAX_MODEL_CHARS = 200

#: What to do with a recording of two channels: ``split`` recognises each by itself, ``mix`` both as one sound;
#: ``auto`` splits where the two hold different people, as telephone calls do.
Channels = Literal["auto", "split", "mix"]

#: FunASR opens a hotword that names a file and fetches one that is a URL (FACTS): neither is a word.
_NOT_A_WORD = re.compile(
    r"^[a-z][a-z0-9+.-]*://|^(?:/|\./|\.\./|~/|[a-z]:[\\/]|\\\\)|\.(?:txt|json|yaml|py|pt)$", re.IGNORECASE
)
_SEPARATORS = re.compile(r"[\n\r,，、;；]+")


@dataclass(frozen=True, slots=True)
class VadOptions:
    """How speech is cut into segments."""

    enabled: bool = True
    max_segment_ms: int = DEFAULT_SEGMENT_MS
    end_silence_ms: int = DEFAULT_END_SILENCE_MS

    def __post_init__(self) -> None:
        _in_range("max_segment_ms", self.max_segment_ms, MIN_SEGMENT_MS, MAX_SEGMENT_MS)
        _in_range("end_silence_ms", self.end_silence_ms, MIN_END_SILENCE_MS, MAX_END_SILENCE_MS)


@dataclass(frozen=True, slots=True)
class RecognitionOptions:
    """One request's options. ``hotwords`` are trimmed, without repeats, sorted (DESIGN: part of the cache key)."""

    language: str = "auto"
    hotwords: tuple[str, ...] = ()
    itn: bool = True
    vad: VadOptions = field(default_factory=VadOptions)
    channels: Channels = "auto"
    #: How many people speak; 0: as many as are heard, 1: nobody is told apart.
    speakers: int = 0
    #: The model that is wanted; empty: the cluster's.
    model: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "language", _checked_language(self.language))
        object.__setattr__(self, "hotwords", _checked_hotwords(self.hotwords))
        object.__setattr__(self, "channels", _checked_channels(self.channels))
        _in_range("speakers", self.speakers, 0, MAX_SPEAKERS)
        object.__setattr__(self, "model", _checked_model(self.model))

    @classmethod
    def of(
        cls,
        *,
        language: str | None = None,
        hotwords: str | Iterable[str] | None = None,
        itn: bool | None = None,
        vad: bool | None = None,
        max_segment_ms: int | float | None = None,
        end_silence_ms: int | float | None = None,
        channels: str | None = None,
        speakers: int | float | None = None,
        model: str | None = None,
    ) -> Self:
        """From loosely typed input (a form, a query string, an API call); ``None`` keeps the default.

        ``hotwords`` may be one string, separated by newlines, commas or semicolons (Chinese ones too).
        Raises :class:`InvalidOptions`.
        """
        words = _SEPARATORS.split(hotwords) if isinstance(hotwords, str) else tuple(hotwords or ())
        return cls(
            language=language or "auto",
            hotwords=tuple(words),
            itn=True if itn is None else bool(itn),
            vad=VadOptions(
                enabled=True if vad is None else bool(vad),
                max_segment_ms=_whole("max_segment_ms", max_segment_ms, DEFAULT_SEGMENT_MS),
                end_silence_ms=_whole("end_silence_ms", end_silence_ms, DEFAULT_END_SILENCE_MS),
            ),
            channels=cast("Channels", channels or "auto"),  # checked on the way in
            speakers=_whole("speakers", speakers, 0),
            model=model or "",
        )

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises :class:`InvalidOptions`, or ``TypeError`` on garbage."""
        data = as_object(data)
        vad = as_object(data.get("vad") or {})
        return cls.of(
            language=data.get("language"),
            hotwords=data.get("hotwords"),
            itn=data.get("itn"),
            vad=vad.get("enabled"),
            max_segment_ms=vad.get("max_segment_ms"),
            end_silence_ms=vad.get("end_silence_ms"),
            channels=data.get("channels"),
            speakers=data.get("speakers"),
            model=data.get("model"),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data: ``{language, hotwords[], itn, vad{enabled, …_ms}, channels, speakers, model}``."""
        return {**asdict(self), "hotwords": list(self.hotwords)}

    def with_changes(self, **changes: Any) -> Self:
        """A copy with some fields replaced, checked again."""
        return replace(self, **changes)


def _whole(name: str, value: int | float | None, default: int) -> int:
    if value is None:
        return default
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidOptions(f"{name} is not a number: {value!r}", field=name, reason="not_a_number") from None
    if number != number or abs(number) > 1e9 or number != int(number):
        raise InvalidOptions(f"{name} is not a whole number: {value!r}", field=name, reason="not_a_number")
    return int(number)


def _in_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidOptions(
            f"{name} is {value}; it must lie between {low} and {high}",
            field=name,
            reason="out_of_range",
            low=low,
            high=high,
            got=value,
        )


def _checked_language(language: str) -> str:
    code = str(language).strip().lower()
    if not re.fullmatch(r"[a-z]{2,4}(?:-[a-z0-9]{2,8})?", code):
        raise InvalidOptions(
            f"language is {language!r}; a code such as zh, en or auto is expected", field="language", reason="unknown"
        )
    return code


def _checked_channels(channels: str) -> Channels:
    word = str(channels).strip().lower()
    if word not in get_args(Channels):
        raise InvalidOptions(
            f"channels is {channels!r}; one of {', '.join(get_args(Channels))} is expected",
            field="channels",
            reason="unknown",
        )
    return cast("Channels", word)


def _checked_model(model: str) -> str:
    name = str(model).strip()
    if len(name) > MAX_MODEL_CHARS or not name.isprintable():
        raise InvalidOptions(f"{name[:40]!r} is no name of a model", field="model", reason="unknown")
    return name


def _checked_hotwords(hotwords: Iterable[Any]) -> tuple[str, ...]:
    words: set[str] = set()
    for item in hotwords:
        if not isinstance(item, str):
            raise InvalidOptions(f"a hotword must be text, not {item!r}", field="hotwords", reason="not_text")
        word = " ".join(unicodedata.normalize("NFC", item).split())
        if not word:
            continue
        if len(word) > MAX_HOTWORD_CHARS:
            raise InvalidOptions(
                f"the hotword {word[:20]!r}… has {len(word)} characters; at most {MAX_HOTWORD_CHARS} are allowed",
                field="hotwords",
                reason="too_long",
                limit=MAX_HOTWORD_CHARS,
                got=len(word),
                word=word[:20],
            )
        if _NOT_A_WORD.search(word) or any(unicodedata.category(c) in ("Cc", "Cs", "Co") for c in word):
            raise InvalidOptions(
                f"{word!r} is not a word: addresses and file paths cannot be hotwords",
                field="hotwords",
                reason="not_a_word",
                word=word,
            )
        words.add(word)
        if len(words) > MAX_HOTWORDS:
            raise InvalidOptions(
                f"there are more than {MAX_HOTWORDS} hotwords", field="hotwords", reason="too_many", limit=MAX_HOTWORDS
            )
    return tuple(sorted(words))
