"""Naming those who speak: in all their lines, or in one; swapping two names; making one person of two."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from domain.access import Visitor
from domain.errors import InvalidOptions
from domain.history_ports import Amendment, HistoryStore, RowState
from domain.labels import (
    MAX_NAMES,
    MAX_SPEAKER_NUMBER,
    Language,
    as_read,
    checked_key,
    checked_name,
    default_name,
    key_of,
    keys_of,
    name_of,
    speaker_of,
    usual_bearer,
)
from domain.recognition import Recognition
from domain.transcript import Segment
from services.amending import amended

#: Whom a new name is for: who speaks in a line, in all of its lines; this line only; both who change their names; or
#: nobody new: all the lines are those of the name's bearer.
Whom = Literal["everyone", "line", "swap", "merge"]
#: Names by key, and speakers by number of the segment.
_Change = tuple[Mapping[str, str], Mapping[int, str]]
_Decide = Callable[[Mapping[str, str], Sequence[Segment]], _Change]


class Labels:
    """Changes are the owner's and the administrators'; others do not even see the row."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    async def change(
        self, recognition_id: str, labels: Mapping[str, str], lines: Mapping[int, str], *, visitor: Visitor
    ) -> Recognition:
        """Gives names to ``channel0``, ``speaker1``, … (an empty one takes it back), and lines to other speakers.

        ``lines``: the number of a segment, from 0, and the key of who speaks there. Its ``speaker`` is then ``"2"``
        for ``speaker2`` (a number that nobody had is somebody new), ``"channel1"`` for that channel. Returns the
        changed row. Raises :class:`NotFound`, :class:`InvalidOptions` (also for a name that somebody else who speaks
        here would have too), and :class:`InvalidInput` while the recognition runs.
        """
        if len(labels) > MAX_NAMES:
            raise InvalidOptions(
                f"{MAX_NAMES} can have a name; these are {len(labels)}",
                field="labels",
                reason="too_many_speakers",
                limit=MAX_NAMES,
            )

        def decide(_: Mapping[str, str], segments: Sequence[Segment]) -> _Change:
            count = len(segments)
            for number in lines:
                if not 0 <= number < count:
                    raise _no_such_line(number, count)
            names = {checked_key(key): checked_name(name) for key, name in labels.items()}
            return names, {number: speaker_of(checked_key(key)) for number, key in lines.items()}

        return await self._changed(recognition_id, decide, visitor)

    async def rename(
        self, recognition_id: str, line: int, name: str, *, whom: Whom, visitor: Visitor, language: Language = "zh"
    ) -> Recognition:
        """Names who speaks in a line; an empty name is the usual one. Raises as :meth:`change`.

        One line goes to whoever has that name already, else to a new speaker. A swap gives the name's bearer that of
        the line, a merge gives the bearer all lines of who speaks there: one person was heard as two. Where nobody
        bears it, both are a plain new name.
        """
        wanted = checked_name(name)

        def decide(labels: Mapping[str, str], segments: Sequence[Segment]) -> _Change:
            if not 0 <= line < len(segments):
                raise _no_such_line(line, len(segments))
            if whom == "line":
                return _one_line(line, wanted, labels, segments, language)
            key = key_of(segments[line])
            if key is None:
                raise InvalidOptions(
                    f"nobody is known to speak in line {line}", field="lines", reason="no_such_speaker"
                )
            others = [item for item in keys_of(segments) if item != key] if whom != "everyone" else []
            bearer = _bearer(wanted or default_name(key, language), others, labels, language)
            if bearer is None:
                return {key: _kept(key, wanted)}, {}
            if whom == "swap":
                return _swapped(key, bearer, labels), {}
            return {}, {n: speaker_of(bearer) for n, segment in enumerate(segments) if key_of(segment) == key}

        return await self._changed(recognition_id, decide, visitor)

    async def swap(self, recognition_id: str, *, visitor: Visitor) -> Recognition:
        """The two channels change their names: 坐席 was on the other one. Raises as :meth:`change`."""

        def decide(labels: Mapping[str, str], _: Sequence[Segment]) -> _Change:
            return _swapped("channel0", "channel1", labels), {}

        return await self._changed(recognition_id, decide, visitor)

    async def _changed(self, recognition_id: str, decide: _Decide, visitor: Visitor) -> Recognition:
        def checked(row: RowState) -> Amendment:
            change = decide(row.labels, row.segments)
            _check_names_differ(change, row.labels, row.segments)
            return Amendment(*change)

        return await amended(self._store, recognition_id, checked, visitor=visitor)


def _one_line(
    line: int, wanted: str, labels: Mapping[str, str], segments: Sequence[Segment], language: Language
) -> _Change:
    """A line for whoever has that name already, else for somebody new."""
    if not wanted:
        return {}, {}
    known = [*keys_of(segments), *labels]
    bearer = _bearer(wanted, known, labels, language)
    if bearer is not None:
        return {}, {line: speaker_of(bearer)}
    added = _next_speaker(known)
    return {added: _kept(added, wanted)}, {line: speaker_of(added)}


def _bearer(name: str, keys: Sequence[str], labels: Mapping[str, str], language: Language) -> str | None:
    """Who of these has a name, in whatever language it is written."""
    spelt = as_read(name, language)
    return next((key for key in keys if name_of(key, labels, language) == spelt), None)


def _swapped(one: str, other: str, labels: Mapping[str, str]) -> dict[str, str]:
    return {one: _kept(one, name_of(other, labels)), other: _kept(other, name_of(one, labels))}


def _check_names_differ(change: _Change, labels: Mapping[str, str], segments: Sequence[Segment]) -> None:
    """Two people of one name could not be told apart any more: nobody gets the name of somebody else who speaks.

    Who has such a name from before keeps it, unless only this change makes that person speak.
    """
    names, lines = change
    before = keys_of(segments)
    speaking = keys_of([replace(s, speaker=lines[n]) if n in lines else s for n, s in enumerate(segments)])
    after = {**labels, **names}
    counts = Counter(name_of(key, after) for key in speaking)
    for key in speaking:
        name = name_of(key, after)
        if counts[name] > 1 and (key not in before or name != name_of(key, labels)):
            raise InvalidOptions(
                f"somebody else here is called {name!r} already: name both at once, or give the lines to that person",
                field="labels",
                reason="name_taken",
                name=name,
            )


def _kept(key: str, name: str) -> str:
    """What is kept of a name: nothing of the one that is usual without, in whatever language it is written."""
    return "" if usual_bearer(name) == key else name


def _next_speaker(known: list[str]) -> str:
    numbers = [int(rest) for key in known if (rest := key.removeprefix("speaker")).isdecimal()]
    number = max(numbers, default=0) + 1
    if number > MAX_SPEAKER_NUMBER:
        raise InvalidOptions(
            "there are too many speakers", field="labels", reason="too_many_speakers", limit=MAX_SPEAKER_NUMBER
        )
    return f"speaker{number}"


def _no_such_line(line: int, count: int) -> InvalidOptions:
    return InvalidOptions(
        f"there is no line {line}; there are {count}", field="lines", reason="no_such_line", limit=count
    )
