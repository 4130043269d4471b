"""The parts of one sound that are recognised already: a run that was cut short goes on from them."""

from dataclasses import dataclass
from typing import Any

from domain.cache_keys import part_key, speech_key
from domain.node import NodeResult
from domain.parts import Detection, Part
from domain.ports import ResultCache
from domain.recognition import Recognition
from services.dispatch import Answer
from services.known_audio import Question
from services.threads import off_loop

#: Parts are of use until their recording is done; a day later somebody else's server has done it.
PART_TTL_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class KnownParts:
    """Those of one sound, by what was asked.

    A row that the cache may not answer (重新识别) finds its own parts only, and one that leaves no trace none.
    """

    cache: ResultCache
    row: Recognition
    question: Question
    channel: int | None
    ttl_seconds: float = PART_TTL_SECONDS

    async def detection(self) -> Answer[Detection] | None:
        """Where somebody speaks in the sound, whichever node said so."""
        value = await self._get(self._speech_key())
        try:
            return None if value is None else Answer(Detection.from_json(value), "")
        except (KeyError, TypeError, ValueError):
            return None

    async def keep_detection(self, detection: Detection) -> None:
        """Keeps it for the next try."""
        await self._put(self._speech_key(), detection.to_json(), detection.fingerprint)

    async def part(self, part: Part, noise_db: float) -> Answer[NodeResult] | None:
        """What was recognised of this part, in times of the whole."""
        value = await self._get(self._part_key(part, noise_db))
        try:
            if value is None:
                return None
            result = await off_loop(len(part.places), lambda: NodeResult.from_json(value["result"]))
            return Answer(result, str(value["node"]))
        except (KeyError, TypeError, ValueError):
            return None

    async def keep_part(self, part: Part, noise_db: float, answer: Answer[NodeResult]) -> None:
        """Keeps it for the next try."""
        value = {"result": answer.result.to_json(), "node": answer.node_name}
        await self._put(self._part_key(part, noise_db), value, answer.result.fingerprint)

    @property
    def _sound(self) -> str:
        own = "" if self.row.use_cache else self.row.id
        return f"{self.row.audio_id}:{self.channel}:{own}"

    def _speech_key(self) -> str:
        asked = self.question
        return speech_key(asked.model, asked.fingerprint, asked.options.vad, self._sound, asked.user)

    def _part_key(self, part: Part, noise_db: float) -> str:
        asked = self.question
        return part_key(
            asked.model,
            asked.fingerprint,
            asked.options,
            self._sound,
            asked.track,
            asked.user,
            part.places,
            noise_db,
        )

    async def _get(self, key: str) -> dict[str, Any] | None:
        if self.row.no_trace or not self.question.fingerprint:
            return None
        entry = await self.cache.get(key)
        return entry.value if entry else None

    async def _put(self, key: str, value: dict[str, Any], fingerprint: str) -> None:
        # Nothing of a model that is not the expected one is kept, nor where nobody knows which that is.
        if not self.row.no_trace and fingerprint and fingerprint == self.question.fingerprint:
            of = self.row.audio_id or ""
            await self.cache.put(key, value, ttl_seconds=self.ttl_seconds, of=of)
