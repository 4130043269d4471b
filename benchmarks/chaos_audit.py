"""Holds the rows of the history against what clients asked for, and against what they were told."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.chaos_clients import Job
from domain.history import HistoryQuery
from domain.recognition import Recognition, Status
from storage.history import SqlHistory
from storage.sql import open_database

_PAGE_ROWS = 200


@dataclass
class Findings:
    """What went wrong, in words; each list is empty where all is well."""

    #: Promised, or in the history, and without its text.
    lost: list[str] = field(default_factory=list)
    #: More than one row for one request.
    doubled: list[str] = field(default_factory=list)
    #: Another text than the right one, in the history or in what a client was told.
    wrong: list[str] = field(default_factory=list)
    #: Ended after the job's deadline.
    late: list[str] = field(default_factory=list)

    def all(self) -> dict[str, list[str]]:
        """By kind."""
        return {"lost": self.lost, "doubled": self.doubled, "wrong": self.wrong, "late": self.late}


def rows_of(database_url: str) -> list[Recognition]:
    """Every row of the history."""

    async def read() -> list[Recognition]:
        database, rows, before = open_database(database_url), list[Recognition](), None
        try:
            while True:
                query = HistoryQuery(user=None, before_id=before, limit=_PAGE_ROWS)
                page = await SqlHistory(database).page(query)
                rows += page.rows
                before = page.next_before_id
                if before is None:
                    return rows
        finally:
            database.close()

    return asyncio.run(read())


def audited(jobs: Sequence[Job], rows: Sequence[Recognition], deadline_seconds: Callable[[float], float]) -> Findings:
    """All that can be said against them. ``deadline_seconds``: of a job, by the length of its sound."""
    found = Findings()
    by_name = defaultdict[str, list[Recognition]](list)
    for row in rows:
        by_name[row.filename].append(row)
    by_id = {row.id: row for row in rows}
    for job in jobs:
        for name in job.names:
            _look_at(job, by_name.pop(name, []), name, deadline_seconds(job.seconds), found)
        _look_at_told(job, by_id, deadline_seconds(job.seconds), found)
    found.doubled += [f"{name}: nobody asked for it" for name in by_name]
    return found


def _look_at(job: Job, rows: Sequence[Recognition], name: str, deadline: float, found: Findings) -> None:
    """The rows of one request: at most one, and that one whole."""
    if len(rows) > 1:
        found.doubled.append(f"{name}: {', '.join(row.id for row in rows)}")
    for row in rows:
        if row.status is not Status.SUCCEEDED:
            found.lost.append(f"{name} {row.id}: {row.status.value} at attempt {row.attempt}, {row.error}")
        elif row.text != job.text:
            found.wrong.append(f"{name} {row.id}: {row.text!r} instead of {job.text!r}")
        if row.finished_at and (row.finished_at - row.created_at).total_seconds() > deadline:
            found.late.append(f"{name} {row.id}: {(row.finished_at - row.created_at).total_seconds():.0f} s")


def _look_at_told(job: Job, rows: Mapping[str, Recognition], deadline: float, found: Findings) -> None:
    if not job.id:
        found.lost.append(f"job {job.number}: nobody took it")
        return
    row = rows.get(job.id)
    if row is None or row.filename != job.name:
        found.lost.append(f"{job.name} {job.id}: promised, and not in the history")
    if not job.told:
        found.lost.append(f"{job.name} {job.id}: its client never heard of an end")
    for told in job.told:
        if told["status"] != "succeeded":
            found.lost.append(f"{job.name} {job.id}: its client was told {told['status']}, {told['error']}")
        elif told["text"] != job.text:
            found.wrong.append(f"{job.name} {job.id}: its client was told {told['text']!r} instead of {job.text!r}")
    if job.took is not None and job.took > deadline:
        found.late.append(f"{job.name} {job.id}: its client waited for {job.took:.0f} s")
