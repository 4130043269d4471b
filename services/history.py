"""What was recognised before: listed, searched, opened, played, removed."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypedDict, Unpack

from domain.access import Visitor
from domain.errors import NotFound
from domain.ids import is_id
from domain.ports import AudioStore, HistoryStore
from domain.recognition import CacheOutcome, HistoryPage, HistoryQuery, Recognition, Source, Status

#: Rows on one page at most.
MAX_LIMIT = 200
#: Characters of a search, or of a name, that are read.
_MAX_CHARS = 200


class Filters(TypedDict, total=False):
    """What narrows a list; all of it is optional.

    ``only_mine`` leaves an administrator the rows of its own; others never see more. ``text`` is searched in both
    tracks, file names and names of people, and may be an id. ``languages``: codes of those that were heard.
    """

    only_mine: bool
    text: str
    statuses: Sequence[Status]
    sources: Sequence[Source]
    caches: Sequence[CacheOutcome]
    nodes: Sequence[str]
    models: Sequence[str]
    languages: Sequence[str]
    speaker: str
    since: datetime | None
    until: datetime | None


def history_query(*, visitor: Visitor, **filters: Unpack[Filters]) -> HistoryQuery:
    """Which rows a visitor means."""
    return HistoryQuery(
        user=visitor.user if filters.get("only_mine") else visitor.scope,
        text=filters.get("text", "").strip()[:_MAX_CHARS],
        statuses=tuple(dict.fromkeys(filters.get("statuses", ()))),
        sources=tuple(dict.fromkeys(filters.get("sources", ()))),
        caches=tuple(dict.fromkeys(filters.get("caches", ()))),
        nodes=_names(filters.get("nodes", ())),
        models=_names(filters.get("models", ())),
        languages=_names(filters.get("languages", ())),
        speaker=_clean(filters.get("speaker", "")),
        since=filters.get("since"),
        until=filters.get("until"),
    )


def _names(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in map(_clean, given) if name))


def _clean(text: str) -> str:
    """Without what no database takes; nothing that is stored has it."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode().strip()[:_MAX_CHARS]


class History:
    """The shared history, as far as a visitor may see it."""

    def __init__(self, store: HistoryStore, audio: AudioStore) -> None:
        self._store = store
        self._audio = audio

    async def page(
        self,
        *,
        visitor: Visitor,
        before_id: str | None = None,
        limit: int = 50,
        **filters: Unpack[Filters],
    ) -> HistoryPage:
        """Rows newest first; see :class:`Filters`."""
        query = history_query(visitor=visitor, **filters)
        return await self._store.page(replace(query, before_id=before_id, limit=max(1, min(limit, MAX_LIMIT))))

    async def get(self, recognition_id: str, *, visitor: Visitor) -> Recognition:
        """One row. Raises :class:`NotFound`."""
        row = await self._store.get(recognition_id, user=visitor.scope) if is_id(recognition_id) else None
        if row is None:
            raise NotFound(f"there is no recognition {recognition_id[:60]}")
        return row

    async def delete(self, recognition_ids: Sequence[str], *, visitor: Visitor) -> None:
        """Removes finished rows and the recordings that nothing refers to any more."""
        ids = [item for item in recognition_ids if is_id(item)]
        orphans = await self._store.delete(ids, user=visitor.scope)
        await self._audio.delete(orphans)

    @asynccontextmanager
    async def audio(self, recognition_id: str, *, visitor: Visitor) -> AsyncGenerator[Path]:
        """The recording as a local file for as long as the block lasts. Raises :class:`NotFound` when it has gone."""
        row = await self.get(recognition_id, visitor=visitor)
        if row.audio_key is None:
            raise NotFound("the recording has been removed", reason="audio_gone")
        async with self._audio.local(row.audio_key) as path:
            yield path
