"""Who speaks: the keys of channels and speakers, their names, and what a name may be.

A key is ``channel0``, ``channel1``, ``speaker1``, … A person's name for it stands in ``Recognition.labels``; where
there is none, a recording of two channels has 坐席 and 客户, and speakers have numbers.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal

from domain.errors import InvalidOptions
from domain.transcript import Segment, Track, join_texts

Language = Literal["zh", "en"]
#: Characters of a name.
MAX_NAME_CHARS = 40
#: Characters of what is looked at as a name at all: blanks and invisible characters are not counted above.
_MAX_GIVEN_CHARS = 1_000
#: The largest number of a speaker: those that were heard, and people whom somebody named line by line.
MAX_SPEAKER_NUMBER = 99
#: How many can have a name in one recording.
MAX_NAMES = 2 + MAX_SPEAKER_NUMBER
_KEY = re.compile(r"channel[01]|speaker[1-9][0-9]?")
_CHANNELS: dict[Language, tuple[str, str]] = {"zh": ("坐席", "客户"), "en": ("Agent", "Customer")}
_SPEAKER: dict[Language, str] = {"zh": "说话人 {}", "en": "Speaker {}"}
_USUAL = {name: f"channel{number}" for names in _CHANNELS.values() for number, name in enumerate(names)}
_USUAL_SPEAKER = re.compile(r"(?:说话人|Speaker) ([1-9][0-9]?)")


def key_of(segment: Segment) -> str | None:
    """Who speaks in a segment; ``None`` where nobody can tell. A speaker says more than the channel."""
    if segment.speaker is not None:
        return f"speaker{segment.speaker}" if segment.speaker.isdecimal() else segment.speaker
    return None if segment.channel is None else f"channel{segment.channel}"


def speaker_of(key: str) -> str:
    """What a segment's ``speaker`` is for a key: :func:`key_of` backwards."""
    return key.removeprefix("speaker")


def default_name(key: str, language: Language = "zh") -> str:
    """坐席, 客户, 说话人 1: the name of whom nobody named."""
    if key in ("channel0", "channel1"):
        return _CHANNELS[language][int(key[-1])]
    number = key.removeprefix("speaker")
    return _SPEAKER[language].format(number) if number.isdecimal() else key


def usual_bearer(name: str) -> str | None:
    """Whose usual name this is, in any language: ``channel1`` for 客户 and for Customer."""
    number = _USUAL_SPEAKER.fullmatch(name)
    return f"speaker{number[1]}" if number else _USUAL.get(name)


def as_read(name: str, language: Language) -> str:
    """A name in the reader's language: a usual one is the same in all (the two channels swapped)."""
    usual = usual_bearer(name)
    return name if usual is None else default_name(usual, language)


def name_of(key: str, labels: Mapping[str, str], language: Language = "zh") -> str:
    """How a channel or speaker is called in a recording with these names."""
    return as_read(labels.get(key) or default_name(key), language)


def names_of_sides(labels: Mapping[str, str]) -> dict[str, str]:
    """The names of the two channels alone, which are the same however a recording is recognised."""
    return {key: name for key, name in labels.items() if key.startswith("channel")}


def keys_of(segments: Sequence[Segment]) -> list[str]:
    """Everybody who speaks, by first appearance."""
    return list(dict.fromkeys(key for segment in segments if (key := key_of(segment)) is not None))


def tells_who(segments: Sequence[Segment], labels: Mapping[str, str]) -> bool:
    """Whether names are worth showing: a side of a call, two people or more, or one whom somebody named."""
    keys = keys_of(segments)
    return len(keys) > 1 or any(key in labels or key.startswith("channel") for key in keys)


def names_by_line(segments: Sequence[Segment], labels: Mapping[str, str], language: Language = "zh") -> list[str]:
    """The name for each segment; empty where none is worth showing."""
    if not tells_who(segments, labels):
        return [""] * len(segments)
    return [name_of(key, labels, language) if (key := key_of(item)) else "" for item in segments]


def said_by(name: str, text: str) -> str:
    """``坐席：您好``, ``Agent: hello``; the text alone without a name."""
    if not name:
        return text
    return f"{name}：{text}" if any(ord(char) >= 0x2E80 for char in name) else f"{name}: {text}"


def plain_text(segments: Sequence[Segment], labels: Mapping[str, str], track: Track, language: Language = "zh") -> str:
    """The text to take away: a line for each turn where names are shown, else one text without breaks."""
    names, is_written = names_by_line(segments, labels, language), track == "written"
    # Two people may have one name: a turn ends where the next one speaks.
    turns: list[tuple[str | None, str, list[str]]] = []
    for name, segment in zip(names, segments, strict=True):
        key, text = key_of(segment) if name else None, segment.text(is_written)
        if not text:
            continue
        if not turns or turns[-1][0] != key:
            turns.append((key, name, []))
        turns[-1][2].append(text)
    return "\n".join(said_by(name, join_texts(texts)) for _, name, texts in turns)


def checked_key(key: str) -> str:
    """A key that names may be given to. Raises :class:`InvalidOptions`."""
    if not _KEY.fullmatch(key):
        raise InvalidOptions(
            f"there is nobody called {key[:40]!r}; channel0, channel1, speaker1, speaker2, … are possible",
            field="labels",
            reason="no_such_speaker",
        )
    return key


def checked_name(name: str) -> str:
    """A person's name as it is kept: one line without invisible characters. Raises :class:`InvalidOptions`."""
    if len(name) > _MAX_GIVEN_CHARS:
        raise _too_long(len(name))
    visible = "".join(char if unicodedata.category(char)[0] not in "C" else " " for char in name)
    clean = " ".join(visible.split())
    if len(clean) > MAX_NAME_CHARS:
        raise _too_long(len(clean))
    return clean


def _too_long(length: int) -> InvalidOptions:
    return InvalidOptions(
        f"a name may have {MAX_NAME_CHARS} characters; this one has {length}",
        field="labels",
        reason="name_too_long",
        limit=MAX_NAME_CHARS,
    )
