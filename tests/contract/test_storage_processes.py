"""Several processes at once, and processes that are killed."""

import asyncio
import hashlib
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from domain.history import HistoryQuery
from domain.recognition import Status
from storage.audio_files import FileAudioStore
from storage.history import SqlHistory
from storage.sql import Database
from tests.helpers.storage import a_row, start_python

CLAIM = """
import asyncio, sys
from pathlib import Path
from storage.history import SqlHistory
from storage.sql import open_database

async def main():
    database = open_database(sys.argv[1])
    history = SqlHistory(database)
    await history.heartbeat(sys.argv[2])
    print("ready", flush=True)
    while not Path(sys.argv[3]).exists():
        await asyncio.sleep(0.001)
    running = set()
    while rows := await history.claim(sys.argv[2], 3, stale_after_seconds=3600, running=running):
        running.update(row.id for row in rows)
        for row in rows:
            print(row.id, row.attempt)
    database.close()

asyncio.run(main())
"""

WRITE = """
import asyncio, hashlib, os, sys
from pathlib import Path
from domain.recognition import Status
from storage.audio_files import FileAudioStore
from storage.history import SqlHistory
from storage.sql import open_database
from tests.helpers.storage import a_row, a_transcript

async def main():
    root, uploads = Path(sys.argv[2]), Path(sys.argv[2] + "-" + sys.argv[3])
    uploads.mkdir()
    # One writer links what the other copies.
    store = FileAudioStore(root, written_once=[uploads] if sys.argv[3] == "p" else [])
    history = SqlHistory(open_database(sys.argv[1]))
    while True:
        data = os.urandom(1_500_000)
        upload = uploads / "upload"
        upload.write_bytes(data)
        key = await store.put_file(upload, suffix="wav")
        upload.unlink()
        row = a_row(audio_key=key, owner=sys.argv[3])
        await history.insert(row)
        print(row.id, key, hashlib.sha256(data).hexdigest(), flush=True)
        await history.finish(row.with_changes(status=Status.SUCCEEDED, transcript=a_transcript("好" * 500)))

asyncio.run(main())
"""


async def test_two_processes_never_claim_the_same_row(database: Database, database_url: str, tmp_path: Path) -> None:
    rows = [a_row(status=Status.QUEUED, attempt=0, owner=None) for _ in range(90)]
    for row in rows:
        await SqlHistory(database).insert(row)
    start = tmp_path / "start"
    processes = [start_python(CLAIM, database_url, name, start) for name in ("p", "q", "r")]
    for process in processes:
        assert process.stdout
        assert await asyncio.to_thread(process.stdout.readline) == "ready\n"
    start.touch()
    outputs = [(await asyncio.to_thread(process.communicate, timeout=60))[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    claimed = [line.split() for output in outputs for line in output.splitlines()]
    assert sorted(claimed) == sorted([row.id, "1"] for row in rows)


async def test_killed_writers_lose_nothing_that_was_accepted(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    root = tmp_path / "audio"
    writers = [start_python(WRITE, database_url, root, name) for name in ("p", "q")]
    accepted: list[list[str]] = []
    for writer in writers:
        assert writer.stdout
        accepted += [(await asyncio.to_thread(writer.stdout.readline)).split() for _ in range(6)]
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
    for writer in writers:
        rest, _ = await asyncio.to_thread(writer.communicate, timeout=60)
        # A line that was cut off was never told to anybody.
        accepted += [line.split() for line in rest.splitlines(keepends=True) if line.endswith("\n")]

    history, store = SqlHistory(database), FileAudioStore(root)
    for recognition_id, key, digest in accepted:
        row = await history.get(recognition_id, user=None)
        assert row is not None
        assert row.audio_key == key
        async with store.local(key) as path:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    # What runs no more can be taken over; what the search finds is exactly what was finished.
    rows = (await history.page(HistoryQuery(user=None, limit=1_000))).rows
    running = {row.id for row in rows if row.status is Status.RUNNING}
    assert {row.id for row in await history.claim("next", 10, stale_after_seconds=0, running=())} == running
    found = (await history.page(HistoryQuery(user=None, text="好好", limit=1_000))).rows
    assert {row.id for row in found} == {row.id for row in rows} - running
    # The sweep finds every file that no row refers to.
    keys = await store.keys_older_than(-60)
    in_use = await history.audio_keys_in_use(keys)
    await store.delete([key for key in keys if key not in in_use])
    assert set(await store.keys_older_than(-60)) == {row.audio_key for row in rows}
    if not database_url.startswith("sqlite:"):
        return
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
