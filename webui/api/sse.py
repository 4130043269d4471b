"""Recognitions as server-sent events."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import Any

from starlette.responses import StreamingResponse

from domain.errors import SpeechError
from domain.recognition import Recognition
from webui.errors import error_json

#: A line without meaning, so that no proxy takes a quiet stream for a dead one.
_HEARTBEAT = ": still here\n\n"
HEARTBEAT_SECONDS = 15.0


def event(data: Any, name: str | None = None) -> str:
    """One event; ``data`` as JSON on one line."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n"


def stream(rows: AsyncIterator[Recognition], render: Callable[[Recognition], Iterable[str]]) -> StreamingResponse:
    """Each change of a recognition, rendered as events, with heartbeats between."""
    return StreamingResponse(
        _events(rows, render),
        media_type="text/event-stream",
        headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
    )


async def _events(
    rows: AsyncIterator[Recognition], render: Callable[[Recognition], Iterable[str]]
) -> AsyncIterator[str]:
    try:
        while True:
            following = asyncio.ensure_future(anext(rows, None))
            try:
                while not (await asyncio.wait({following}, timeout=HEARTBEAT_SECONDS))[0]:
                    yield _HEARTBEAT
            finally:
                # The reader may have gone: whoever follows must be woken, or it would wait for ever.
                if not following.done():
                    following.cancel()
                    with suppress(asyncio.CancelledError):
                        await following
            row = following.result()
            if row is None:
                return
            for text in render(row):
                yield text
    except SpeechError as error:  # the status has gone out: only an event can tell
        yield event({"error": error_json(error)}, "error")
    finally:
        await _close(rows)


async def first_of(rows: AsyncIterator[Recognition]) -> Recognition:
    """The state at this moment."""
    try:
        return await anext(rows)
    finally:
        await _close(rows)


async def _close(rows: AsyncIterator[Recognition]) -> None:
    if isinstance(rows, AsyncGenerator):
        await rows.aclose()
