"""Digests of uploads, made while they come in, or while their sender still looks at the form.

By the time somebody asks whether a recording is known, most of the answer is there: reading all of a large file takes
longer than looking it up.
"""

import asyncio
from pathlib import Path

from domain.errors import StorageUnavailable
from speech.identity import RunningDigest, file_digest

__all__ = ["RunningDigest", "UploadDigests"]

#: Uploads whose digest is remembered; one that was forgotten is read when it is asked for.
MAX_UPLOADS = 1_000

#: Device, inode, bytes, and when it was written in ns.
_Look = tuple[int, int, int, int]


class UploadDigests:
    """For files that are written once, under names that never come again."""

    def __init__(self) -> None:
        #: By path: what the file looked like before it was read, and its digest.
        self._made: dict[Path, tuple[_Look, str]] = {}
        self._making: dict[Path, asyncio.Task[None]] = {}

    def begin(self) -> RunningDigest:
        """Takes the bytes of an upload as they come in; its ``value`` is what is then learnt."""
        return RunningDigest()

    def learn(self, path: Path, digest: str) -> None:
        """Remembers the digest of a file that was written just now."""
        self._keep(path, _look(path), digest)

    def foresee(self, path: Path) -> None:
        """Begins to read an upload, of which somebody will ask soon; whoever asks meanwhile waits for it."""
        if path not in self._made and path not in self._making:
            self._making[path] = asyncio.create_task(self._make(path), name=f"digest of {path.name}")

    async def of(self, path: Path) -> str:
        """``file:<hex>`` of any file. Raises :class:`StorageUnavailable`."""
        if making := self._making.get(path):
            await asyncio.wait([making])
        look, digest = self._made.get(path, (None, ""))
        if look is not None and look == _look(path):
            return digest
        return await asyncio.to_thread(file_digest, path)

    async def _make(self, path: Path) -> None:
        try:
            look = _look(path)
            self._keep(path, look, await asyncio.to_thread(file_digest, path))
        except StorageUnavailable:
            pass  # whoever asks is told
        finally:
            del self._making[path]

    def _keep(self, path: Path, look: _Look | None, digest: str) -> None:
        if look is None:
            return
        self._made[path] = look, digest
        if len(self._made) > MAX_UPLOADS:
            del self._made[next(iter(self._made))]


def _look(path: Path) -> _Look | None:
    """What a file is seen to be without reading it; ``None`` where there is none."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns
