"""The index itself: what was deleted or replaced leaves no token behind."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from domain.history import HistoryQuery
from domain.recognition import Status
from storage.history import SqlHistory
from storage.migrations import upgrade
from storage.sql import open_database
from tests.helpers.storage import a_row, a_transcript, new_database

_TOKENS = text("SELECT term, doc FROM recognition_terms")


async def test_the_index_holds_exactly_the_rows_that_are_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'h.db'}"
    upgrade(url)
    database = open_database(url)
    history = SqlHistory(database)
    vocabulary = text("CREATE VIRTUAL TABLE recognition_terms USING fts5vocab(recognition_search, row)")
    await database.write(lambda connection: connection.execute(vocabulary).close())

    async def tokens() -> dict[str, int]:
        found = await database.read(lambda connection: [tuple(row) for row in connection.execute(_TOKENS)])
        return {str(term): int(rows) for term, rows in found}

    row = a_row(filename="甲")
    await history.insert(row)
    before = await tokens()
    assert before["7532"] == 1
    assert len(before) == 2
    await history.finish(row.with_changes(status=Status.SUCCEEDED, filename="甲", transcript=a_transcript("乙")))
    after = await tokens()
    assert set(after) == set(before) | {"a", "4e59"}
    assert set(after.values()) == {1}
    await history.delete([row.id], user=None)
    assert await tokens() == {}
    database.close()


@pytest.mark.parametrize(
    "query",
    [
        HistoryQuery(None, held=True),
        HistoryQuery("anna", held=True),
        HistoryQuery(None, "天气", held=True),
        HistoryQuery("anna", held=True, statuses=(Status.SUCCEEDED,), nodes=("one",)),
    ],
)
async def test_who_lists_what_is_held_reads_nothing_else(tmp_path: Path, query: HistoryQuery) -> None:
    """Of millions of rows some hundreds are; the index of all that a user has would be read to its end."""
    plans: list[str] = []

    def explain(connection: Connection, cursor: object, statement: str, parameters: Any, *rest: object) -> None:
        if "LIMIT" in statement and not statement.startswith("EXPLAIN"):
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" | ".join(row[3] for row in plan))

    with new_database(tmp_path) as database:
        event.listen(database.engine, "before_cursor_execute", explain)
        await SqlHistory(database).page(query)
    [plan] = plans
    assert "USING INDEX ix_recognitions_hold" in plan
    assert "(rowid=?)" in plan or "AND key=?" in plan, "one row at a time"
