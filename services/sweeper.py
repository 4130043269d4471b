"""Removes recordings and texts whose time has passed, and what a crash left behind."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.audio_keys import is_audio_key
from domain.errors import SpeechError, StorageUnavailable
from domain.history import Deletion
from domain.history_ports import HistoryStore, RetentionStore
from domain.ports import AudioStore

log = logging.getLogger(__name__)

#: How often to look, in seconds; and how often for recordings that go as soon as the work is done.
SWEEP_SECONDS = 600.0
AT_ONCE_SECONDS = 2.0
#: A recording without a row is left alone for so long after its upload, and after it was first seen without one: its
#: row may wait for the database in another replica's outbox, which lands at once when both are back.
ORPHAN_SECONDS = 86_400.0
LONELY_SECONDS = 3600.0
#: A person may look at a page for so long between choosing a file and starting, in seconds.
UPLOAD_SECONDS = 6 * 3600.0
#: More recordings without a row than this, and than there are with one, are taken for another database's.
_MAX_LONELY = 20
#: The first moment of all.
_EVER = datetime.fromtimestamp(0, UTC)
#: Rows, or recordings, of one transaction.
_BATCH = 200


class Sweeper:
    """Every replica sweeps; what one has removed, the others do not find."""

    def __init__(
        self,
        history: HistoryStore,
        retained: RetentionStore,
        audio: AudioStore,
        *,
        delete: Callable[[Sequence[str]], Awaitable[Deletion]],
        audio_seconds: float,
        text_seconds: float = 0.0,
        upload_dirs: Sequence[Path] = (),
        upload_seconds: float = UPLOAD_SECONDS,
        unremoved: set[str] | None = None,
    ) -> None:
        """``delete``: removes rows and all that belongs to them. ``text_seconds`` 0 keeps texts for ever.

        ``upload_dirs``: folders of files on their way: uploads, decoded sound, copies of recordings; they go after
        ``upload_seconds``. ``unremoved``: recordings that somebody else could not remove, and which this tries again.
        """
        self._history = history
        self._retained = retained
        self._audio = audio
        self._delete = delete
        self._audio_seconds = audio_seconds
        self._text_seconds = text_seconds
        self._upload_dirs = tuple(upload_dirs)
        self._upload_seconds = upload_seconds
        self._unremoved = set[str]() if unremoved is None else unremoved
        #: Recordings without a row, and since when this process knows.
        self._lonely: dict[str, float] = {}

    @property
    def expiry_seconds(self) -> float:
        """How often :meth:`expire_audio` is called for recordings to go when their time is over."""
        return min(max(self._audio_seconds / 10, AT_ONCE_SECONDS), SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Everything; what one part of it cannot do now keeps no other from its work."""
        for step in (self.expire_audio, self.expire_texts, self.remove_orphans, self.remove_uploads):
            try:
                await step()
            except SpeechError as error:
                log.warning("%s; tried again in %.0f s", error.message, SWEEP_SECONDS)

    async def expire_audio(self) -> None:
        """Recordings past their time, but for those that are kept or worked on.

        The rows let go of them first: what a crash leaves between is a recording without a row, found in its time.
        """
        before, after, count = await self._ago(self._audio_seconds), "", 0
        failure = await self._remove(sorted(self._unremoved))
        while True:
            forgotten = await self._retained.forget_audio(before, after=after, limit=_BATCH)
            failure = await self._remove(forgotten.keys) or failure
            count += len(forgotten.keys)
            if forgotten.last is None:
                break
            after = forgotten.last
        if count:
            log.info("%d recordings expired", count)
        if failure:
            raise failure

    async def _remove(self, keys: Sequence[str]) -> StorageUnavailable | None:
        """What the store does not take away now, it is asked for again, and why is returned.

        Rows that wait for the database, and versions that were made meanwhile, need theirs; they let go of them later.
        """
        self._unremoved.update(keys)
        try:
            in_use = await self._history.audio_keys_in_use(keys)
            await self._audio.delete([key for key in keys if key not in in_use])
        except StorageUnavailable as error:
            return error
        self._unremoved.difference_update(keys)
        return None

    async def _ago(self, seconds: float) -> datetime:
        """So long before now, as the database has it: a replica whose clock is wrong must not take what is new."""
        try:
            return max(_EVER, await self._retained.now() - timedelta(seconds=seconds))
        except OverflowError:
            return _EVER  # before the beginning of the calendar

    async def expire_texts(self) -> None:
        """Rows past their time, but for those that are kept."""
        if not self._text_seconds:
            return
        before, after, deleted, audio = await self._ago(self._text_seconds), None, 0, 0
        while ids := await self._retained.expired(before, after_id=after, limit=_BATCH):
            done = await self._delete(ids)
            deleted, audio, after = deleted + done.deleted, audio + len(done.audio_keys), ids[-1]
        if deleted:
            log.info("%d texts expired, and %d recordings with them", deleted, audio)

    async def remove_orphans(self) -> None:
        """Recordings that no row refers to, and what writers that died left of others."""
        old = await self._audio.keys_older_than(ORPHAN_SECONDS)
        in_use = await self._history.audio_keys_in_use(old)
        now = time.monotonic()
        self._lonely = {key: self._lonely.get(key, now) for key in old if key not in in_use}
        # Parts that writers left are nobody's, however many they are.
        lonely = sum(map(is_audio_key, self._lonely))
        if lonely > max(_MAX_LONELY, len(in_use)):
            log.warning(
                "%d of %d old recordings have no row in this database, so that none of them is removed: is it the "
                "wrong one, or does another one use the same store? docs/operation.md (Deleting) says what to do",
                lonely,
                lonely + len(in_use),
            )
            return
        orphans = [key for key, since in self._lonely.items() if now - since >= LONELY_SECONDS]
        if orphans:
            await self._audio.delete(orphans)
            log.info("%d recordings had no row", len(orphans))

    async def remove_uploads(self) -> None:
        """The web framework keeps every upload, and forgets those from before a restart."""
        await asyncio.to_thread(self._remove_uploads)

    def _remove_uploads(self) -> None:
        before = time.time() - self._upload_seconds
        for top in self._upload_dirs:
            # What a folder holds, before the folder; one that goes meanwhile is passed over.
            for folder, folders, files in os.walk(top, topdown=False):
                for path in (Path(folder, name) for name in (*files, *folders)):
                    # Another request may use or remove it this moment.
                    with contextlib.suppress(OSError):
                        if path.lstat().st_mtime < before:
                            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
