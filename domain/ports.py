"""The seams: what the services need from the world, and what stands behind each.

Everything here is async; an implementation does its own threading. Implementations pass the contract suites
in ``tests/contract``.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from domain.membership import Announcement, NodeEvent, StoredNode
from domain.node import NodeIntent, NodeJob, NodeProgress, NodeResult, NodeStatus
from domain.parts import Detection
from domain.ticket import Grant, Ticket, Waiting


class Neighbours(Protocol):
    """The processes that share this one's data folder. Never raises."""

    #: This process among all that share the history.
    name: str

    def dead(self) -> list[str]:
        """Names of those that ended without a word and are not forgotten yet."""
        ...

    def forget(self, name: str) -> None:
        """What it left was taken care of."""
        ...


class ModelRegistry(Protocol):
    """The one expected fingerprint per model (SQL)."""

    async def expected_fingerprint(self, model: str) -> str | None:
        """The fingerprint that nodes of this model must have; ``None`` before the first was seen."""
        ...

    async def expect(self, model: str, fingerprint: str) -> None:
        """Makes this fingerprint the expected one."""
        ...


class NodeStore(Protocol):
    """What administrators said of nodes, and the log of it (SQL). Raises ``StorageUnavailable``."""

    async def rows(self) -> list[StoredNode]:
        """All that was said, by address."""
        ...

    async def change(self, url: str, values: Mapping[str, Any], event: NodeEvent) -> None:
        """Sets these fields of :class:`StoredNode` and writes the line of the log, both or neither.

        A new address begins with nothing said. No fields: the line alone.
        """
        ...

    async def log(self, limit: int, *, before: str = "") -> list[NodeEvent]:
        """The newest lines first; ``before``: the id of a line, for those that are older."""
        ...


class Announcements(Protocol):
    """Which nodes say themselves that they are there. Never raises."""

    async def all(self) -> list[Announcement]:
        """Those that said so within a day and have not said goodbye; how they are, their health tells."""
        ...


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A cached value and when it was written (Unix seconds)."""

    value: dict[str, Any]
    stored_at: float


class ResultCache(Protocol):
    """Keys to JSON objects with a time to live. Never raises: a cache that fails is a miss, and says so in metrics."""

    async def get(self, key: str) -> CacheEntry | None:
        """The entry, or ``None`` where it is missing, expired or garbage."""
        ...

    async def put(self, key: str, value: dict[str, Any], *, ttl_seconds: float, of: str = "") -> None:
        """Writes the entry; its age counts from now. ``of``: the recording (its audio id) that it is about."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Forgets these keys."""
        ...

    async def forget(self, recordings: Sequence[str]) -> bool:
        """Removes every entry about these recordings (audio ids); False where it could not be done now.

        What is put meanwhile, or what the cache lost count of, goes when its time is over.
        """
        ...


class Flight(Protocol):
    """Identical work under way. Advice only: it saves work, it never decides who is right."""

    async def lead(self, key: str, token: str) -> bool:
        """Whether the caller now leads the work ``key`` (again, if it already did: this renews it for 15 s)."""
        ...

    async def land(self, key: str, token: str) -> None:
        """The leader is done, well or not; whoever waits is woken."""
        ...

    async def wait(self, key: str, timeout_seconds: float) -> None:
        """Returns when the work lands, its leader's time runs out, or the timeout passes."""
        ...


class AudioStore(Protocol):
    """The recordings, streamed in and out. Raises ``StorageUnavailable``."""

    async def put_file(self, path: Path, *, suffix: str = "") -> str:
        """Stores what the local file holds now, whatever becomes of the file; returns the key. Raises ``NotFound``."""
        ...

    def local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """The recording as a local file to read, for as long as the context lasts. Raises ``NotFound``."""
        ...

    async def exists(self, key: str) -> bool:
        """Whether the recording is there."""
        ...

    async def size(self, key: str) -> int:
        """How many bytes it has. Raises ``NotFound``."""
        ...

    async def read(self, key: str, start: int, end: int) -> bytes:
        """Its bytes from ``start`` up to ``end``, which lie within its size: a piece that fits into memory.

        Raises ``NotFound``.
        """
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Removes recordings; a missing one is no error."""
        ...

    async def keys_older_than(self, seconds: float) -> list[str]:
        """Recordings that were put longer ago than this, and what writers that died left of others."""
        ...


class Board(Protocol):
    """Who waits for a node, and which node each gets (``domain.scheduling`` decides)."""

    async def post(self, ticket: Ticket, *, grant: Grant | None = None) -> None:
        """Puts the ticket into the queue; posting a known id renews it. ``grant``: the slot that it has already."""
        ...

    async def wait(self, ticket_id: str, timeout_seconds: float) -> Grant | Waiting | None:
        """The grant as soon as there is one, else the ticket's place when the timeout passes (0 answers at once).

        ``None``: the board does not know the ticket (it expired): post it again.
        """
        ...

    async def renew(self, ticket_id: str) -> bool:
        """Keeps ticket and slot for another 15 s; False when the board no longer knows it."""
        ...

    async def release(self, ticket_id: str, *, node_seconds: float | None = None, audio_seconds: float = 0.0) -> None:
        """Gives the slot back (or leaves the queue); ``node_seconds`` teaches the board how fast the node is."""
        ...

    async def observe(self, nodes: Sequence[NodeStatus]) -> None:
        """Tells the board what was seen of the nodes; frees and grants slots accordingly."""
        ...

    async def load(self) -> dict[str, tuple[int, float | None]]:
        """By node URL: slots taken, and measured speed (seconds of sound per second)."""
        ...

    async def queued(self) -> Waiting:
        """How many tickets wait, and how long a new one would."""
        ...


class NodePool(Protocol):
    """The nodes and the way to them (``gradio_client``)."""

    def statuses(self) -> list[NodeStatus]:
        """Every known node as last seen; cheap."""
        ...

    def default_model(self) -> str | None:
        """The model that requests mean when they name none; ``None`` while no node was ever seen."""
        ...

    async def recognise(
        self, node_url: str, job: NodeJob, audio: Path, on_progress: Callable[[NodeProgress], Awaitable[None]]
    ) -> NodeResult:
        """Runs the job there. ``audio``: 16 kHz mono s16 wav. Cancelling the task cancels the job on the node.

        Raises ``NodeBusy``, ``NodeUnreachable``, ``FingerprintMismatch``, ``RecognitionFailed``, ``InvalidInput``.
        """
        ...

    async def detect_speech(self, node_url: str, job: NodeJob, audio: Path) -> Detection:
        """Where somebody speaks in ``audio``, by the job's VAD options; as ``recognise`` otherwise."""
        ...

    async def try_out(self, node: NodeIntent, job: NodeJob, audio: Path) -> NodeResult:
        """Runs the job on a node that need not belong to the cluster, with no slot taken. Raises as ``recognise``."""
        ...

    async def refresh(self) -> None:
        """Asks every node how it is, side by side."""
        ...

    async def set_intent(self, intent: NodeIntent) -> None:
        """Takes over what an operator wants of a node."""
        ...


class Observer(Protocol):
    """Counts and measures; implemented by ``metrics.py``."""

    def count(self, name: str, value: float = 1.0, **labels: str) -> None:
        """Adds to a counter."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Sets a gauge."""
        ...

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Adds a value (in seconds, unless the name says otherwise) to a distribution."""
        ...
