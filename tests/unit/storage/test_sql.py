"""What goes wrong with the database has one name; what goes wrong with the program keeps its own."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from domain.errors import StorageUnavailable
from domain.history import HistoryQuery
from storage.history import SqlHistory
from storage.migrations import upgrade
from storage.sql import open_database
from tests.helpers.storage import a_row


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "h.db").write_bytes(b"this is no database at all" * 100)
    url = f"sqlite:///{tmp_path / 'h.db'}"
    with pytest.raises(StorageUnavailable):
        upgrade(url)
    database = open_database(url)
    with pytest.raises(StorageUnavailable) as caught:
        await SqlHistory(database).page(HistoryQuery(user=None))
    assert caught.value.details == {"part": "database"}
    database.close()


async def test_a_database_that_was_never_migrated_is_unavailable(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'h.db'}")
    with pytest.raises(StorageUnavailable) as caught:
        await SqlHistory(database).insert(a_row(filename="private name.wav"))
    assert "private name" not in str(caught.value)
    database.close()


async def test_a_database_that_stays_locked_is_unavailable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'h.db'}?timeout=0.05"
    upgrade(url)
    database = open_database(url)
    row = a_row()
    with closing(sqlite3.connect(tmp_path / "h.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable):
            await SqlHistory(database).insert(row)
        assert (await SqlHistory(database).page(HistoryQuery(user=None))).rows == ()
    await SqlHistory(database).insert(row)
    assert await SqlHistory(database).get(row.id, user=None) is not None
    database.close()


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/db", "sqlite:////dev/null/x/h.db"])
def test_an_url_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(StorageUnavailable):
        upgrade(url)


async def test_a_bug_is_not_hidden_as_an_outage(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'h.db'}"
    upgrade(url)
    database = open_database(url)
    twice = text("INSERT INTO owners VALUES ('a', '2026-01-01 00:00:00.000000'), ('a', '2026-01-01 00:00:00.000000')")
    with pytest.raises(IntegrityError):
        await database.write(lambda connection: connection.execute(twice).close())
    database.close()


async def test_half_a_piece_of_work_is_not_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'h.db'}"
    upgrade(url)
    database = open_database(url)

    def half(connection: object) -> None:
        connection.execute(text("INSERT INTO owners VALUES ('a', '2026-01-01 00:00:00.000000')"))  # type: ignore[attr-defined]
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        await database.write(half)
    count = await database.read(lambda connection: connection.scalar(text("SELECT count(*) FROM owners")))
    assert count == 0
    database.close()


async def test_a_database_outlives_a_power_failure(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'h.db'}")
    pragmas = await database.read(
        lambda connection: [
            connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    )
    assert pragmas == ["wal", 2, 10_000]
    database.close()
