"""Room on the disk: what would fill it is refused before it begins, so that what runs has enough to end well."""

import asyncio
import shutil
from pathlib import Path

from domain.errors import LowDisk


class DiskSpace:
    """The disk of one folder. ``min_free_bytes``: what must stay free; 0 refuses nothing."""

    def __init__(self, folder: Path, min_free_bytes: int) -> None:
        self._folder = folder
        self.min_free_bytes = min_free_bytes

    def free_bytes(self) -> int:
        """What is free now."""
        return shutil.disk_usage(self._folder).free

    async def check(self) -> None:
        """Raises :class:`LowDisk` where nothing more may be written."""
        if self.min_free_bytes and await asyncio.to_thread(self.free_bytes) < self.min_free_bytes:
            raise LowDisk(
                "the server's disk is nearly full: it takes no files until there is room again",
                limit_bytes=self.min_free_bytes,
            )
