"""Naming those who speak: everybody of one name, or one line; and swapping the two channels."""

from collections.abc import Mapping

from domain.access import Visitor
from domain.errors import InvalidInput, InvalidOptions, NotFound
from domain.ids import is_id
from domain.labels import (
    MAX_SPEAKER_NUMBER,
    Language,
    checked_key,
    checked_name,
    default_name,
    key_of,
    keys_of,
    name_of,
    speaker_of,
)
from domain.ports import HistoryStore
from domain.recognition import Recognition, Status


class Labels:
    """Changes are the owner's and the administrators'; others do not even see the row."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    async def change(
        self, recognition_id: str, labels: Mapping[str, str], lines: Mapping[int, str], *, visitor: Visitor
    ) -> Recognition:
        """Gives names to ``channel0``, ``speaker1``, … (an empty one takes it back), and lines to other speakers.

        ``lines``: the number of a segment, from 0, and the key of who speaks there. Returns the changed row. Raises
        :class:`NotFound`, :class:`InvalidOptions`, and :class:`InvalidInput` while the recognition runs.
        """
        row = await self._finished(recognition_id, visitor)
        names = {checked_key(key): checked_name(name) for key, name in labels.items()}
        speakers = {number: speaker_of(checked_key(key)) for number, key in lines.items()}
        count = len(row.transcript.segments)
        for number in speakers:
            if not 0 <= number < count:
                raise InvalidOptions(
                    f"there is no line {number}; there are {count}", field="lines", reason="out_of_range", limit=count
                )
        changed = await self._store.set_labels(row.id, names, speakers, user=visitor.scope)
        if changed is None:
            raise _not_found(recognition_id)
        return changed

    async def rename(
        self, recognition_id: str, line: int, name: str, *, everyone: bool, visitor: Visitor, language: Language = "zh"
    ) -> Recognition:
        """Names who speaks in a line: ``everyone`` of that name, or in this line only.

        One line goes to whoever has that name already, else to a new speaker. Raises as :meth:`change`.
        """
        row = await self._finished(recognition_id, visitor)
        segments = row.transcript.segments
        key = key_of(segments[line]) if 0 <= line < len(segments) else None
        wanted = checked_name(name)
        if everyone:
            if key is None:
                raise InvalidOptions(f"nobody is known to speak in line {line}", field="lines", reason="unknown")
            is_default = wanted == default_name(key, language)
            return await self.change(row.id, {key: "" if is_default else wanted}, {}, visitor=visitor)
        if not wanted:
            return row
        known = [*keys_of(segments), *row.labels]
        bearer = next((item for item in known if name_of(item, row.labels, language) == wanted), None)
        if bearer is not None:
            return await self.change(row.id, {}, {line: bearer}, visitor=visitor)
        added = _next_speaker(known)
        return await self.change(row.id, {added: wanted}, {line: added}, visitor=visitor)

    async def swap(self, recognition_id: str, *, visitor: Visitor, language: Language = "zh") -> Recognition:
        """The two channels change their names: 坐席 was on the other one. Raises as :meth:`change`."""
        row = await self._finished(recognition_id, visitor)
        pairs = (("channel0", "channel1"), ("channel1", "channel0"))
        names = {key: name_of(other, row.labels, language) for key, other in pairs}
        kept = {key: "" if name == default_name(key, language) else name for key, name in names.items()}
        return await self.change(row.id, kept, {}, visitor=visitor)

    async def _finished(self, recognition_id: str, visitor: Visitor) -> Recognition:
        row = await self._store.get(recognition_id, user=visitor.scope) if is_id(recognition_id) else None
        if row is None:
            raise _not_found(recognition_id)
        if row.status is not Status.SUCCEEDED:
            raise InvalidInput("names can be given once the text is there", reason="no_text", recognition_id=row.id)
        return row


def _next_speaker(known: list[str]) -> str:
    numbers = [int(rest) for key in known if (rest := key.removeprefix("speaker")).isdecimal()]
    number = max(numbers, default=0) + 1
    if number > MAX_SPEAKER_NUMBER:
        raise InvalidOptions("there are too many speakers", field="labels", reason="out_of_range")
    return f"speaker{number}"


def _not_found(recognition_id: str) -> NotFound:
    return NotFound(f"there is no recognition {recognition_id[:60]}")
