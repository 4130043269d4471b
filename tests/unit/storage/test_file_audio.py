"""Recordings on the disk: whole or not there, also when the disk is full or the writer dies."""

import errno
import os
from pathlib import Path

import pytest

from domain.errors import StorageUnavailable
from domain.ids import new_id
from storage.audio_files import FileAudioStore
from tests.helpers.storage import run_python

FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from domain.errors import StorageUnavailable
from storage.audio_files import FileAudioStore

async def main():
    root, source = Path(sys.argv[1]), Path(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))
    try:
        await FileAudioStore(root).put_file(source)
    except StorageUnavailable as error:
        print(error.details["part"])

asyncio.run(main())
"""


async def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    source.write_bytes(bytes(6 << 20))
    root = tmp_path / "audio"
    assert run_python(FULL_DISK, root, source).split() == ["audio"]
    assert [path for path in root.rglob("*") if path.is_file()] == []


async def test_part_files_of_dead_writers_are_swept(tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    source.write_bytes(b"x")
    store = FileAudioStore(tmp_path / "audio")
    key = await store.put_file(source, suffix="wav")
    long_ago = f"2026/01/019b7600{new_id()[8:]}.wav#1"
    part = tmp_path / "audio" / long_ago
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")
    (tmp_path / "audio" / "notes.txt").write_text("not ours")
    old = await store.keys_older_than(3_600)
    assert old == [long_ago]
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


async def test_one_that_cannot_be_removed_keeps_none_of_the_others(tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    source.write_bytes(b"x")
    store = FileAudioStore(tmp_path / "audio")
    keys = [await store.put_file(source) for _ in range(3)]
    (tmp_path / "audio" / keys[1]).unlink()
    (tmp_path / "audio" / keys[1]).mkdir()
    with pytest.raises(StorageUnavailable):
        await store.delete(keys)
    assert [await store.exists(key) for key in keys] == [False] * 3


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "uploads" / "in.wav"
    path.parent.mkdir()
    path.write_bytes(b"take 1")
    return path


@pytest.fixture
def store(tmp_path: Path) -> FileAudioStore:
    return FileAudioStore(tmp_path / "audio", written_once=[tmp_path / "uploads"])


async def test_an_upload_is_not_copied(store: FileAudioStore, upload: Path) -> None:
    async with store.local(await store.put_file(upload)) as path:
        assert path.samefile(upload)
        upload.unlink()
        assert path.read_bytes() == b"take 1"
        async with store.local(await store.put_file(path)) as again:
            assert again != path and again.samefile(path)


async def test_a_file_that_people_may_write_over_is_copied(store: FileAudioStore, upload: Path, tmp_path: Path) -> None:
    own = upload.rename(tmp_path / "take.wav")
    (tmp_path / "uploads" / "link.wav").symlink_to(own)
    for source in (own, tmp_path / "uploads" / "link.wav", tmp_path / "uploads" / ".." / "take.wav"):
        own.write_bytes(b"take 1")
        async with store.local(await store.put_file(source)) as path:
            own.write_bytes(b"another take")
            assert path.read_bytes() == b"take 1"
            assert not path.is_symlink()


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP])
async def test_an_upload_that_cannot_be_linked_is_copied(
    store: FileAudioStore, upload: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def no_link(*names: object, **options: object) -> None:
        tried.append(number)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", no_link)
    async with store.local(await store.put_file(upload, suffix="wav")) as path:
        assert tried == [number]
        assert path.read_bytes() == b"take 1"
        assert not path.samefile(upload)
