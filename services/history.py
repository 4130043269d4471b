"""What was recognised before: listed, searched, opened, played, removed."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypedDict, Unpack

from domain.access import Visitor
from domain.audio_keys import audio_gone, put_at
from domain.errors import StorageUnavailable
from domain.history import Deletion, HistoryPage, HistoryQuery
from domain.history_ports import HistoryStore
from domain.ids import is_id
from domain.ports import AudioStore
from domain.recognition import CacheOutcome, Recognition, Source, Status
from services.amending import left_no_trace
from services.recordings import Recording
from services.seen_rows import seen_row

log = logging.getLogger(__name__)

Forget = Callable[[Collection[str]], Awaitable[None]]

#: Rows on one page at most.
MAX_LIMIT = 200
#: Rows that are deleted at a time, so that others can write in between; and how many are counted before.
_DELETE_ROWS, _COUNT_ROWS = 100, 10_000
#: Ids that are read at a time.
_ID_ROWS = 1_000
#: Characters of a search, or of a name, that are read.
_MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class Found:
    """How many rows are found; ``has_more`` than were counted. ``newest``: the id of the first of them."""

    count: int = 0
    has_more: bool = False
    newest: str | None = None


class Filters(TypedDict, total=False):
    """What narrows a list; all of it is optional.

    ``only_mine`` leaves an administrator the rows of its own; others never see more. ``text`` is searched in both
    tracks, file names and names of people, and may be an id. ``languages``: codes of those that were heard. ``held``:
    only what is kept (保留), or only the others.
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
    held: bool | None
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
        held=filters.get("held"),
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

    def __init__(self, store: HistoryStore, audio: AudioStore, forget: Forget) -> None:
        """``forget``: removes what the cache knows of recordings (``KnownAudio.forget``)."""
        self._store = store
        self._audio = audio
        self._forget = forget
        #: Recordings that are to go and have not gone yet; the sweep of this process tries them again.
        self.unremoved: set[str] = set()
        #: Deletions that nobody waits for any more; without a name they might be collected while they run.
        self._deleting: set[asyncio.Task[Deletion]] = set()

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
        return await seen_row(self._store, recognition_id, visitor)

    async def delete(self, recognition_ids: Sequence[str], *, visitor: Visitor) -> Deletion:
        """Removes finished rows that nobody wants kept, and all of the recordings that nothing refers to any more.

        Once begun it goes on, also where the caller goes away: nothing would know of the rest.
        """
        ids = [item for item in recognition_ids if is_id(item)]
        task = asyncio.create_task(self._delete(ids, visitor))
        self._deleting.add(task)
        task.add_done_callback(self._deleting.discard)
        return await asyncio.shield(task)

    async def _delete(self, ids: Sequence[str], visitor: Visitor) -> Deletion:
        done = await self._store.delete(ids, user=visitor.scope)
        self.unremoved.update(done.audio_keys)
        await self._forget(done.audio_ids)
        try:
            await self._audio.delete(done.audio_keys)
            self.unremoved.difference_update(done.audio_keys)
        except StorageUnavailable as error:
            log.warning("%d recordings are left to the sweep: %s", len(done.audio_keys), error.message)
        return done

    async def count(self, *, visitor: Visitor, **filters: Unpack[Filters]) -> Found:
        """How many rows a visitor would delete with these filters, as they are now."""
        query = replace(history_query(visitor=visitor, **filters), limit=_ID_ROWS)
        count, newest = 0, None
        while count < _COUNT_ROWS:
            ids = await self._store.ids(query)
            count, newest = count + len(ids), newest or next(iter(ids), None)
            if len(ids) < _ID_ROWS:
                return Found(count, newest=newest)
            query = replace(query, before_id=ids[-1])
        return Found(count, has_more=bool(await self._store.ids(replace(query, limit=1))), newest=newest)

    async def delete_found(
        self, *, visitor: Visitor, newest: str | None = None, **filters: Unpack[Filters]
    ) -> AsyncGenerator[Deletion]:
        """Deletes what the filters find, newest first; yields what was done so far. Closed early, it stops there.

        ``newest``: what came after this row stays; it was not there when somebody was asked.
        """
        query = replace(history_query(visitor=visitor, **filters), limit=_DELETE_ROWS)
        done = Deletion()
        ids = await self._store.ids(query)
        while ids:
            # The next ones are found while the last of these is still there to begin at.
            query = replace(query, before_id=ids[-1])
            following = await self._store.ids(query) if len(ids) == _DELETE_ROWS else []
            done += await self.delete([item for item in ids if newest is None or item <= newest], visitor=visitor)
            yield done
            ids = following

    async def audio(self, recognition_id: str, *, visitor: Visitor) -> Recording:
        """The recording. Raises :class:`NotFound` when it has gone, :class:`StorageUnavailable`."""
        row = await self.get(recognition_id, visitor=visitor)
        if row.no_trace:
            raise left_no_trace(row)
        key = row.audio_key
        put = put_at(key) if key else None
        if key is None or put is None:
            raise audio_gone()
        return Recording(row, await self._audio.size(key), put, partial(self._audio.read, key))
