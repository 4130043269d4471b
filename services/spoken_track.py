"""The spoken track of a model that writes by itself: a second decode, made when somebody asks for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from domain.ids import new_id
from domain.recognition import Recognition, Status
from services.results import with_spoken_track
from services.threads import off_loop


class SpokenTracks:
    """Second decodes, each cached as its own entry."""

    def __init__(self, recognise: Callable[[Recognition], Awaitable[Recognition]]) -> None:
        """``recognise``: recognises the recording of a row as its options say, without recording it."""
        self._recognise = recognise
        self._under_way: dict[str, asyncio.Task[Recognition]] = {}

    async def of(self, row: Recognition) -> Recognition:
        """The row with its spoken track too, as far as it can be made. Raises what recognising does."""
        if row.transcript.raw_text is not None or row.status is not Status.SUCCEEDED:
            return row
        # Like every recognition it outlives whoever asks, and who asks again joins it.
        task = self._under_way.get(row.id)
        if task is None:
            task = asyncio.create_task(self._second_decode(row))
            self._under_way[row.id] = task
            task.add_done_callback(lambda _: self._under_way.pop(row.id, None))
        spoken = (await asyncio.shield(task)).transcript
        return await off_loop(len(row.transcript.segments), lambda: with_spoken_track(row, spoken))

    async def _second_decode(self, row: Recognition) -> Recognition:
        options = replace(row.options, itn=False)
        return await self._recognise(row.with_changes(id=new_id(), options=options, use_cache=True))
