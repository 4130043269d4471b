"""What people write over a recognised segment: checked, remembered one after the other, the newest shown."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, Self

from domain.errors import InvalidOptions, Overtaken
from domain.plain import as_object, as_whole
from domain.transcript import Segment

#: Characters of a segment's text: without speech detection, and where it was imported, one segment holds hours.
MAX_TEXT_CHARS = 100_000
#: Characters that a row keeps of all its corrections; each counts as :data:`_LEAST_CHARS` at least.
MAX_KEPT_CHARS = 5_000_000
_LEAST_CHARS = 100
#: Invisible, and part of how words are written in Hindi, Persian and emoji.
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True, slots=True)
class Correction:
    """One change of a segment (its number, from 0): the new text, ``None`` where the recognised one came back.

    An empty text says that nothing was said there. ``at`` is the clock of the machine that took it; which of two is
    the newer one tells their order.
    """

    segment: int
    text: str | None
    user: str
    at: datetime

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"segment": self.segment, "text": self.text, "user": self.user, "at": self.at.isoformat()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises ``KeyError``, ``TypeError`` or ``ValueError`` on garbage."""
        data = as_object(data)
        text = data["text"]
        if text is not None and not isinstance(text, str):
            raise ValueError(f"a correction is a text, not {text!r}")
        return cls(as_whole(data["segment"]), text, str(data["user"]), datetime.fromisoformat(data["at"]))


def corrected(segments: Sequence[Segment], corrections: Iterable[Correction]) -> tuple[Segment, ...]:
    """The segments with what was written over them last."""
    newest = {item.segment: item.text for item in corrections}
    return tuple(
        replace(segment, corrected_text=newest[number]) if number in newest else segment
        for number, segment in enumerate(segments)
    )


class Step(NamedTuple):
    """A correction and what stood there before it; ``None`` where that was the recognised text."""

    correction: Correction
    before: str | None


def steps(corrections: Iterable[Correction]) -> list[Step]:
    """Each correction with the text that it replaced, oldest first."""
    latest: dict[int, str | None] = {}
    found: list[Step] = []
    for item in corrections:
        found.append(Step(item, latest.get(item.segment)))
        latest[item.segment] = item.text
    return found


def new_corrections(
    lines: Mapping[int, str | None],
    segments: Sequence[Segment],
    kept: Sequence[Correction],
    *,
    user: str,
    at: datetime,
    based_on: int | None = None,
) -> tuple[Correction, ...]:
    """What these lines change in a row that has ``segments`` and ``kept`` already; what says the same changes nothing.

    ``None`` brings the recognised text back. ``based_on``: how many of ``kept`` whoever writes has seen. Raises
    :class:`InvalidOptions`, and :class:`Overtaken` where a later one says otherwise.
    """
    if based_on is not None and based_on > len(kept):
        raise InvalidOptions(
            f"there are {len(kept)} corrections, not {based_on}",
            field="based_on",
            reason="out_of_range",
            limit=len(kept),
        )
    for number in lines:
        if not 0 <= number < len(segments):
            raise InvalidOptions(
                f"there is no line {number}; there are {len(segments)}",
                field="lines",
                reason="no_such_line",
                limit=len(segments),
            )
    texts = {number: None if text is None else checked_text(text) for number, text in lines.items()}
    new = tuple(
        Correction(number, text, user, at) for number, text in texts.items() if not _says(segments[number], text)
    )
    if based_on is not None:
        _check_seen(new, segments, kept[based_on:])
    if new and sum(max(len(item.text or ""), _LEAST_CHARS) for item in (*kept, *new)) > MAX_KEPT_CHARS:
        raise InvalidOptions("this recognition was corrected too often", field="lines", reason="too_many_corrections")
    return new


def _check_seen(new: Iterable[Correction], segments: Sequence[Segment], unseen: Iterable[Correction]) -> None:
    """Raises :class:`Overtaken` for the first line that somebody corrected whom its writer has not seen."""
    by_line = {item.segment: item for item in unseen}
    for item in new:
        if other := by_line.get(item.segment):
            raise Overtaken(
                f"line {item.segment} was corrected meanwhile",
                line=item.segment,
                text=segments[item.segment].text(itn=True),
                user=other.user,
            )


def _says(segment: Segment, text: str | None) -> bool:
    """Whether a line reads so already, on both tracks."""
    if text is None:
        return segment.corrected_text is None
    return segment.text(itn=True) == text == segment.text(itn=False)


def checked_text(text: str) -> str:
    """A text as it is kept: one line that can be seen and stored. Raises :class:`InvalidOptions`."""
    if len(text) > MAX_TEXT_CHARS:
        raise InvalidOptions(
            f"a line may have {MAX_TEXT_CHARS} characters; this one has {len(text)}",
            field="lines",
            reason="text_too_long",
            limit=MAX_TEXT_CHARS,
        )
    return " ".join("".join(map(_visible, text)).split())


def _visible(char: str) -> str:
    kind = unicodedata.category(char)
    if kind in ("Cc", "Cs"):  # control characters, and half a surrogate pair, which no column takes
        return " "
    return "" if kind == "Cf" and char not in _JOINERS else char
