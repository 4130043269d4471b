"""Which recording a file is, and what is already known of it.

Three digests, cheapest first (``speech.identity``); the first that the cache knows names the recording. A result found
is the model's own output: the ITN rules run on reading. That there is nothing to hear (no speech, or no sound in the
file) is kept too, for a shorter time, so that junk costs a node or a decoder once.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from domain.cache_keys import alias_key, result_key
from domain.errors import BadAudio
from domain.options import RecognitionOptions
from domain.plain import as_object, as_whole
from domain.ports import CacheEntry, Observer, ResultCache
from domain.recognition import AudioInfo, CacheOutcome
from domain.transcript import ModelOutput, Track
from services.threads import Threads, off_loop
from services.upload_digests import UploadDigests
from speech.identity import content_digests

#: Aliases live longer than results: they cost little, and a new model's results hang on them too.
ALIAS_TTL_FACTOR = 4
#: Results that this process made last are handed to those who waited for them here, whatever became of the cache.
FRESH_SECONDS, FRESH_RESULTS = 60.0, 16
#: Recordings that are remembered because the cache was away when they were to be forgotten; and how often that is tried
#: again, in seconds.
MAX_TO_FORGET, FORGET_SECONDS = 10_000, 10.0
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
    #: Time the node spent on it, which whoever finds it saves; 0 where no node was asked.
    node_ms: int = 0

    @property
    def is_negative(self) -> bool:
        """Whether nobody says anything in it."""
        return not _has_text(self.output)


@dataclass(frozen=True, slots=True)
class KnownRefusal:
    """The file was given before and holds no sound; ``error`` as in the row."""

    error: dict[str, Any]
    made_at: datetime
    #: What the entry is about, so that it can be forgotten.
    audio_id: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a result depends on, besides the recording."""

    model: str
    fingerprint: str
    options: RecognitionOptions
    track: Track
    #: Whose results may answer; empty: everybody's.
    user: str = ""

    def key(self, audio_id: str) -> str:
        """The cache key of the answer for this recording."""
        return result_key(self.model, self.fingerprint, self.options, audio_id, self.track, self.user)


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A result that was made here a moment ago."""

    audio_id: str
    result: KnownResult
    made_at: float = field(default_factory=time.monotonic)


class KnownAudio:
    """Identity and cached results of recordings."""

    def __init__(
        self,
        cache: ResultCache,
        observer: Observer,
        *,
        ttl_seconds: float,
        negative_ttl_seconds: float,
        per_user: bool = False,
    ) -> None:
        """``per_user``: nobody's result answers somebody else, who would learn by it that the recording is known."""
        self._cache = cache
        self._observer = observer
        self._ttl_seconds = ttl_seconds
        self._negative_ttl_seconds = min(ttl_seconds, negative_ttl_seconds)
        self._per_user = per_user
        self._threads = Threads(DIGESTERS, "digest")
        self.uploads = UploadDigests()
        #: Outcomes since this process started, and node time that was saved since.
        self.tally: Counter[CacheOutcome] = Counter()
        self._fresh: dict[str, _Fresh] = {}
        self._to_forget: dict[str, None] = {}
        self.saved_seconds = 0.0

    def count(self, outcome: CacheOutcome, answer: KnownResult | KnownRefusal | None = None) -> None:
        """Notes how an answer came, and which it was unless it was made now."""
        self.tally[outcome] += 1
        is_negative = isinstance(answer, KnownRefusal) or (answer is not None and answer.is_negative)
        name = "negative" if is_negative and outcome is CacheOutcome.HIT else outcome.value
        self._observer.count("asr_cache_lookups_total", outcome=name)
        if isinstance(answer, KnownResult):
            self.saved_seconds += answer.node_ms / 1000
            self._observer.count("asr_cache_saved_seconds_total", answer.node_ms / 1000)

    @property
    def hit_rate(self) -> float | None:
        """Share of the answers that needed no recognition; ``None`` before the first."""
        total = self.tally.total()
        return 1 - self.tally[CacheOutcome.MISS] / total if total else None

    def asked_by(self, user: str, question: Question) -> Question:
        """The question, of this user alone where results are not shared."""
        return replace(question, user=self._owner(user))

    async def recall(self, path: Path, *, filename: str = "", user: str = "") -> str | KnownRefusal | None:
        """The audio id of a file that was seen before, byte by byte the same; the cheapest question.

        Or that it holds no sound: what is said of that depends on the ending of its ``filename``, too.
        """
        entry = await self._cache.get(alias_key(await self.uploads.of(path)))
        if entry and "error" in entry.value:
            return self._refusal(entry, filename, user)
        return _audio_id(entry)

    async def refuse(
        self, path: Path, error: BadAudio, *, filename: str, user: str, audio_id: str | None = None
    ) -> str:
        """Remembers that the file holds no sound, in place of its alias; returns what it is called in the cache.

        That is its ``audio_id`` where it was identified before, else the digest of the file.
        """
        digest = await self.uploads.of(path)
        of = audio_id or digest
        value = {"error": error.to_json(), "suffix": _suffix(filename), "user": self._owner(user), "of": of}
        await self._cache.put(alias_key(digest), value, ttl_seconds=self._negative_ttl_seconds, of=of)
        return of

    async def identify(
        self,
        path: Path,
        *,
        filename: str = "",
        remember: bool = True,
        on_new: Callable[[], None] = lambda: None,
    ) -> str:
        """The audio id of a file; remembers every digest that was computed on the way, unless told not to.

        ``on_new`` is called as soon as its bytes are found to be none that were seen before. Raises :class:`BadAudio`
        where it cannot be opened as sound; ``filename`` is the visitor's name for it.
        """
        digests: list[str] = []
        audio_id: str | None = None
        async for digest in self._digests(path, filename):
            digests.append(digest)
            audio_id = await self._alias(digest)
            if audio_id:
                break
            on_new()
        known = audio_id or digests[-1]
        new = digests if audio_id is None else digests[:-1]
        alias, ttl_seconds = {"audio_id": known}, self._ttl_seconds * ALIAS_TTL_FACTOR
        if remember:
            puts = (self._cache.put(alias_key(one), alias, ttl_seconds=ttl_seconds, of=known) for one in new)
            await asyncio.gather(*puts)
        return known

    async def _digests(self, path: Path, filename: str) -> AsyncIterator[str]:
        """Cheapest first; what nobody asks for is not made."""
        yield await self.uploads.of(path)
        contents = await self._threads.run(lambda stop: content_digests(path, filename, stop=stop))
        if contents.packets:
            yield contents.packets
        if contents.hides_samples:
            contents = await self._threads.run(lambda stop: content_digests(path, filename, decode=True, stop=stop))
        if contents.samples:
            yield contents.samples

    async def find(self, audio_id: str, question: Question) -> KnownResult | None:
        """The cached answer, or ``None``."""
        entry = await self._cache.get(question.key(audio_id))
        if entry is None:
            return None
        try:
            value = entry.value
            segments = len(value["output"]["segments"])
            return KnownResult(
                # Reading a segment takes microseconds: a thread pays off later than for work on its text.
                await off_loop(segments // 4, lambda: ModelOutput.from_json(value["output"])),
                AudioInfo.from_json(value["audio"]),
                str(value["node"]),
                question.model,
                question.fingerprint,
                datetime.fromtimestamp(entry.stored_at, UTC),
                as_whole(value.get("node_ms") or 0),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            self._observer.count("asr_cache_lookups_total", outcome="error")
            await self._cache.delete([question.key(audio_id)])
            return None

    async def keep(
        self,
        audio_id: str,
        question: Question,
        output: ModelOutput,
        audio: AudioInfo,
        *,
        node: str = "",
        node_ms: int = 0,
    ) -> None:
        """Stores an answer for the next one who asks."""
        written = await off_loop(len(output.segments), output.to_json)
        value = {"output": written, "audio": audio.to_json(), "node": node, "node_ms": node_ms}
        ttl_seconds = self._ttl_seconds if _has_text(output) else self._negative_ttl_seconds
        key, now = question.key(audio_id), datetime.now(UTC)
        await self._cache.put(key, value, ttl_seconds=ttl_seconds, of=audio_id)
        result = KnownResult(output, audio, node, question.model, question.fingerprint, now, node_ms)
        self._fresh.pop(key, None)
        self._fresh[key] = _Fresh(audio_id, result)
        if len(self._fresh) > FRESH_RESULTS:
            del self._fresh[next(iter(self._fresh))]

    def fresh(self, audio_id: str, question: Question) -> KnownResult | None:
        """What was recognised here a moment ago: for those who waited for it, and nobody else."""
        fresh = self._fresh.get(question.key(audio_id))
        return fresh.result if fresh and time.monotonic() - fresh.made_at < FRESH_SECONDS else None

    async def forget(self, audio_ids: Collection[str] = ()) -> None:
        """Removes all that is known of recordings that nobody refers to any more, whoever asked for it.

        What a cache that is away could not forget is tried again at the next call. This process remembers it, and not
        without end: what it loses goes when its time is over.
        """
        for key in [key for key, fresh in self._fresh.items() if fresh.audio_id in audio_ids]:
            del self._fresh[key]
        wanted = dict.fromkeys((*self._to_forget, *audio_ids))
        self._to_forget = {}
        if wanted and not await self._cache.forget(list(wanted)):
            self._to_forget = dict.fromkeys([*self._to_forget, *wanted][:MAX_TO_FORGET])

    def close(self) -> None:
        """Ends the digest threads."""
        self._threads.close()

    async def _alias(self, digest: str) -> str | None:
        return _audio_id(await self._cache.get(alias_key(digest)))

    def _owner(self, user: str) -> str:
        return user if self._per_user else ""

    def _refusal(self, entry: CacheEntry, filename: str, user: str) -> KnownRefusal | None:
        try:
            asked, error = (_suffix(filename), self._owner(user)), as_object(entry.value["error"])
            if (entry.value["suffix"], entry.value["user"]) != asked or error["code"] != BadAudio.code:
                return None
            error = BadAudio(str(error["message"]), **as_object(error["details"])).to_json()
            return KnownRefusal(error, datetime.fromtimestamp(entry.stored_at, UTC), str(entry.value["of"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return None


def _audio_id(entry: CacheEntry | None) -> str | None:
    audio_id = entry.value.get("audio_id") if entry else None
    return audio_id if isinstance(audio_id, str) else None


def _has_text(output: ModelOutput) -> bool:
    return any(segment.text for segment in output.segments)


def _suffix(filename: str) -> str:
    return PurePath(filename).suffix.lower()
