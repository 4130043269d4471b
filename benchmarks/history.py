"""Pages and searches of a history of millions, on both databases, beside ``OFFSET`` and plain ``LIKE``.

    python benchmarks/history.py [--rows 1000000] [--database both|sqlite|postgresql] [--folder DIR]

Fills the databases itself; in a folder that is given they stay, and the next run measures at once. Times are those of
``SqlHistory.page`` as an administrator asks it (everybody's rows), which reads most. A way that takes longer than
``LIMIT_SECONDS`` is given up.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.made_history import DAYS, FOUR, RARE, Fill, Words, fill_postgres, fill_sqlite, rows  # noqa: E402
from benchmarks.report import quantiles, show  # noqa: E402
from domain.errors import StorageUnavailable  # noqa: E402
from domain.history import HistoryQuery  # noqa: E402
from domain.recognition import Status  # noqa: E402
from storage.history import SqlHistory  # noqa: E402
from storage.migrations import upgrade  # noqa: E402
from storage.rows import first_key_at  # noqa: E402
from storage.sql import Database, open_database  # noqa: E402
from tests.helpers.postgres import running_postgres  # noqa: E402
from tests.helpers.storage import a_row, a_transcript  # noqa: E402

ROUNDS = 20
LIMIT_SECONDS = 20.0
WRITES_PER_SECOND = 100
WRITE_SECONDS = 20
NOW = datetime.now(UTC)


def main() -> None:
    """Measures what is asked for and prints it."""
    arguments = _arguments()
    figures: dict[str, Any] = {"rows": arguments.rows}
    with tempfile.TemporaryDirectory(prefix="asr-bench-") as private:
        folder = (arguments.folder or Path(private)).absolute()
        if arguments.database != "postgresql":
            figures |= _measured("sqlite", _sqlite_url(folder), folder, arguments.rows, fill_sqlite)
        if arguments.database != "sqlite":
            kept = folder / "postgresql" if arguments.folder else None
            with running_postgres(kept, shared_buffers="2GB", fsync="on", full_page_writes="on") as server:
                figures |= _measured("postgresql", server.lasting_url("history"), folder, arguments.rows, fill_postgres)
    show("history", figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the history (default 1,000,000)")
    parser.add_argument("--database", choices=("both", "sqlite", "postgresql"), default="both")
    parser.add_argument("--folder", type=Path, help="keeps the filled databases there for the next run")
    return parser.parse_args()


def _sqlite_url(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder}/history.db"
    upgrade(url)
    return url


def _measured(kind: str, url: str, folder: Path, count: int, fill: Fill) -> dict[str, Any]:
    """All figures of one database."""
    words, filled = Words(), folder / f"{kind}-{count}.filled"
    figures: dict[str, Any] = {}
    if not filled.exists():
        started = time.monotonic()
        fill(url, rows(count, words, NOW))
        figures["filled in s"] = round(time.monotonic() - started)
        filled.touch()
    database = open_database(url)
    try:
        if kind == "postgresql":
            figures["index of the search MB"] = database.run(_index_mb)
        figures |= asyncio.run(_reads(url, database, words, count))
    finally:
        database.close()
    return {f"{kind}: {name}": value for name, value in figures.items()}


async def _reads(url: str, database: Database, words: Words, count: int) -> dict[str, Any]:
    history = SqlHistory(database)
    one, other = words.never_neighbours
    kinds: dict[str, HistoryQuery] = {
        "rare character": HistoryQuery(None, RARE),
        "common character": HistoryQuery(None, words.common),
        "never neighbours": HistoryQuery(None, one + other),
        "two common ones": HistoryQuery(None, f"{one} {other}"),
        "four characters": HistoryQuery(None, FOUR),
        "no match": HistoryQuery(None, "鑫鑫"),
        "no match, common": HistoryQuery(None, words.common + "龘"),
        "common, failed": HistoryQuery(None, words.common, statuses=(Status.FAILED,), nodes=("gpu-4",)),
        "common, one person": HistoryQuery("visitor-7", words.common),
    }
    figures: dict[str, Any] = {}
    deep = await _id_at(database, NOW - 0.9 * timedelta(days=DAYS))
    figures["first page"] = await _times(history, HistoryQuery(None))
    figures["page at 90 %"] = await _times(history, HistoryQuery(None, before_id=deep))
    figures["page at 90 % by OFFSET"] = await _plain(
        database, f"SELECT key FROM recognitions ORDER BY key DESC LIMIT 50 OFFSET {int(count * 0.9)}"
    )
    month = (NOW - timedelta(days=200), NOW - timedelta(days=170))
    for name, query in kinds.items():
        figures[name] = await _times(history, query)
        figures[f"{name}, a month"] = await _times(history, _between(query, month))
    for name in ("rare character", "common character", "never neighbours", "four characters", "no match"):
        like = f"SELECT key FROM recognitions WHERE search_text LIKE '%{kinds[name].text}%' ORDER BY key DESC LIMIT 50"
        figures[f"{name} by LIKE"] = await _plain(database, like)
    spawn = multiprocessing.get_context("spawn")
    begun, pace = spawn.Event(), spawn.Value("d", 0.0)
    # As another replica would: a process of its own, whose work is not this one's.
    writer = spawn.Process(target=_write_beside, args=(url, begun, pace), daemon=True)
    writer.start()
    await asyncio.to_thread(begun.wait, 60)
    figures["first page while writing"] = await _times(history, HistoryQuery(None))
    for name in ("rare character", "common character", "never neighbours", "four characters"):
        figures[f"{name} while writing"] = await _times(history, kinds[name])
    await asyncio.to_thread(writer.join, WRITE_SECONDS * 3)
    figures["rows written per second"] = pace.value
    return figures


def _between(query: HistoryQuery, range_: tuple[datetime, datetime]) -> HistoryQuery:
    return HistoryQuery(query.user, query.text, query.statuses, nodes=query.nodes, since=range_[0], until=range_[1])


async def _times(history: SqlHistory, query: HistoryQuery) -> dict[str, float] | str:
    async def ask() -> None:
        await history.page(query)

    return await _quantiles_of(ask)


async def _plain(database: Database, statement: str) -> dict[str, float] | str:
    async def ask() -> None:
        await database.read(lambda connection: connection.execute(text(statement)).all())

    return await _quantiles_of(ask)


async def _quantiles_of(ask: Callable[[], Awaitable[None]]) -> dict[str, float] | str:
    """In ms; fewer rounds where one takes long."""
    taken: list[float] = []
    begun = time.monotonic()
    while len(taken) < ROUNDS and (len(taken) < 2 or time.monotonic() - begun < LIMIT_SECONDS):
        started = time.perf_counter()
        try:
            await ask()
        except StorageUnavailable:
            return f"> {time.perf_counter() - started:.0f} s"
        taken.append((time.perf_counter() - started) * 1000)
        if len(taken) == 2 and statistics.fmean(taken) > LIMIT_SECONDS * 1000:
            break
    return quantiles(taken)


def _write_beside(url: str, begun: Event, pace: "Synchronized[float]") -> None:
    database = open_database(url)
    try:
        pace.value = asyncio.run(_write(SqlHistory(database), begun))
    finally:
        database.close()


async def _write(history: SqlHistory, started: Event) -> float:
    """Rows that are born and finished, at the pace that is asked for; returns the pace that was reached."""
    begun = time.monotonic()
    said = "这是同时写入的一行文字，" * 5

    async def one() -> None:
        row = a_row()
        await history.insert(row)
        await history.finish(row.with_changes(status=Status.SUCCEEDED, transcript=a_transcript(said)))

    tasks: list[asyncio.Task[None]] = []
    started.set()
    for number in range(WRITES_PER_SECOND * WRITE_SECONDS):
        await asyncio.sleep(max(0.0, begun + number / WRITES_PER_SECOND - time.monotonic()))
        tasks.append(asyncio.create_task(one()))
    await asyncio.gather(*tasks)
    return round(len(tasks) / (time.monotonic() - begun), 1)


async def _id_at(database: Database, moment: datetime) -> str:
    """The newest row of before; rows are spread evenly over the year."""
    wanted = text("SELECT id FROM recognitions WHERE key < :key ORDER BY key DESC LIMIT 1")
    key = first_key_at(moment)
    return await database.read(lambda connection: connection.execute(wanted, {"key": key}).scalar_one())


def _index_mb(connection: Connection) -> int:
    size = connection.execute(text("SELECT pg_relation_size('ix_recognitions_tokens')")).scalar_one()
    return round(size / 1_000_000)


if __name__ == "__main__":
    main()
