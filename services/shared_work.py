"""Identical work under way is done once: who leads it does it, and the others read what it left in the cache."""

import asyncio
from collections.abc import Awaitable, Callable

from domain.ports import Flight
from domain.recognition import CacheOutcome, Progress, Recognition, Stage
from services.known_audio import KnownAudio, Question
from services.periodic import meanwhile
from services.results import answered
from services.runner import Report

#: A leader says this often that it lives; after 15 s of silence a waiter leads.
RENEW_SECONDS = 5.0
#: Who waits looks into the cache this often, whatever he hears of the leader.
WAIT_SECONDS = 5.0


class SharedWork:
    """The flight, with the cache that its results are left in."""

    def __init__(self, known: KnownAudio, flight: Flight) -> None:
        self._known = known
        self._flight = flight

    async def answer(
        self,
        row: Recognition,
        audio_id: str,
        question: Question,
        report: Report,
        recognise: Callable[[], Awaitable[Recognition]],
        *,
        on_joined: Callable[[], Awaitable[None]],
    ) -> Recognition:
        """The row, finished by the cache or by whoever leads; by ``recognise`` where nobody does, or he died.

        ``on_joined`` is called before it waits for who leads.
        """
        key, token = question.key(audio_id), f"{row.id}:{row.attempt}"
        outcome = CacheOutcome.HIT
        while True:
            if found := await self._find(row, audio_id, question, outcome):
                return found
            if await self._flight.lead(key, token):
                break
            outcome = CacheOutcome.SHARED
            await report(Progress(Stage.JOINED))
            await on_joined()
            await self._flight.wait(key, WAIT_SECONDS)
        try:
            async with meanwhile(RENEW_SECONDS, lambda: self._flight.lead(key, token)):
                # The leader before may have landed since the last look.
                if found := await self._find(row, audio_id, question, outcome):
                    return found
                self._known.count(CacheOutcome.MISS)
                return await recognise()
        finally:
            await asyncio.shield(self._flight.land(key, token))

    async def answer_alone(
        self, row: Recognition, audio_id: str, question: Question, recognise: Callable[[], Awaitable[Recognition]]
    ) -> Recognition:
        """As ``answer``, without a word to others: what is made is kept nowhere, and they would wait for it."""
        if found := await self._find(row, audio_id, question, CacheOutcome.HIT):
            return found
        self._known.count(CacheOutcome.MISS)
        return await recognise()

    async def _find(
        self, row: Recognition, audio_id: str, question: Question, outcome: CacheOutcome
    ) -> Recognition | None:
        result = await self._known.find(audio_id, question) if question.fingerprint else None
        if result is None and outcome is CacheOutcome.SHARED:
            # Without a cache (it is away, or full) they would recognise it one after the other.
            result = self._known.fresh(audio_id, question)
        if result is None:
            return None
        self._known.count(outcome, result)
        return await answered(row, result, outcome)
