"""From what nodes and cache gave to what people see."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate

from domain.recognition import AudioInfo, CacheOutcome, Recognition, Status
from domain.transcript import Doubt, ModelOutput, Segment, Transcript, assemble, join_texts
from services.known_audio import KnownRefusal, KnownResult
from services.threads import off_loop
from speech.itn import to_written


def transcript_of(output: ModelOutput) -> Transcript:
    """Both tracks of a model's output, as far as one decode gives them."""
    return assemble(output, partial(to_written, language=output.language))


async def answered(row: Recognition, result: KnownResult, outcome: CacheOutcome) -> Recognition:
    """The row, finished by a cached result."""
    return row.with_changes(
        status=Status.SUCCEEDED,
        transcript=await _transcript(result.output),
        audio=result.audio,
        cache=outcome,
        cached_at=result.made_at,
        node=result.node or None,
        model=result.model,
        fingerprint=result.fingerprint,
    )


def refused(row: Recognition, known: KnownRefusal) -> Recognition:
    """The row, ended by what is known of its file: it holds no sound."""
    return row.with_changes(
        status=Status.FAILED,
        error=known.error,
        cache=CacheOutcome.HIT,
        cached_at=known.made_at,
        audio_id=known.audio_id,
    )


async def finished(row: Recognition, output: ModelOutput, audio: AudioInfo) -> Recognition:
    """The row, finished by a model's output."""
    return row.with_changes(
        status=Status.SUCCEEDED,
        transcript=await _transcript(output),
        audio=audio,
        cache=CacheOutcome.MISS,
    )


async def _transcript(output: ModelOutput) -> Transcript:
    return await off_loop(len(output.segments), lambda: transcript_of(output))


def with_spoken_track(row: Recognition, spoken: Transcript) -> Recognition:
    """The row's segments with the spoken text of the same stretches, suspect where either decode was.

    Two decodes may divide a stretch between two speakers at different words: a text goes to the segment of its channel
    that holds most of it.
    """
    old = row.transcript.segments
    texts: list[list[str]] = [[] for _ in old]
    doubts: list[Doubt | None] = [segment.suspect for segment in old]
    places = {(s.start_ms, s.end_ms, s.channel): number for number, s in enumerate(old)}
    stretches = {channel: _Stretches(old, channel) for channel in {s.channel for s in old}}
    for heard in spoken.segments:
        place = places.get((heard.start_ms, heard.end_ms, heard.channel))
        if place is None and heard.channel in stretches:
            place = stretches[heard.channel].sharing_most(heard)
        if place is not None and heard.raw_text is not None:
            texts[place].append(heard.raw_text)
            doubts[place] = doubts[place] or heard.suspect
    segments = tuple(
        replace(s, raw_text=join_texts(parts) if parts else None, suspect=doubt)
        for s, parts, doubt in zip(old, texts, doubts, strict=True)
    )
    warnings = dict.fromkeys((*row.transcript.warnings, *(("suspect",) if any(doubts) else ())))
    return row.with_changes(transcript=Transcript(segments, row.transcript.language, tuple(warnings)))


class _Stretches:
    """The segments of one channel, by time: a long call has thousands, and each heard one looks at its neighbours."""

    def __init__(self, segments: Sequence[Segment], channel: int | None) -> None:
        numbered = [(s.start_ms, number, s.end_ms) for number, s in enumerate(segments) if s.channel == channel]
        self._sorted = sorted(numbered)
        self._starts = [start for start, _, _ in self._sorted]
        self._latest_ends = list(accumulate((end for _, _, end in self._sorted), max))

    def sharing_most(self, heard: Segment) -> int | None:
        """The number of the segment that shares most time with ``heard``; ``None`` where none shares any."""
        first = bisect_right(self._latest_ends, heard.start_ms)
        last = bisect_left(self._starts, heard.end_ms)
        shared = [
            (min(end, heard.end_ms) - max(start, heard.start_ms), -number)
            for start, number, end in self._sorted[first:last]
        ]
        most, number = max(shared, default=(0, 0))
        return -number if most > 0 else None
