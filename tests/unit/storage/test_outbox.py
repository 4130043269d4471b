"""Rows that wait for their database, and what they need meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.audio_keys import new_audio_key
from domain.recognition import Recognition
from storage.outbox import LastingHistory, Outbox
from storage.process_locks import ProcessLocks
from tests.helpers.storage import a_row, new_database, succeeded


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    processes = ProcessLocks(tmp_path / "processes", "here")
    yield Outbox(tmp_path / "outbox", processes)
    processes.close()


def waiting(outbox: Outbox, row: Recognition) -> str:
    outbox.put(row, is_new=True)
    assert row.audio_key
    return row.audio_key


async def test_rows_that_wait_or_were_set_aside_use_their_recordings(tmp_path: Path, outbox: Outbox) -> None:
    refused = succeeded(audio_key=new_audio_key("wav"))
    keys = [waiting(outbox, a_row(audio_key=new_audio_key("wav"))), waiting(outbox, refused)]
    outbox.put(succeeded(), is_new=True)
    outbox.set_aside(tmp_path / "outbox" / refused.id)
    (tmp_path / "outbox" / "torn.refused").write_bytes(b"{")
    with new_database(tmp_path) as database:
        history = LastingHistory(database, outbox)
        assert await history.audio_keys_in_use([*keys, new_audio_key("wav")]) == set(keys)
        # Nobody but a person brings in what was set aside.
        assert await history.land() == 2
