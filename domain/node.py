"""Recognition nodes: what an operator wants of them, what is seen of them, and what is sent to them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from domain.foreign_app import ForeignApp
from domain.options import RecognitionOptions
from domain.plain import as_number, as_object, as_whole
from domain.presets import Capabilities
from domain.transcript import ModelOutput, ModelSegment, Track

#: The request header that carries the secret shared by web UI and nodes.
TOKEN_HEADER = "x-asr-node-token"


class Health(StrEnum):
    """What a node says of itself."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    FAILED = "failed"  # its model cannot be loaded; ``NodeReport.error`` says why


class Availability(StrEnum):
    """Whether the cluster may use a node now, and if not, why."""

    READY = "ready"
    BUSY = "busy"  # every slot is taken: alive and well
    LOADING = "loading"
    DRAINING = "draining"
    QUARANTINED = "quarantined"  # another model or fingerprint than expected
    UNREACHABLE = "unreachable"
    FAILED = "failed"


class Origin(StrEnum):
    """Where the cluster knows a node from."""

    OWN = "own"  # a child of this very process
    CONFIGURED = "configured"
    ADDED = "added"  # by an administrator
    ANNOUNCED = "announced"


@dataclass(frozen=True, slots=True)
class NodeIntent:
    """What the operator wants of a node: durable, and never changed by what is observed."""

    url: str
    name: str = ""
    weight: float = 1.0
    #: Jobs to send at once; ``None`` takes what the node reports.
    slots: int | None = None
    backup: bool = False
    drain: bool = False
    origin: Origin = Origin.CONFIGURED
    #: The node's own secret; empty: the one that the whole cluster shares.
    token: str = field(default="", repr=False)
    #: How a Gradio app that is none of ours is used as a node; only settings say so. ``None``: it is one of ours.
    app: ForeignApp | None = None


@dataclass(frozen=True, slots=True)
class NodeReport:
    """The answer of a node's ``/healthz``."""

    health: Health
    model: str = ""
    fingerprint: str = ""
    #: What the fingerprint is made of, by part (file or setting): so that a difference can be named.
    fingerprint_parts: dict[str, str] = field(default_factory=dict)
    device: str = ""
    slots: int = 1
    running: tuple[str, ...] = ()
    capabilities: Capabilities = field(default_factory=Capabilities)
    version: str = ""
    uptime_seconds: float = 0.0
    #: Random per process start: tells that a node was restarted.
    instance: str = ""
    memory_bytes: int = 0
    gpu_memory_used_bytes: int | None = None
    gpu_memory_total_bytes: int | None = None
    error: str = ""
    #: Of the whole machine; ``None`` where the node does not tell.
    gpu_percent: float | None = None
    cpu_percent: float | None = None
    machine_memory_used_bytes: int | None = None
    machine_memory_total_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data, as ``/healthz`` answers it (``status`` is the word for load balancers)."""
        return {
            "status": self.health.value,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "fingerprint_parts": dict(self.fingerprint_parts),
            "device": self.device,
            "slots": self.slots,
            "running": list(self.running),
            "capabilities": self.capabilities.to_json(),
            "version": self.version,
            "uptime_seconds": self.uptime_seconds,
            "instance": self.instance,
            "memory_bytes": self.memory_bytes,
            "gpu_memory_used_bytes": self.gpu_memory_used_bytes,
            "gpu_memory_total_bytes": self.gpu_memory_total_bytes,
            "error": self.error,
            "gpu_percent": self.gpu_percent,
            "cpu_percent": self.cpu_percent,
            "machine_memory_used_bytes": self.machine_memory_used_bytes,
            "machine_memory_total_bytes": self.machine_memory_total_bytes,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises ``KeyError``, ``TypeError`` or ``ValueError`` on garbage."""
        data = as_object(data)
        return cls(
            Health(data["status"]),
            str(data.get("model") or ""),
            str(data.get("fingerprint") or ""),
            dict(data.get("fingerprint_parts") or {}),
            str(data.get("device") or ""),
            max(1, as_whole(data.get("slots") or 1)),
            tuple(str(item) for item in data.get("running") or ()),
            Capabilities.from_json(data.get("capabilities") or {}),
            str(data.get("version") or ""),
            as_number(data.get("uptime_seconds") or 0),
            str(data.get("instance") or ""),
            as_whole(data.get("memory_bytes") or 0),
            _bytes(data.get("gpu_memory_used_bytes")),
            _bytes(data.get("gpu_memory_total_bytes")),
            str(data.get("error") or ""),
            _percent(data.get("gpu_percent")),
            _percent(data.get("cpu_percent")),
            _bytes(data.get("machine_memory_used_bytes")),
            _bytes(data.get("machine_memory_total_bytes")),
        )


def _bytes(value: Any) -> int | None:
    return None if value is None else as_whole(value)


def _percent(value: Any) -> float | None:
    return None if value is None else as_number(value)


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node as the cluster sees it: intent, last report, and what follows from both."""

    intent: NodeIntent
    availability: Availability
    report: NodeReport | None = None
    #: Jobs that this cluster has given it and that have not ended, counted from tickets.
    in_flight: int = 0
    #: Seconds of sound recognised per second, as measured; ``None`` before the first job.
    speed: float | None = None
    last_seen_seconds_ago: float | None = None
    failures: int = 0
    #: In plain English for logs and the API; pages make their own sentence from ``availability``.
    reason: str = ""
    #: Jobs it is trusted with for the moment, after it was gone; ``None``: as many as it has slots.
    trusted_slots: int | None = None

    @property
    def name(self) -> str:
        """How people call it."""
        return self.intent.name or self.intent.url

    @property
    def slots(self) -> int:
        """Jobs that it is given at once."""
        slots = self.intent.slots or (self.report.slots if self.report else 1)
        return slots if self.trusted_slots is None else min(slots, self.trusted_slots)


@dataclass(frozen=True, slots=True)
class NodeJob:
    """What is sent to a node's ``/recognize``. ``id`` is ``{recognition id}:{part}``; a repeated id joins the run."""

    id: str
    options: RecognitionOptions
    track: Track = "spoken"
    #: Stretches to recognise, in ms of the audio sent; ``None`` lets the node detect speech itself.
    segments: tuple[tuple[int, int], ...] | None = None
    #: The noise of the recording that the audio is a part of, in dBFS; ``None``: the audio is the whole of it.
    noise_db: float | None = None
    #: What was recognised of this audio already: the node tells its speakers apart, and nothing else.
    heard: tuple[ModelSegment, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data: the ``job`` argument of ``/recognize``."""
        return {
            "id": self.id,
            "options": self.options.to_json(),
            "track": self.track,
            "segments": [list(pair) for pair in self.segments] if self.segments is not None else None,
            "noise_db": self.noise_db,
            "heard": [item.to_json() for item in self.heard] if self.heard is not None else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises :class:`InvalidOptions`, or as :meth:`NodeReport.from_json`."""
        data = as_object(data)
        segments, noise_db, heard = data.get("segments"), data.get("noise_db"), data.get("heard")
        track = data.get("track", "spoken")
        if track not in ("spoken", "written"):
            raise ValueError(f"unknown track {track!r}")
        return cls(
            str(data["id"]),
            RecognitionOptions.from_json(data["options"]),
            track,
            None if segments is None else tuple((as_whole(start), as_whole(end)) for start, end in segments),
            None if noise_db is None else as_number(noise_db),
            None if heard is None else tuple(ModelSegment.from_json(item) for item in heard),
        )


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """One step of a node's ``/recognize``: the segments finished since the step before."""

    segment: int
    of: int
    segments: tuple[ModelSegment, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data: ``{segment, of, segments[]}``."""
        return {"segment": self.segment, "of": self.of, "segments": [item.to_json() for item in self.segments]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises as :meth:`NodeReport.from_json`."""
        data = as_object(data)
        return cls(
            as_whole(data["segment"]),
            as_whole(data["of"]),
            tuple(ModelSegment.from_json(item) for item in data.get("segments") or ()),
        )


@dataclass(frozen=True, slots=True)
class NodeResult:
    """The last thing that a node's ``/recognize`` yields, as ``{"result": …}``."""

    output: ModelOutput
    model: str
    fingerprint: str
    device: str
    audio_seconds: float
    elapsed_ms: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "output": self.output.to_json(),
            "model": self.model,
            "fingerprint": self.fingerprint,
            "device": self.device,
            "audio_seconds": self.audio_seconds,
            "elapsed_ms": self.elapsed_ms,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`. Raises ``KeyError``, ``TypeError`` or ``ValueError`` on garbage."""
        data = as_object(data)
        return cls(
            ModelOutput.from_json(data["output"]),
            str(data["model"]),
            str(data["fingerprint"]),
            str(data["device"]),
            as_number(data["audio_seconds"]),
            as_whole(data["elapsed_ms"]),
        )
