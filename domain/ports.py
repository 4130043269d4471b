"""The seams: what the services need from the world, and what stands behind each.

Everything here is async; an implementation does its own threading. Implementations pass the contract suites
in ``tests/contract``.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from domain.corrections import Correction
from domain.node import NodeIntent, NodeJob, NodeProgress, NodeResult, NodeStatus
from domain.recognition import Deletion, HistoryPage, HistoryQuery, Hold, Progress, Recognition
from domain.ticket import Grant, Ticket, Waiting
from domain.transcript import Segment


class Amendment(NamedTuple):
    """What a person changes in a row that has its text; nothing else of it ever changes.

    ``names`` are added to the row's labels (an empty one is taken away), ``speakers`` set for the segments of these
    numbers, ``corrections`` added to those that there are.
    """

    names: Mapping[str, str] = {}
    speakers: Mapping[int, str] = {}
    corrections: Sequence[Correction] = ()


class RowState(NamedTuple):
    """What a change is decided by: the row as it is, without word times."""

    labels: Mapping[str, str]
    segments: Sequence[Segment]
    corrections: Sequence[Correction]


Change = Callable[[RowState], Amendment]


class HistoryStore(Protocol):
    """The rows (SQL): the truth about every recognition. Raises ``StorageUnavailable`` when it cannot be reached."""

    async def insert(self, row: Recognition) -> None:
        """Adds the row and commits; a second insert of the same id changes nothing (a retried write lands once)."""
        ...

    async def insert_imported(self, rows: Sequence[Recognition]) -> int:
        """Adds final rows of another program with the times they have (``created_at``, ``finished_at``).

        Known ids change nothing; returns how many were new.
        """
        ...

    async def get(self, recognition_id: str, *, user: str | None) -> Recognition | None:
        """The row, or ``None`` where there is none or (``user`` given) it is somebody else's."""
        ...

    async def save_progress(
        self, recognition_id: str, attempt: int, progress: Progress, *, audio_id: str | None = None
    ) -> bool:
        """Stores how far a running row is, and its recording's name in the cache once that is known.

        False when the attempt is no longer the one that runs.
        """
        ...

    async def finish(self, row: Recognition) -> bool:
        """Writes a final state, fenced by ``row.attempt``: False (and nothing written) unless still running so."""
        ...

    async def cancel_queued(self, recognition_id: str, *, user: str | None) -> bool:
        """Cancels a row that nobody runs; False where it is not queued."""
        ...

    async def claim(
        self, owner: str, limit: int, *, stale_after_seconds: float, running: Collection[str]
    ) -> list[Recognition]:
        """Takes over queued rows and running rows whose owner was not seen for ``stale_after_seconds``.

        ``running``: the ids that the caller runs at the moment, of which it gets none. It gets its own rows that are
        not among them (work that was lost inside the process) once their attempt began that long ago: a row is
        written a moment before its work is known. Implementations only ask its length and whether it holds an id, so
        that it may be a live view, and may do so in another thread. Each row comes back ``running`` with its attempt
        raised by one and ``owner`` set; no two callers get the same one.
        """
        ...

    async def heartbeat(self, owner: str) -> None:
        """Says that this process lives (one statement whatever the number of rows)."""
        ...

    async def retire(self, owner: str) -> None:
        """Says that this process has gone: its running rows may be claimed at once."""
        ...

    async def page(self, query: HistoryQuery) -> HistoryPage:
        """Rows newest first, by keyset."""
        ...

    async def versions(self, recognition_id: str, *, user: str | None) -> list[Recognition]:
        """The versions of a row, itself included, oldest first, as a page has rows; none where there is no such row."""
        ...

    async def amend(self, recognition_id: str, change: Change, *, user: str | None) -> Recognition | None:
        """Changes a row that succeeded, and returns it; ``None`` where there is none, or it is somebody else's.

        ``change`` is asked with what the row holds, which nobody changes meanwhile: two who do so at once lose nothing
        of each other's. What it raises, this raises, and nothing changes; it may be asked more than once.
        """
        ...

    async def ids(self, query: HistoryQuery) -> list[str]:
        """The ids of a page alone, of up to 1,000 rows."""
        ...

    async def delete(self, recognition_ids: Sequence[str], *, user: str | None) -> Deletion:
        """Removes final rows, but for those that are kept (保留)."""
        ...

    async def audio_keys_in_use(self, keys: Sequence[str]) -> set[str]:
        """Those of these recordings that some row refers to."""
        ...


class OldTable(Protocol):
    """The history of another program, in its file. Its methods may run in any thread, one at a time.

    What a value means: ``time`` (there always is one), ``filename``, ``filepath``, ``language``, ``hotwords``, ``itn``,
    ``raw``, ``normalized``, ``seconds``, as far as the table has them.
    """

    def count(self) -> int:
        """Rows in it."""
        ...

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Every row in its order: its number, and the values by their meaning. Raises ``InvalidInput``."""
        ...

    def close(self) -> None:
        """Lets go of the file."""
        ...


class ForgottenAudio(NamedTuple):
    """Recordings that their rows let go of, and the last one that was looked at: ``None`` where there were none."""

    keys: Sequence[str]
    last: str | None


class RetentionStore(Protocol):
    """What is kept past its time and what is not (SQL)."""

    async def set_hold(self, recognition_id: str, hold: Hold | None, *, user: str | None) -> Recognition | None:
        """Holds a recording with all the user's rows that refer to it, or lets go of them again; returns the row.

        ``None`` where there is none, or it is somebody else's.
        """
        ...

    async def forget_audio(self, before: datetime, *, after: str = "", limit: int = 200) -> ForgottenAudio:
        """Final rows let go of recordings that were put before this moment; those that nobody has then may be removed.

        A recording stays whole while any of its rows is held or not final. Looks at ``limit`` of them, those after
        the key ``after``.
        """
        ...

    async def expired(self, before: datetime, *, after_id: str | None = None, limit: int = 200) -> list[str]:
        """Ids of final rows from before this moment that are not held, oldest first, those after ``after_id``."""
        ...


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

    async def post(self, ticket: Ticket) -> None:
        """Puts the ticket into the queue; posting a known id renews it."""
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
