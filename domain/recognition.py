"""One recognition: the row that everything else is about.

    queued ──► running(owner, attempt) ──► succeeded | failed | cancelled

The attempt is the fence: who finishes a row must name the attempt it claimed, and loses quietly when somebody else
claimed it since. An interactive row is born ``running``, a batch row ``queued``, a cache hit ``succeeded``.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from domain.corrections import Correction
from domain.options import RecognitionOptions
from domain.plain import as_number, as_object, as_whole
from domain.transcript import Segment, Transcript


class Status(StrEnum):
    """Where a recognition stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Nothing changes a row in this state any more."""
        return self in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


class CacheOutcome(StrEnum):
    """How the answer came; the badge."""

    MISS = "miss"
    HIT = "hit"
    SHARED = "shared"


class Source(StrEnum):
    """Through which door the recording came."""

    WEB = "web"
    API = "api"
    CLI = "cli"
    BATCH = "batch"
    LIVE = "live"
    IMPORT = "import"  # recognised by the original WebUI, before there was this program


class Stage(StrEnum):
    """What a running recognition is doing; shown as a sentence."""

    RECEIVED = "received"
    IDENTIFYING = "identifying"
    DECODING = "decoding"
    WAITING_MODEL = "waiting_model"  # the node is still loading it
    WAITING_NODE = "waiting_node"  # no node can serve at the moment; the next three say why where all have one reason
    NODES_DRAINING = "nodes_draining"
    NODES_QUARANTINED = "nodes_quarantined"
    NODES_UNREACHABLE = "nodes_unreachable"
    QUEUED = "queued"
    JOINED = "joined"  # waits for the same recording, asked for by somebody else
    RECOGNISING = "recognising"


#: It waits for a node, and none can take it.
WITHOUT_NODE = frozenset({Stage.WAITING_NODE, Stage.NODES_DRAINING, Stage.NODES_QUARANTINED, Stage.NODES_UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running recognition is. ``segments`` are those recognised so far, in order.

    ``parts``: into how many a long recording was divided, of which ``parts_done`` are done; 0: it was not.
    """

    stage: Stage = Stage.RECEIVED
    ahead: int = 0
    expected_wait_seconds: float | None = None
    segment: int = 0
    of: int = 0
    remaining_seconds: float | None = None
    segments: tuple[Segment, ...] = ()
    parts: int = 0
    parts_done: int = 0

    def to_json(self, *, with_segments: bool = True) -> dict[str, Any]:
        """Plain data, as the row keeps it and the API shows it."""
        segments = {"segments": [segment.to_json() for segment in self.segments]} if with_segments else {}
        return {
            "stage": self.stage.value,
            "ahead": self.ahead,
            "expected_wait_seconds": self.expected_wait_seconds,
            "segment": self.segment,
            "of": self.of,
            "remaining_seconds": self.remaining_seconds,
            "parts": self.parts,
            "parts_done": self.parts_done,
            **segments,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> Self:
        """The inverse of :meth:`to_json`; ``None`` is the beginning. Raises as :meth:`AudioInfo.from_json`."""
        data = {} if data is None else as_object(data)
        return cls(
            Stage(data.get("stage", "received")),
            as_whole(data.get("ahead") or 0),
            data.get("expected_wait_seconds"),
            as_whole(data.get("segment") or 0),
            as_whole(data.get("of") or 0),
            data.get("remaining_seconds"),
            tuple(Segment.from_json(item) for item in data.get("segments") or ()),
            as_whole(data.get("parts") or 0),
            as_whole(data.get("parts_done") or 0),
        )


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What the file is, as the page shows it (8 kHz, stereo, 12:34)."""

    container: str = ""
    codec: str = ""
    sample_rate: int = 0
    channels: int = 0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "container": self.container,
            "codec": self.codec,
            "sample_rate": self.sample_rate,
            "channels": self.channels,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> Self:
        """The inverse of :meth:`to_json`; ``None`` is nothing known.

        Raises ``KeyError``, ``TypeError`` or ``ValueError`` on garbage.
        """
        data = {} if data is None else as_object(data)
        return cls(
            str(data.get("container") or ""),
            str(data.get("codec") or ""),
            as_whole(data.get("sample_rate") or 0),
            as_whole(data.get("channels") or 0),
            as_number(data.get("seconds") or 0.0),
        )


@dataclass(frozen=True, slots=True)
class Hold:
    """保留: somebody wants a recording kept past its time, and why."""

    reason: str
    user: str
    at: datetime

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"reason": self.reason, "user": self.user, "at": self.at.isoformat()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises as :meth:`AudioInfo.from_json`."""
        data = as_object(data)
        return cls(str(data["reason"]), str(data["user"]), datetime.fromisoformat(data["at"]))


def utc_now() -> datetime:
    """The present, with its time zone."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Recognition:
    """One row of the history. Times are UTC; ``elapsed_ms`` is measured on the monotonic clock of its owner."""

    id: str
    user: str
    source: Source
    filename: str
    options: RecognitionOptions
    status: Status = Status.QUEUED
    attempt: int = 0
    owner: str | None = None
    #: Where the recording lies in the audio store; ``None`` when it has gone.
    audio_key: str | None = None
    audio: AudioInfo = field(default_factory=AudioInfo)
    transcript: Transcript = field(default_factory=Transcript)
    progress: Progress = field(default_factory=Progress)
    cache: CacheOutcome | None = None
    #: When the cached result that answered was made; ``None`` on a miss.
    cached_at: datetime | None = None
    #: Whether the cache may answer: 重新识别 sets it to False.
    use_cache: bool = True
    node: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    elapsed_ms: int | None = None
    #: Time the node itself spent, without waiting; ``None`` on a hit.
    node_ms: int | None = None
    created_at: datetime = field(default_factory=utc_now)
    finished_at: datetime | None = None
    error: dict[str, Any] | None = None
    #: People's names for who speaks, by ``channel0``, ``channel1``, ``speaker1``, …; the others have default names.
    labels: dict[str, str] = field(default_factory=dict)
    #: What people wrote over segments, oldest first; ``transcript`` has the newest of each.
    corrections: tuple[Correction, ...] = ()
    #: The id of the first of the rows that are versions of one another; ``None`` for that one.
    version_of: str | None = None
    #: Which of them it is, from 1, for good: a number is given once, also where its version was deleted.
    version: int = 1
    #: What the recording is called in the cache (``speech.identity``); ``None`` while nobody has looked into it.
    audio_id: str | None = None
    #: Keeps recording and row past their time.
    hold: Hold | None = None
    #: 不留痕: neither row, recording nor result is kept anywhere; no store has such a row.
    no_trace: bool = False

    @property
    def text(self) -> str:
        """The text to show, corrected: written with ITN on, else spoken."""
        return self.transcript.text(self.options.itn)

    @property
    def language(self) -> str | None:
        """The language that was heard, else the one that was asked for; ``None`` where neither is known."""
        known = (code for code in (self.transcript.language, self.options.language) if code != "auto")
        return next(known, None)

    @property
    def real_time_speed(self) -> float | None:
        """Seconds of sound recognised in a second of node time (21.0 = "21× 实时")."""
        return self.audio.seconds / (self.node_ms / 1000) if self.node_ms else None

    def to_json(self, *, with_segments: bool = True) -> dict[str, Any]:
        """The JSON of a recognition, everywhere the same (DESIGN: "The outside"); lists leave the segments out."""
        segments = {"segments": [segment.to_json() for segment in self.transcript.segments]} if with_segments else {}
        # Nothing heard is an empty text; nothing heard yet is none.
        is_made = self.status is Status.SUCCEEDED or bool(self.transcript.segments)
        return {
            "id": self.id,
            "status": self.status.value,
            "text": self.text,
            "raw_text": self.transcript.raw_text if is_made else None,
            "normalized_text": self.transcript.normalized_text if is_made else None,
            "language": self.language,
            **segments,
            "labels": dict(self.labels),
            "corrections": [correction.to_json() for correction in self.corrections],
            "version_of": self.version_of,
            "version": self.version,
            "hold": self.hold.to_json() if self.hold else None,
            "no_trace": self.no_trace,
            "warnings": list(self.transcript.warnings),
            "cache": self.cache.value if self.cache else None,
            "cached_at": self.cached_at.isoformat() if self.cached_at else None,
            "node": self.node,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "audio_seconds": self.audio.seconds,
            "audio": self.audio.to_json(),
            "elapsed_ms": self.elapsed_ms,
            "node_ms": self.node_ms,
            "created_at": self.created_at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
            "filename": self.filename,
            "user": self.user,
            "source": self.source.value,
            "attempt": self.attempt,
            "options": self.options.to_json(),
            "progress": None if self.status.is_final else self.progress.to_json(with_segments=with_segments),
            "error": self.error,
        }

    def with_changes(self, **changes: Any) -> Self:
        """A copy with some fields replaced."""
        return replace(self, **changes)
