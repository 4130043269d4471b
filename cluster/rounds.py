"""Work that is done in rounds, one after the other: whoever asks while one is under way shares the next."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

_log = logging.getLogger(__name__)


class Rounds:
    """Does ``work`` when it is stirred, and ``pause()`` seconds after the last time; ``None``: not by itself."""

    def __init__(self, work: Callable[[], Awaitable[None]], pause: Callable[[], float | None]) -> None:
        self._work = work
        self._pause = pause
        self._stirred = asyncio.Event()
        self._asked: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def stir(self) -> None:
        """A round shall begin soon."""
        self._stirred.set()
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(self._run(), name="rounds")

    async def whole(self) -> None:
        """Returns after a round that begins from now on; at once where nothing is done any more."""
        if self._closed:
            return
        end = asyncio.get_running_loop().create_future()
        self._asked.append(end)
        self.stir()
        await end

    async def close(self) -> None:
        """Ends the round under way; whoever asked for one waits no longer."""
        self._closed = True
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._answer(self._asked)

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._stirred.wait()
            self._stirred.clear()
            asked, self._asked = self._asked, []
            try:
                await self._work()
            except Exception:  # whoever waits would wait for ever
                _log.exception("a round failed; the next one comes")
            finally:
                self._answer(asked)

    def _answer(self, asked: list[asyncio.Future[None]]) -> None:
        for end in asked:
            if not end.done():
                end.set_result(None)
