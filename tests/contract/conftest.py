"""The databases that keep one contract: an empty one for each test, of every kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import postgres_search
from storage.migrations import upgrade
from storage.sql import Database, open_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "postgresql":
        # Tests have few rows: all but the newest are to be found by the index.
        monkeypatch.setattr(postgres_search, "_NEWEST_ROWS", 1)
        monkeypatch.setattr(postgres_search, "_MORE_ROWS", 2)
        monkeypatch.setattr(postgres_search, "_MORE_TIMES", 1)
        monkeypatch.setattr(postgres_search, "_SAMPLE_ROWS", 1)
        return request.getfixturevalue("postgres").url()
    url = f"sqlite:///{tmp_path / 'history.db'}"
    upgrade(url)
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    yield database
    database.close()
