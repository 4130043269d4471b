"""Recordings that leave no trace: each lies in a folder of its process while it is recognised, and nowhere else."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote

from domain.errors import NotFound, StorageUnavailable


class TracelessSounds:
    """Files below ``folder``, named by the id of their recognition."""

    def __init__(self, folder: Path, process: str, lives: Callable[[str], bool]) -> None:
        """``lives``: whether a process of this name is there."""
        self._folder = folder
        self._process = process
        self._lives = lives

    async def put(self, path: Path, recognition_id: str) -> None:
        """Copies a local file. Raises :class:`NotFound`, :class:`StorageUnavailable`."""
        await asyncio.to_thread(self._put, path, self.path(recognition_id))

    def path(self, recognition_id: str) -> Path:
        """Where the recording lies."""
        return self._folder / quote(self._process, safe="") / recognition_id

    async def remove(self, recognition_id: str) -> None:
        """Nobody needs it any more."""
        await asyncio.to_thread(self.path(recognition_id).unlink, missing_ok=True)

    async def sweep(self) -> None:
        """Removes what processes left behind that ended without a word."""
        await asyncio.to_thread(self._sweep)

    def _sweep(self) -> None:
        for folder in self._folder.glob("*"):
            name = unquote(folder.name)
            if name != self._process and not self._lives(name):
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Removes everything of this process."""
        shutil.rmtree(self.path("").absolute(), ignore_errors=True)

    @staticmethod
    def _put(source: Path, target: Path) -> None:
        if not source.is_file():
            raise NotFound("the uploaded file has gone", reason="upload_gone")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            target.unlink(missing_ok=True)
            raise StorageUnavailable(f"the recording cannot be stored: {error.strerror}", part="audio") from error
