"""Where the recording of a row lies: in the audio store or, where no trace is to be left, in a folder until its end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from domain.audio_keys import audio_gone
from domain.ports import AudioStore
from domain.recognition import Recognition
from services.filenames import suffix_of
from services.traceless_sounds import TracelessSounds


class Sounds:
    """The recordings as recognitions need them."""

    def __init__(self, audio: AudioStore, traceless: TracelessSounds) -> None:
        self._audio = audio
        self._traceless = traceless

    async def receive(self, path: Path, row: Recognition) -> Recognition:
        """Takes a local file in; returns the row that refers to it. Raises :class:`StorageUnavailable`."""
        if row.no_trace:
            await self._traceless.put(path, row.id)
            return row
        return row.with_changes(audio_key=await self._audio.put_file(path, suffix=suffix_of(row.filename)))

    @asynccontextmanager
    async def local(self, row: Recognition) -> AsyncGenerator[Path]:
        """The recording as a local file, for as long as the block lasts. Raises :class:`NotFound`."""
        if row.no_trace:
            path = self._traceless.path(row.id)
            if not await asyncio.to_thread(path.exists):
                raise audio_gone()
            yield path
            return
        async with self._audio.local(audio_key(row)) as path:
            yield path

    async def check(self, row: Recognition) -> None:
        """Raises :class:`NotFound` where the recording of a row has gone."""
        if not await self._audio.exists(audio_key(row)):
            raise audio_gone()

    async def refuse(self, row: Recognition) -> None:
        """What was received belongs to no row."""
        await self.end(row)
        if row.audio_key:
            await self._audio.delete([row.audio_key])

    async def end(self, row: Recognition) -> None:
        """The row has its text, or never will: what leaves no trace goes."""
        if row.no_trace:
            await asyncio.shield(self._traceless.remove(row.id))

    def close(self) -> None:
        """Removes what leaves no trace, whatever becomes of its rows."""
        self._traceless.close()


def audio_key(row: Recognition) -> str:
    """Where the recording lies in the store. Raises :class:`NotFound`."""
    if row.audio_key is None:
        raise audio_gone()
    return row.audio_key
