"""Removes recordings whose time has passed, and what a crash left behind."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from domain.ports import AudioStore, HistoryStore

log = logging.getLogger(__name__)

#: How often to look, and how old a recording without a row must be before a crash is certain, in seconds.
SWEEP_SECONDS = 600.0
ORPHAN_SECONDS = 3600.0
#: A person may look at a page for so long between choosing a file and starting, in seconds.
UPLOAD_SECONDS = 6 * 3600.0


class Sweeper:
    """One pass over the audio store and the upload folders."""

    def __init__(
        self, history: HistoryStore, audio: AudioStore, *, retention_seconds: float, upload_dirs: Sequence[Path] = ()
    ) -> None:
        """``upload_dirs``: folders in which uploads lie until they are in the store."""
        self._history = history
        self._audio = audio
        self._retention_seconds = retention_seconds
        self._upload_dirs = tuple(upload_dirs)

    async def sweep(self) -> None:
        """Removes recordings past their time; and, after an hour, those that no row refers to."""
        expired = set(await self._audio.keys_older_than(max(self._retention_seconds, ORPHAN_SECONDS)))
        kept = [key for key in await self._audio.keys_older_than(ORPHAN_SECONDS) if key not in expired]
        in_use = await self._history.audio_keys_in_use(kept)
        orphans = [key for key in kept if key not in in_use]
        if expired or orphans:
            log.info("%d recordings expired, %d had no row", len(expired), len(orphans))
            await self._audio.delete([*expired, *orphans])
        await asyncio.to_thread(self._sweep_uploads)

    def _sweep_uploads(self) -> None:
        """The web framework keeps every upload, and forgets those from before a restart."""
        before = time.time() - UPLOAD_SECONDS
        for folder in self._upload_dirs:
            for path in sorted(folder.rglob("*"), reverse=True):  # what a folder holds, before the folder
                # Another request may use or remove it this moment.
                with contextlib.suppress(OSError):
                    if path.lstat().st_mtime < before:
                        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
