"""Recordings on the disk: whole or not there, also when the disk is full or the writer dies."""

import os
from pathlib import Path

from storage.audio import FileAudioStore
from tests.helpers.storage import run_python

FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from domain.errors import StorageUnavailable
from storage.audio import FileAudioStore

async def chunks():
    for _ in range(64):
        yield bytes(100_000)

async def main():
    root, source = Path(sys.argv[1]), Path(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))
    store = FileAudioStore(root)
    for put in (lambda: store.put_stream(chunks(), max_bytes=1 << 30), lambda: store.put_file(source)):
        try:
            await put()
        except StorageUnavailable as error:
            print(error.details["part"])

asyncio.run(main())
"""


async def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    source.write_bytes(bytes(6 << 20))
    root = tmp_path / "audio"
    assert run_python(FULL_DISK, root, source).split() == ["audio", "audio"]
    assert [path for path in root.rglob("*") if path.is_file()] == []


async def test_part_files_of_dead_writers_are_swept(tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    source.write_bytes(b"x")
    store = FileAudioStore(tmp_path / "audio")
    key = await store.put_file(source, suffix="wav")
    part = tmp_path / "audio" / f"{key}#1"
    part.write_bytes(b"half")
    (tmp_path / "audio" / "notes.txt").write_text("not ours")
    os.utime(part, (0, 0))
    old = await store.keys_older_than(3_600)
    assert old == [f"{key}#1"]
    await store.delete(old)
    assert not part.exists()
    async with store.local(key) as path:
        assert path.read_bytes() == b"x"


async def test_a_store_that_is_gone_comes_back_with_the_next_recording(tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    source.write_bytes(b"x")
    store = FileAudioStore(tmp_path / "never" / "made")
    assert await store.keys_older_than(0) == []
    key = await store.put_file(source)
    async with store.local(key) as path:
        assert path.read_bytes() == b"x"
