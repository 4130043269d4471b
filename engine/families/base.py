"""What every family of models has in common."""

from dataclasses import dataclass
from typing import Any, Protocol

from domain.errors import InvalidOptions
from domain.options import RecognitionOptions
from domain.presets import Preset
from domain.transcript import Track
from domain.words import Word


@dataclass(frozen=True, slots=True)
class Decoding:
    """Everything that changes what a model answers for the same samples: segments that share it may share a batch."""

    language: str
    hotwords: tuple[str, ...]
    track: Track


@dataclass(frozen=True, slots=True)
class Heard:
    """What a model heard in one segment; word times count in ms from the segment's start."""

    text: str
    words: tuple[Word, ...] = ()
    #: The language that the model itself named, where it names one.
    language: str | None = None
    #: Whether the model stopped because it had reached its limit of tokens.
    cut_off: bool = False


class ModelFamily(Protocol):
    """One way of asking FunASR and of reading its answer."""

    def arguments(self, decoding: Decoding) -> dict[str, Any]:
        """The keyword arguments of ``AutoModel.generate``."""
        ...

    def heard(self, answer: dict[str, Any]) -> Heard:
        """Reads one item of its answer."""
        ...


def decoding_of(preset: Preset, options: RecognitionOptions, track: Track) -> Decoding:
    """The part of a request that reaches this model. Raises :class:`InvalidOptions` for a language it does not know.

    A model that does not write by itself has one track only, and hotwords reach only a model that takes them.
    """
    abilities = preset.capabilities
    if options.language not in abilities.languages:
        raise InvalidOptions(
            f"{preset.name} does not know the language {options.language!r}",
            field="language",
            reason="unsupported",
            languages=list(abilities.languages),
        )
    return Decoding(
        options.language,
        options.hotwords if abilities.hotwords else (),
        track if abilities.writes else "spoken",
    )
