"""The recordings as files below one directory: implements ``domain.ports.AudioStore``.

A key that was returned names a whole file that is on the disk, not only in the kernel's memory, so that a row which
refers to it never outlives it. What a killed writer leaves is a part file (``<key>#1``), which the sweep removes.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import obstore
from anyio import CancelScope, CapacityLimiter, to_thread
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from domain.audio_keys import audio_gone, is_audio_key, new_audio_key, put_at
from domain.errors import NotFound, StorageUnavailable

T = TypeVar("T")

#: Bytes held in memory at a time, twice: one part fills while the other is written.
PART_BYTES = 1 << 20
_PARTS_AT_ONCE = 2
#: Threads that store recordings, which takes as long as a copy of them; and those for all else that touches the disk.
_WRITERS = 4
_THREADS = 4


class FileAudioStore:
    """See ``domain.ports.AudioStore``. Any number of processes may share ``root``."""

    def __init__(self, root: Path, *, written_once: Sequence[Path] = ()) -> None:
        """``written_once``: folders of uploads, whose files nobody changes once they are whole (removing is no change).

        Files there, and recordings of this store, get a second name where others are copied: a person may record
        the next take over the same file.
        """
        self._root = root.absolute()
        self._written_once = (self._root, *(folder.absolute() for folder in written_once))
        self._writers, self._limiter = CapacityLimiter(_WRITERS), CapacityLimiter(_THREADS)

    async def put_file(self, path: Path, *, suffix: str = "") -> str:
        """Links or copies a local file; ``suffix`` is kept only as far as it is harmless."""
        if not path.is_file():
            raise NotFound(f"there is no file {path.name!r} to store")
        key = new_audio_key(suffix)
        stored = self._root / key
        writing = asyncio.create_task(self._in_thread(lambda: self._write(path, key), self._writers))
        try:
            await asyncio.shield(writing)
        except (asyncio.CancelledError, BaseError, OSError, StorageUnavailable) as error:
            # Removed once nobody writes it any more: a copy that is left half way may still get its name.
            with CancelScope(shield=True), suppress(StorageUnavailable):
                await asyncio.gather(writing, return_exceptions=True)
                await self._in_thread(lambda: _unlink([stored, *stored.parent.glob(f"{stored.name}#*")]))
            if isinstance(error, asyncio.CancelledError):
                raise
            raise StorageUnavailable(f"the recording cannot be stored: {_reason(error)}", part="audio") from error
        return key

    @asynccontextmanager
    async def local(self, key: str) -> AsyncGenerator[Path]:
        """The file itself: to read, never to write."""
        if not await self.exists(key):
            raise audio_gone()
        yield self._root / key

    async def exists(self, key: str) -> bool:
        """One look."""
        return is_audio_key(key) and await self._in_thread((self._root / key).is_file)

    async def size(self, key: str) -> int:
        """As the file system has it."""
        return await self._of(key, lambda path: path.stat().st_size)

    async def read(self, key: str, start: int, end: int) -> bytes:
        """Opened for each piece, so that nobody who stops reading leaves a file open."""
        return await self._of(key, lambda path: _piece(path, start, end))

    async def delete(self, keys: Sequence[str]) -> None:
        """A missing or impossible key is no error."""
        paths = [self._root / key for key in keys if is_audio_key(key, or_part=True)]
        await self._in_thread(lambda: _unlink(paths))

    async def keys_older_than(self, seconds: float) -> list[str]:
        """By the time in the key; part files of writers that died are among them."""
        moment = datetime.now(UTC) - timedelta(seconds=seconds)
        return await self._in_thread(lambda: sorted(self._put_before(moment)))

    def _link(self, source: Path, stored: Path) -> bool:
        """Gives a file that is written once its second name; False where it has to be copied."""
        whole = source.resolve()
        if not any(whole.is_relative_to(folder.resolve()) for folder in self._written_once):
            return False
        try:
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.hardlink_to(whole)
        except OSError:
            # Another file system, one without links, or too many of them. If it is worse, the copy fails as well.
            return False
        return True

    def _write(self, source: Path, key: str) -> None:
        stored = self._root / key
        if not self._link(source, stored):
            # Obstore writes a part file and renames it when it is whole; on failure it removes it, if there is time.
            store = LocalStore(self._root, mkdir=True)
            obstore.put(store, key, source, chunk_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE)
        self._make_durable(stored)

    def _make_durable(self, path: Path) -> None:
        # The name is on the disk only when its directory is; year and root may be new as well.
        for item in (path, path.parent, path.parent.parent, self._root):
            handle = os.open(item, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _put_before(self, moment: datetime) -> Iterator[str]:
        # Files' own times say nothing: a link shares them with the upload, and with the same recording put again.
        for directory, _, names in os.walk(self._root):
            for name in names:
                key = Path(directory, name).relative_to(self._root).as_posix()
                put = put_at(key)
                if put and put < moment:
                    yield key

    async def _of(self, key: str, work: Callable[[Path], T]) -> T:
        """What is found out about a recording that is there."""
        if not is_audio_key(key):
            raise audio_gone()
        try:
            return await self._in_thread(lambda: work(self._root / key))
        except StorageUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise audio_gone() from None
            raise

    async def _in_thread(self, work: Callable[[], T], limiter: CapacityLimiter | None = None) -> T:
        try:
            return await to_thread.run_sync(work, limiter=limiter or self._limiter)
        except OSError as error:
            raise StorageUnavailable(f"the audio store does not answer: {_reason(error)}", part="audio") from error


def _piece(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def _unlink(paths: Sequence[Path]) -> None:
    failed: OSError | None = None
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            failed = error  # one that cannot go keeps none of the others
    if failed:
        raise failed


def _reason(error: Exception) -> str:
    # Obstore's messages go on with a dump of the source over many lines.
    return str(error).partition("\n")[0]
