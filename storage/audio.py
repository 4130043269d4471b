"""The recordings as files below one directory: implements ``domain.ports.AudioStore``.

Keys are ``2026/11/<uuid>.<suffix>``. A key that was returned names a whole file that is on the disk, not only in the
kernel's memory, so that a row which refers to it never outlives it. What a killed writer leaves is a part file
(``<key>#1``); ``keys_older_than`` lists those too, so that the sweep removes them.
"""

import os
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import obstore
from anyio import CapacityLimiter, to_thread
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from domain.errors import NotFound, StorageUnavailable, UploadTooLarge
from domain.ids import new_id

T = TypeVar("T")

#: Bytes held in memory at a time, twice: one part fills while the other is written.
PART_BYTES = 1 << 20
_PARTS_AT_ONCE = 2
#: Threads for what touches the disk beside the streams.
_THREADS = 4

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(rf"\d{{4}}/\d{{2}}/{_UUID}(?:\.[a-z0-9]{{1,8}})?(?P<part>#\d{{1,6}})?", re.ASCII)
_SUFFIX = re.compile(r"\.?([a-z0-9]{1,8})", re.ASCII)


class FileAudioStore:
    """See ``domain.ports.AudioStore``. Any number of processes may share ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._limiter = CapacityLimiter(_THREADS)

    async def put_file(self, path: Path, *, suffix: str = "") -> str:
        """Copies a local file; ``suffix`` is kept only as far as it is harmless. Raises ``NotFound``."""
        if not path.is_file():
            raise NotFound(f"there is no file {path.name!r} to store")
        return await self._put(path, suffix)

    async def put_stream(self, chunks: AsyncIterator[bytes], *, suffix: str = "", max_bytes: int) -> str:
        """Stores a stream of at most ``max_bytes``; of a longer or broken one nothing stays."""
        return await self._put(_Bounded(chunks, max_bytes), suffix)

    @asynccontextmanager
    async def local(self, key: str) -> AsyncGenerator[Path]:
        """The file itself: to read, never to write."""
        path = self._root / key
        if not _is_key(key) or not await self._in_thread(path.is_file):
            raise NotFound("this recording has gone", part="audio")
        yield path

    async def delete(self, keys: Sequence[str]) -> None:
        """A missing or impossible key is no error."""
        paths = [self._root / key for key in keys if _is_key(key, or_part=True)]
        await self._in_thread(lambda: _unlink(paths))

    async def keys_older_than(self, seconds: float) -> list[str]:
        """By the time of the last write; part files of writers that died are among them."""
        return await self._in_thread(lambda: sorted(self._written_before(time.time() - seconds)))

    async def _put(self, source: "Path | _Bounded", suffix: str) -> str:
        key = _new_key(suffix)
        path = self._root / key
        try:
            # Obstore writes a part file and renames it when it is whole; it removes it on failure and on cancel.
            await obstore.put_async(
                LocalStore(self._root, mkdir=True), key, source, chunk_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE
            )
            await self._in_thread(lambda: self._make_durable(path))
        except (BaseError, OSError, StorageUnavailable) as error:
            if isinstance(source, _Bounded) and source.error is error:
                raise
            await self._in_thread(lambda: path.unlink(missing_ok=True))
            raise StorageUnavailable(f"the recording cannot be stored: {_reason(error)}", part="audio") from error
        return key

    def _make_durable(self, path: Path) -> None:
        # The name is on the disk only when its directory is; year and root may be new as well.
        for item in (path, path.parent, path.parent.parent, self._root):
            handle = os.open(item, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _written_before(self, moment: float) -> Iterator[str]:
        for directory, _, names in os.walk(self._root):
            for name in names:
                path = Path(directory, name)
                key = path.relative_to(self._root).as_posix()
                # A file may go while we look.
                with suppress(FileNotFoundError):
                    if _is_key(key, or_part=True) and path.stat().st_mtime < moment:
                        yield key

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        except OSError as error:
            raise StorageUnavailable(f"the audio store does not answer: {_reason(error)}", part="audio") from error


class _Bounded:
    """A stream that ends in ``UploadTooLarge`` past its limit, and remembers what its source raised."""

    def __init__(self, chunks: AsyncIterator[bytes], max_bytes: int) -> None:
        self._chunks = chunks
        self._max_bytes = max_bytes
        self._bytes = 0
        self.error: Exception | None = None

    def __aiter__(self) -> "_Bounded":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._chunks)
            self._bytes += len(chunk)
            if self._bytes > self._max_bytes:
                raise UploadTooLarge(f"the file is larger than {self._max_bytes} bytes", limit_bytes=self._max_bytes)
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.error = error
            raise
        return chunk


def _is_key(key: str, *, or_part: bool = False) -> bool:
    """Whether ``key`` is one that this store hands out, and so stays below its root."""
    match = _KEY.fullmatch(key)
    return match is not None and (or_part or match["part"] is None)


def _new_key(suffix: str) -> str:
    """``suffix`` comes from a visitor's file name: anything but a plain short one is left out."""
    plain = _SUFFIX.fullmatch(suffix.strip().lower())
    return f"{datetime.now(UTC):%Y/%m}/{new_id()}" + (f".{plain[1]}" if plain else "")


def _unlink(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    # Obstore's messages go on with a dump of the source over many lines.
    return str(error).partition("\n")[0]
