"""Doing something again and again beside the main story."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from domain.errors import SpeechError

log = logging.getLogger(__name__)


async def every(seconds: float, action: Callable[[], Awaitable[Any]], *, first: bool = False) -> None:
    """Runs ``action`` every ``seconds`` until cancelled; ``first``: at once, too. A failure is logged, never final."""
    if not first:
        await asyncio.sleep(seconds)
    while True:
        try:
            await action()
        except SpeechError as error:
            log.warning("%s; tried again in %.0f s", error.message, seconds)
        except Exception:
            log.exception("a periodic task failed; tried again in %.0f s", seconds)
        await asyncio.sleep(seconds)


@asynccontextmanager
async def meanwhile(
    seconds: float, action: Callable[[], Awaitable[Any]], *, first: bool = False
) -> AsyncGenerator[None]:
    """Runs ``action`` every ``seconds`` for as long as the block lasts; ``first``: at once, too."""
    task = asyncio.create_task(every(seconds, action, first=first))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
