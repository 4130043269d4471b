"""The seams to what keeps the rows (SQL), and to the history of another program.

Everything but ``OldTable`` is async; implementations pass the contract suites in ``tests/contract``.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from domain.corrections import Correction
from domain.history import Deletion, HistoryPage, HistoryQuery
from domain.recognition import Hold, Progress, Recognition
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

    async def insert(self, row: Recognition) -> Recognition:
        """Adds the row and commits; a second insert of the same id changes nothing (a retried write lands once).

        Returns it with the number of its version: ``row.version``, or the next one that no other version was given.
        """
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

    async def now(self) -> datetime:
        """The time by which all processes tell what is past its time; one's own clock may be wrong."""
        ...

    async def forget_audio(self, before: datetime, *, after: str = "", limit: int = 200) -> ForgottenAudio:
        """Final rows let go of recordings that were put before this moment; those that are not in use may be removed.

        A recording stays whole while any of its rows is held or not final. Looks at ``limit`` of them, those after
        the key ``after``.
        """
        ...

    async def expired(self, before: datetime, *, after_id: str | None = None, limit: int = 200) -> list[str]:
        """Ids of final rows from before this moment that are not held, oldest first, those after ``after_id``."""
        ...
