"""Removes recordings whose time has passed, and what a crash left behind."""

import logging

from domain.ports import AudioStore, HistoryStore

log = logging.getLogger(__name__)

#: How often to look, and how old a recording without a row must be before a crash is certain, in seconds.
SWEEP_SECONDS = 600.0
ORPHAN_SECONDS = 3600.0


class Sweeper:
    """One pass over the audio store."""

    def __init__(self, history: HistoryStore, audio: AudioStore, *, retention_seconds: float) -> None:
        self._history = history
        self._audio = audio
        self._retention_seconds = retention_seconds

    async def sweep(self) -> None:
        """Removes recordings past their time; and, after an hour, those that no row refers to."""
        expired = set(await self._audio.keys_older_than(max(self._retention_seconds, ORPHAN_SECONDS)))
        orphans = [
            key
            for key in await self._audio.keys_older_than(ORPHAN_SECONDS)
            if key not in expired and not await self._history.audio_key_in_use(key)
        ]
        if expired or orphans:
            log.info("%d recordings expired, %d had no row", len(expired), len(orphans))
            await self._audio.delete([*expired, *orphans])
