"""What was recognised before: listed, searched, opened, played, removed."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from domain.access import Visitor
from domain.errors import NotFound
from domain.ids import is_id
from domain.ports import AudioStore, HistoryStore
from domain.recognition import HistoryPage, HistoryQuery, Recognition, Status

#: Rows on one page at most.
MAX_LIMIT = 200


class History:
    """The shared history, as far as a visitor may see it."""

    def __init__(self, store: HistoryStore, audio: AudioStore) -> None:
        self._store = store
        self._audio = audio

    async def page(
        self,
        *,
        visitor: Visitor,
        only_mine: bool = False,
        text: str = "",
        statuses: Sequence[Status] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        before_id: str | None = None,
        limit: int = 50,
    ) -> HistoryPage:
        """Rows newest first; ``text`` is searched in both tracks and the file names.

        ``only_mine`` leaves an administrator the rows of its own; others never see more.
        """
        return await self._store.page(
            HistoryQuery(
                user=visitor.user if only_mine else visitor.scope,
                text=text.strip()[:200],
                statuses=tuple(statuses),
                since=since,
                until=until,
                before_id=before_id,
                limit=max(1, min(limit, MAX_LIMIT)),
            )
        )

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
