"""Which recording a file is, and what is already known of it.

Three digests, cheapest first (``speech.identity``); the first that the cache knows names the recording. A result found
is the model's own output: the ITN rules run on reading.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from domain.cache_keys import alias_key, result_key
from domain.options import RecognitionOptions
from domain.ports import Observer, ResultCache
from domain.recognition import AudioInfo, CacheOutcome
from domain.transcript import ModelOutput, Track
from services.threads import Threads, off_loop
from speech.identity import file_digest, packet_digest, sample_digest

#: Aliases live longer than results: they cost little, and a new model's results hang on them too.
ALIAS_TTL_FACTOR = 4
#: Recordings whose packets or samples are digested at a time.
DIGESTERS = 2


@dataclass(frozen=True, slots=True)
class KnownResult:
    """A result that was found in the cache."""

    output: ModelOutput
    audio: AudioInfo
    node: str
    model: str
    fingerprint: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """What a result depends on, besides the recording."""

    model: str
    fingerprint: str
    options: RecognitionOptions
    track: Track

    def key(self, audio_id: str) -> str:
        """The cache key of the answer for this recording."""
        return result_key(self.model, self.fingerprint, self.options, audio_id, self.track)


class KnownAudio:
    """Identity and cached results of recordings."""

    def __init__(self, cache: ResultCache, observer: Observer, *, ttl_seconds: float) -> None:
        self._cache = cache
        self._observer = observer
        self._ttl_seconds = ttl_seconds
        self._threads = Threads(DIGESTERS, "digest")
        #: Outcomes since this process started.
        self.tally: Counter[CacheOutcome] = Counter()

    def count(self, outcome: CacheOutcome) -> None:
        """Notes how an answer came."""
        self.tally[outcome] += 1
        self._observer.count("asr_cache_lookups_total", outcome=outcome.value)

    @property
    def hit_rate(self) -> float | None:
        """Share of the answers that needed no recognition; ``None`` before the first."""
        total = self.tally.total()
        return 1 - self.tally[CacheOutcome.MISS] / total if total else None

    async def recall(self, path: Path) -> str | None:
        """The audio id of a file that was seen before, byte by byte the same; the cheapest question."""
        return await self._alias(await asyncio.to_thread(file_digest, path))

    async def identify(self, path: Path) -> str:
        """The audio id of a file; remembers every digest that was computed on the way."""
        digests: list[str] = []
        steps: tuple[Callable[[], Awaitable[str | None]], ...] = (
            lambda: asyncio.to_thread(file_digest, path),
            lambda: self._threads.run(lambda stop: packet_digest(path, stop=stop)),
            lambda: self._threads.run(lambda stop: sample_digest(path, stop=stop)),
        )
        audio_id: str | None = None
        for step in steps:
            digest = await step()
            if digest is None:
                continue
            digests.append(digest)
            audio_id = await self._alias(digest)
            if audio_id:
                break
        known = audio_id or digests[-1]
        for digest in digests if audio_id is None else digests[:-1]:
            await self._cache.put(
                alias_key(digest), {"audio_id": known}, ttl_seconds=self._ttl_seconds * ALIAS_TTL_FACTOR
            )
        return known

    async def find(self, audio_id: str, question: Question) -> KnownResult | None:
        """The cached answer, or ``None``."""
        entry = await self._cache.get(question.key(audio_id))
        if entry is None:
            return None
        try:
            value = entry.value
            segments = len(value["output"]["segments"])
            return KnownResult(
                await off_loop(segments, lambda: ModelOutput.from_json(value["output"])),
                AudioInfo.from_json(value["audio"]),
                str(value["node"]),
                question.model,
                question.fingerprint,
                datetime.fromtimestamp(entry.stored_at, UTC),
            )
        except (KeyError, TypeError, ValueError):
            self._observer.count("asr_cache_lookups_total", outcome="error")
            await self._cache.delete([question.key(audio_id)])
            return None

    async def keep(self, audio_id: str, question: Question, output: ModelOutput, audio: AudioInfo, node: str) -> None:
        """Stores an answer for the next one who asks."""
        written = await off_loop(len(output.segments), output.to_json)
        value = {"output": written, "audio": audio.to_json(), "node": node}
        await self._cache.put(question.key(audio_id), value, ttl_seconds=self._ttl_seconds)

    def close(self) -> None:
        """Ends the digest threads."""
        self._threads.close()

    async def _alias(self, digest: str) -> str | None:
        entry = await self._cache.get(alias_key(digest))
        audio_id = entry.value.get("audio_id") if entry else None
        return audio_id if isinstance(audio_id, str) else None
