"""Decodes recordings, a few at a time: begun while it is still being found out whether that is needed."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from domain.options import Channels
from services.threads import Threads
from speech.decode import Decoded, decode_to_wav

#: Files decoded at a time.
DECODERS = 2


class Decoder:
    """``work_dir`` holds the decoded sound for as long as somebody works with it."""

    def __init__(self, work_dir: Path, *, max_audio_seconds: float) -> None:
        self._work_dir = work_dir
        self._max_audio_seconds = max_audio_seconds
        self._threads = Threads(DECODERS, "decode")

    @asynccontextmanager
    async def of(self, path: Path, filename: str, channels: Channels) -> AsyncGenerator["Decoding"]:
        """One recording; when the block ends, what is not decoded yet is given up, and the rest removed."""
        with tempfile.TemporaryDirectory(dir=self._work_dir) as folder:
            decode = partial(
                decode_to_wav,
                path,
                Path(folder) / "audio.wav",
                max_seconds=self._max_audio_seconds,
                channels=channels,
                filename=filename,
            )
            decoding = Decoding(Path(folder), lambda: self._threads.run(lambda stop: decode(stop=stop)))
            try:
                yield decoding
            finally:
                await decoding.give_up()

    def close(self) -> None:
        """Ends the threads."""
        self._threads.close()


class Decoding:
    """One recording on its way to decoded sound."""

    def __init__(self, folder: Path, work: Callable[[], Coroutine[None, None, Decoded]]) -> None:
        """``folder`` holds what ``work`` makes, and nothing else."""
        self._folder = folder
        self._work = work
        self._task: asyncio.Task[Decoded] | None = None

    def begin(self) -> None:
        """Nobody has to wait for it: it may turn out to be known already."""
        self._task = self._task or asyncio.create_task(self._work())

    async def result(self) -> Decoded:
        """Raises as :func:`decode_to_wav`."""
        self.begin()
        assert self._task
        return await asyncio.shield(self._task)

    async def give_up(self) -> None:
        """Returns when its files are gone: whoever only waits keeps none of them. It can begin anew."""
        if self._task:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            # It may have ended just as it was given up.
            await asyncio.to_thread(self._empty)

    def _empty(self) -> None:
        for path in self._folder.iterdir():
            path.unlink()
