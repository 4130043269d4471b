"""Keeps the pool's nodes what settings, administrators and the nodes themselves say that they are."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from domain.errors import StorageUnavailable
from domain.membership import StoredNode, members
from domain.node import NodeIntent
from domain.ports import Announcements, NodeStore

_log = logging.getLogger(__name__)

#: How often all replicas look whether anything was said, in seconds.
LOOK_SECONDS = 2.0


class Members:
    """``take`` gets all nodes of the cluster whenever they were asked for; what could not be asked holds as it was."""

    def __init__(
        self,
        configured: Sequence[NodeIntent],
        store: NodeStore,
        announcements: Announcements | None,
        take: Callable[[Sequence[NodeIntent]], Awaitable[None]],
    ) -> None:
        self._configured = configured
        self._store = store
        self._announcements = announcements
        self._take = take
        self._stored: list[StoredNode] | None = None
        self._lock = asyncio.Lock()

    async def look(self) -> None:
        """Takes over what was said since.

        Nothing, as long as it is not known what administrators said: a node that they removed must get no work.
        """
        # One at a time: an answer that was older would undo what was said meanwhile.
        async with self._lock:
            try:
                self._stored = await self._store.rows()
            except StorageUnavailable as error:
                _log.debug("what was said of the nodes holds as it was: %s", error)
            if self._stored is None:
                return
            announced = await self._announcements.all() if self._announcements else ()
            await self._take(members(self._configured, self._stored, announced))
