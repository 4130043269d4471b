"""Work that would hold up the event loop, in threads."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
#: Below this many segments a thread costs more than it saves.
MANY_SEGMENTS = 200


class Threads:
    """A few threads of one kind of long work, apart from the loop's own: those must stay free for short work."""

    def __init__(self, count: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(self, work: Callable[[threading.Event], T]) -> T:
        """Runs ``work``, which looks at its event often and ends when it is set.

        Cancelled, this returns only when the thread has let go of its files.
        """
        stop = threading.Event()
        job = self._executor.submit(work, stop)
        waiting = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            stop.set()
            if not job.cancel():
                await asyncio.wait([waiting])
                waiting.exception()  # it was cancelled: nobody else looks at what became of it
            raise

    def close(self) -> None:
        """Takes no more work; what runs ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)


async def off_loop(segments: int, work: Callable[[], T]) -> T:
    """Runs short work on ``segments`` segments: at once, or in a thread when they are many."""
    return await asyncio.to_thread(work) if segments > MANY_SEGMENTS else work()
