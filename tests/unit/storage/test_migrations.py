"""The schema goes up and down with data in it, for several processes at once, from any directory."""

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from domain.errors import StorageUnavailable
from domain.history import HistoryQuery
from domain.ids import new_id
from storage.history import SqlHistory
from storage.migrations import current_revision, downgrade, newest_revision, upgrade
from storage.sql import open_database
from storage.tables import metadata
from tests.helpers.storage import start_python, succeeded

UPGRADE = "import sys; from storage.migrations import upgrade; upgrade(sys.argv[1]); print('done')"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgres").url(empty=True)
    return f"sqlite:///{tmp_path / 'new directory' / '历史 100%.db'}"


def inspect(url: str, statement: str) -> list[tuple[object, ...]]:
    def work(connection: Connection) -> list[tuple[object, ...]]:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []

    database = open_database(url)
    try:
        return database.run(work, writes=True)
    finally:
        database.close()


def is_current(url: str) -> bool:
    database = open_database(url)
    try:
        return database.run(current_revision) == newest_revision()
    finally:
        database.close()


def tables(url: str) -> set[object]:
    if url.startswith("sqlite:"):
        return {name for (name,) in inspect(url, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    relations = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    functions = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    return {name for (name,) in inspect(url, f"{relations} UNION ALL {functions}")}


def search_parts(url: str) -> str:
    """What the full-text search needs besides the rows: a table of its own, or a function."""
    return "recognition_search" if url.startswith("sqlite:") else "recognition_tokens"


async def searched(url: str, query: str) -> list[str]:
    database = open_database(url)
    try:
        page = await SqlHistory(database).page(HistoryQuery(user=None, text=query))
        return [row.id for row in page.rows]
    finally:
        database.close()


def test_the_migrations_make_the_tables_that_the_program_uses(url: str) -> None:
    upgrade(url)
    database = open_database(url)

    def differences(connection: Connection) -> list[object]:
        def is_ours(name: str | None, kind: str, parents: object) -> bool:
            # FTS5 keeps its index in tables of its own; what an index of expressions holds cannot be compared.
            searches = {"table": "recognition_search", "index": "ix_recognitions_tokens"}
            return not (kind in searches and (name or "").startswith(searches[kind]))

        # PostgreSQL cannot say whether two values of the type json are equal, and defaults are such values.
        compare_defaults = connection.dialect.name == "sqlite"
        options = {
            "include_name": is_ours,
            "compare_server_default": compare_defaults,
            "target_metadata": metadata,
        }
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))

    found = database.run(differences)
    database.close()
    assert found == []


def test_a_second_upgrade_finds_nothing_to_do(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not is_current(url)
    upgrade(url)
    upgrade(url)
    assert is_current(url)


def test_processes_that_start_at_once_take_turns(url: str) -> None:
    processes = [start_python(UPGRADE, url) for _ in range(4)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [(process.returncode, output) for process, output in zip(processes, outputs, strict=True)] == [
        (0, "done\n")
    ] * 4
    assert is_current(url)


def test_rows_survive_the_way_down_and_up(url: str) -> None:
    upgrade(url)
    rows = [succeeded("今天天气很好"), succeeded("明天下雨", filename="report.wav")]

    async def fill() -> None:
        database = open_database(url)
        for row in rows:
            await SqlHistory(database).insert(row)
        database.close()

    asyncio.run(fill())
    downgrade(url, "0001")
    assert not is_current(url)
    assert inspect(url, "SELECT count(*) FROM recognitions") == [(2,)]
    assert search_parts(url) not in tables(url)
    upgrade(url)
    assert asyncio.run(searched(url, "天气")) == [rows[0].id]
    assert asyncio.run(searched(url, "report")) == [rows[1].id]
    assert sorted(asyncio.run(searched(url, "天"))) == sorted(row.id for row in rows)
    # The index that was made anew knows enough to forget a row.
    database = open_database(url)
    asyncio.run(SqlHistory(database).delete([rows[0].id], user=None))
    database.close()
    assert asyncio.run(searched(url, "天")) == [rows[1].id]


def test_versions_get_the_numbers_that_people_saw(url: str) -> None:
    """Until 0005 a version was told by its place among those that were there."""
    upgrade(url)
    first, second, third, alone, *orphans = sorted(new_id() for _ in range(6))
    of = {second: first, third: first, **dict.fromkeys(orphans, new_id())}

    async def change(*new: str, gone: str | None = None) -> list[int]:
        database = open_database(url)
        history = SqlHistory(database)
        rows = [await history.insert(succeeded(id=row_id, version_of=of.get(row_id))) for row_id in new]
        await history.delete([gone] if gone else [], user=None)
        database.close()
        return [row.version for row in rows]

    assert asyncio.run(change(first, second, third, alone, *orphans, gone=second)) == [1, 2, 3, 1, 1, 2]
    numbers = "SELECT id, version, versions_given FROM recognitions ORDER BY key"
    assert inspect(url, numbers)[:2] == [(first, 1, 3), (third, 3, 3)]
    downgrade(url, "0005")
    upgrade(url)
    assert inspect(url, numbers) == [
        (first, 1, 2),
        (third, 2, 2),
        (alone, 1, 1),
        (orphans[0], 1, 2),
        (orphans[1], 2, 2),
    ]
    of[newest := new_id()] = first
    assert asyncio.run(change(newest)) == [3]


def test_the_whole_way_down_leaves_nothing(url: str) -> None:
    upgrade(url)
    downgrade(url, "base")
    assert tables(url) == {"alembic_version"}
    upgrade(url)
    assert is_current(url)


def test_a_migration_that_fails_changes_nothing(url: str) -> None:
    upgrade(url)
    inspect(url, "DROP TABLE owners")
    before = tables(url)
    with pytest.raises(StorageUnavailable):
        downgrade(url, "base")
    assert tables(url) == before
    assert search_parts(url) in before
    assert is_current(url)


def test_a_database_of_a_newer_program_is_left_alone(url: str) -> None:
    upgrade(url)
    inspect(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageUnavailable, match="newer version") as caught:
        upgrade(url)
    assert caught.value.details["reason"] == "unknown_revision"
    assert not is_current(url)
    database = open_database(url)
    assert database.run(current_revision) == "9999"
    database.close()
    assert newest_revision() is not None
