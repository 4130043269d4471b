"""Exports that a page makes: written to a file first, with progress, and fetched by the browser when they are whole."""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from domain.access import Visitor
from domain.errors import NotFound, StorageUnavailable
from services.disk_space import DiskSpace
from services.exports import Export, Exports, Wanted, nothing

#: Files that are kept for one user; the oldest of the same user makes room.
_MAX_READY = 5
#: A page is told of progress at most this often, in seconds.
_TELL_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class ReadyExport:
    """A file that can be fetched."""

    path: Path
    filename: str
    media_type: str
    user: str


class ExportFiles:
    """Files in a folder of this process, which whoever sweeps it removes after some hours."""

    def __init__(self, exports: Exports, folder: Path, *, min_free_bytes: int = 0) -> None:
        """``folder`` must exist; no export begins with less than ``min_free_bytes`` free on its disk."""
        self._exports = exports
        self._folder = folder
        self._space = DiskSpace(folder, min_free_bytes)
        self._ready: OrderedDict[str, ReadyExport] = OrderedDict()

    async def make(self, wanted: Wanted, *, visitor: Visitor) -> AsyncGenerator[tuple[Export, str | None]]:
        """Yields the export with its progress, and at last the token to fetch it by; closed early, nothing is left.

        Raises :class:`InvalidInput` where there is nothing to export, :class:`StorageUnavailable` and
        :class:`LowDisk`.
        """
        await self._space.check()
        export = await self._exports.open(wanted)
        token = secrets.token_urlsafe(18)
        path = self._folder / f"ready-{token}"
        told = time.monotonic()
        try:
            with path.open("wb") as file:
                async with aclosing(export.chunks) as chunks:
                    async for chunk in chunks:
                        await asyncio.to_thread(file.write, chunk)
                        if time.monotonic() - told >= _TELL_SECONDS:
                            yield export, None
                            told = time.monotonic()
            if not export.progress.done:
                raise nothing(export.progress)
            self._keep(token, ReadyExport(path, export.filename, export.media_type, visitor.user))
        except OSError as error:
            raise StorageUnavailable(f"the export cannot be written: {error.strerror}", reason="export") from error
        finally:
            if token not in self._ready:
                path.unlink(missing_ok=True)
        yield export, token

    def get(self, token: str, *, visitor: Visitor) -> ReadyExport:
        """The file. Raises :class:`NotFound` where it has gone, or is somebody else's."""
        ready = self._ready.get(token)
        if ready is None or ready.user != visitor.user or not ready.path.exists():
            raise NotFound("this export has gone; make it again", reason="export_gone")
        return ready

    def _keep(self, token: str, ready: ReadyExport) -> None:
        self._ready[token] = ready
        mine = [key for key, other in self._ready.items() if other.user == ready.user]
        for key in mine[:-_MAX_READY]:
            self._ready.pop(key).path.unlink(missing_ok=True)
        # The oldest of all are swept first; what nobody can fetch any more need not be known.
        while self._ready and not next(iter(self._ready.values())).path.exists():
            self._ready.popitem(last=False)
