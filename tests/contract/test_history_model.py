"""Pages and search against the naive way to do them, on texts that hypothesis makes up."""

import asyncio
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.history import HistoryQuery
from domain.recognition import Recognition
from storage.history import SqlHistory
from storage.sql import Database
from tests.helpers.storage import succeeded

#: Few characters, so that they meet often: Chinese, Latin in both cases, marks and white space.
TEXTS = st.text("天气好abAB1，. %_\"'*\n　", max_size=12)
QUERIES = st.text('天气好abA1，.%_"* ', max_size=4)
USERS = count()


def naive(rows: list[Recognition], query: str) -> list[str]:
    def holds(row: Recognition, word: str) -> bool:
        texts = (row.filename, row.transcript.raw_text or "", row.transcript.normalized_text or "")
        return any(word in text.lower().replace("，", ",") for text in texts)

    words = query.lower().replace("，", ",").split()
    return sorted((row.id for row in rows if all(holds(row, word) for word in words)), reverse=True)


async def check(database: Database, texts: list[tuple[str, str, str]], queries: list[str], limit: int) -> None:
    history = SqlHistory(database)
    user = f"visitor-{next(USERS)}"
    rows = [succeeded(raw, written, filename=name, user=user) for raw, written, name in texts]
    await asyncio.gather(*(history.insert(row) for row in rows))
    for query in ["", *queries]:
        seen: list[str] = []
        before: str | None = None
        while True:
            page = await history.page(HistoryQuery(user=user, text=query, limit=limit, before_id=before))
            seen += [row.id for row in page.rows]
            before = page.next_before_id
            if before is None:
                break
        assert seen == naive(rows, query)
    await history.delete([row.id for row in rows], user=user)
    assert (await history.page(HistoryQuery(user=user))).rows == ()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=6),
    queries=st.lists(QUERIES, max_size=3),
    limit=st.integers(1, 4),
)
def test_pages_and_search_are_what_a_plain_scan_gives(
    database: Database, texts: list[tuple[str, str, str]], queries: list[str], limit: int
) -> None:
    asyncio.run(check(database, texts, queries, limit))
