"""What this process counts, for Prometheus. Every metric is declared in one table; labels are bounded."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from domain.node import Availability
from domain.recognition import Source, Status

log = logging.getLogger(__name__)

#: What a label may say; ``None``: any word, up to ``MAX_WORDS`` different ones.
LabelWords = frozenset[str] | None
MAX_WORDS = 100
#: Stands for every word that a label may not say.
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric: what it is, what it means, and what its labels may say."""

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: Mapping[str, LabelWords] = field(default_factory=dict)
    #: Upper bounds of a histogram's buckets.
    buckets: tuple[float, ...] = ()


_OUTCOMES = frozenset({"hit", "miss", "shared", "negative", "error"})
_ROLES = frozenset({"coordination", "cache"})
_REQUEST_OUTCOMES = frozenset(
    "ok busy cancelled node_busy node_unreachable node_error fingerprint_mismatch recognition_failed bad_audio "
    "invalid_input invalid_options deadline_exceeded internal_error".split()
)

METRICS: dict[str, Declared] = {
    "asr_recognitions_total": Declared(
        "counter",
        "Recognitions that ended, by how and by the door they came through.",
        {"status": frozenset(Status), "source": frozenset(Source)},
    ),
    "asr_cache_lookups_total": Declared(
        "counter",
        "Answers of the result cache: hit, miss, shared (joined work under way), negative (a hit that says: no speech, "
        "or no sound), error (a miss because what was kept could not be read).",
        {"outcome": _OUTCOMES},
    ),
    "asr_cache_saved_seconds_total": Declared("counter", "Node time that hits and shared results saved, in seconds."),
    "asr_cache_seconds": Declared(
        "histogram",
        "Time of one call to the result cache, in seconds.",
        {"operation": frozenset({"get", "put", "delete", "forget"})},
        buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1),
    ),
    "asr_redis_up": Declared("gauge", "Whether Redis is asked (1) or left out until it is well (0).", {"role": _ROLES}),
    "asr_redis_failures_total": Declared(
        "counter", "How often Redis failed or was slow, and was left out from then on.", {"role": _ROLES}
    ),
    "asr_recognition_seconds": Declared(
        "histogram",
        "Time from the start of a recognition's work to its text, in seconds; cache hits at the door are not in it.",
        buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800),
    ),
    "asr_audio_seconds_total": Declared("counter", "Sound that was recognised, in seconds."),
    "asr_node_requests_total": Declared(
        "counter", "Jobs sent to nodes, by how they ended.", {"node": None, "outcome": _REQUEST_OUTCOMES}
    ),
    "asr_retries_postponed_total": Declared(
        "counter", "How often a job that a node failed had to wait, because so many others were tried again."
    ),
    "asr_cache_errors_total": Declared("counter", "Calls in which the result cache failed.", {"operation": None}),
    "asr_board_conflicts_total": Declared(
        "counter", "How often another replica was quicker to take a slot, and it was decided anew."
    ),
    "asr_board_fallbacks_total": Declared(
        "counter", "How often Redis went away and this replica scheduled its recognitions by itself from then on."
    ),
    "asr_queue_length": Declared("gauge", "Recognitions that wait for a slot."),
    "asr_node_changes_total": Declared(
        "counter",
        "How often a node became ready, busy, unreachable, …: a node that flaps shows here.",
        {"node": None, "availability": frozenset(Availability)},
    ),
    "asr_nodes": Declared("gauge", "Nodes, by whether they can be used.", {"availability": frozenset(Availability)}),
    "asr_slots": Declared("gauge", "Slots of the nodes that can be used."),
    "asr_slots_taken": Declared("gauge", "Slots in which something is recognised."),
    "asr_disk_free_bytes": Declared("gauge", "Free space where the data directory lies, in bytes."),
}


class PrometheusObserver:
    """Implements ``domain.ports.Observer`` with a registry of its own.

    ``strict`` (tests) raises on a name or label that the table lacks; otherwise it is said once in the log, because
    no recognition may fail for being counted.
    """

    content_type: str = CONTENT_TYPE_LATEST

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._metrics = {name: _make(name, declared, self._registry) for name, declared in METRICS.items()}
        self._words: dict[tuple[str, str], set[str]] = {}
        self._told: set[str] = set()

    def count(self, name: str, value: float = 1.0, **labels: str) -> None:
        """Adds to a counter."""
        metric = self._find(name, labels)
        if isinstance(metric, Counter):
            metric.inc(value)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Sets a gauge."""
        metric = self._find(name, labels)
        if isinstance(metric, Gauge):
            metric.set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Adds a value to a distribution."""
        metric = self._find(name, labels)
        if isinstance(metric, Histogram):
            metric.observe(value)

    def render(self) -> bytes:
        """All metrics as Prometheus text."""
        return generate_latest(self._registry)

    def _find(self, name: str, labels: Mapping[str, str]) -> Counter | Gauge | Histogram | None:
        declared = METRICS.get(name)
        if declared is None or set(labels) != set(declared.labels):
            problem = f"metric {name}({', '.join(sorted(labels))}) is not declared"
            if self._strict:
                raise KeyError(problem)
            if problem not in self._told and len(self._told) < MAX_WORDS:
                self._told.add(problem)
                log.error("%s", problem)
            return None
        metric = self._metrics[name]
        if not labels:
            return metric
        return metric.labels(**{key: self._bounded(name, key, word) for key, word in labels.items()})

    def _bounded(self, name: str, label: str, word: str) -> str:
        allowed = METRICS[name].labels[label]
        if allowed is not None:
            return str(word) if word in allowed else OTHER
        known = self._words.setdefault((name, label), set())
        if word not in known and len(known) >= MAX_WORDS:
            return OTHER
        known.add(word)
        return word


def _make(name: str, declared: Declared, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    labels = tuple(declared.labels)
    if declared.kind == "histogram":
        return Histogram(name, declared.help, labels, registry=registry, buckets=declared.buckets)
    if declared.kind == "gauge":
        return Gauge(name, declared.help, labels, registry=registry)
    return Counter(name, declared.help, labels, registry=registry)
