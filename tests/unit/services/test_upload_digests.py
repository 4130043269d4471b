"""Digests of uploads are made ahead, and are those of the file all the same."""

import asyncio
import threading
from pathlib import Path

import pytest

from domain.errors import StorageUnavailable
from services import upload_digests
from services.upload_digests import UploadDigests
from speech.identity import file_digest


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file that was read whole."""
    read: list[Path] = []

    def noted(path: Path) -> str:
        read.append(path)
        return file_digest(path)

    monkeypatch.setattr(upload_digests, "file_digest", noted)
    return read


def upload(folder: Path, data: bytes = b"x" * 3_000_000, name: str = "a.wav") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 3_000_001])
async def test_what_comes_in_piece_by_piece_has_the_digest_of_the_file(
    tmp_path: Path, reads: list[Path], size: int
) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    path, uploads = upload(tmp_path, data[:size]), UploadDigests()
    running = uploads.begin()
    for start in range(0, size, 70_000):
        running.update(bytearray(data[start : min(start + 70_000, size)]))
    uploads.learn(path, running.value)
    assert await uploads.of(path) == file_digest(path)
    assert reads == []


async def test_what_is_foreseen_is_read_once(tmp_path: Path, reads: list[Path]) -> None:
    path, uploads = upload(tmp_path), UploadDigests()
    uploads.foresee(path)
    uploads.foresee(path)
    assert await asyncio.gather(uploads.of(path), uploads.of(path)) == [file_digest(path)] * 2
    uploads.foresee(path)
    assert await uploads.of(path) == file_digest(path)
    assert reads == [path]


async def test_nobody_is_kept_by_one_who_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()

    def slow(path: Path) -> str:
        assert goes_on.wait(60)
        return file_digest(path)

    monkeypatch.setattr(upload_digests, "file_digest", slow)
    path, uploads = upload(tmp_path), UploadDigests()
    uploads.foresee(path)
    leaving, staying = asyncio.create_task(uploads.of(path)), asyncio.create_task(uploads.of(path))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    goes_on.set()
    assert leaving.cancelled()
    assert await staying == file_digest(path)


async def test_a_file_that_was_changed_is_read_anew(tmp_path: Path, reads: list[Path]) -> None:
    path, uploads = upload(tmp_path), UploadDigests()
    uploads.foresee(path)
    before = await uploads.of(path)
    upload(tmp_path, b"other sound")
    assert await uploads.of(path) == file_digest(path) != before
    assert len(reads) == 2


async def test_a_file_that_went_says_so_to_whoever_asks(tmp_path: Path) -> None:
    uploads = UploadDigests()
    uploads.foresee(tmp_path / "gone.wav")
    with pytest.raises(StorageUnavailable):
        await uploads.of(tmp_path / "gone.wav")
    path = upload(tmp_path)
    uploads.foresee(path)
    await uploads.of(path)
    path.unlink()
    with pytest.raises(StorageUnavailable):
        await uploads.of(path)


async def test_as_many_are_remembered_as_there_is_room_for(
    tmp_path: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_digests, "MAX_UPLOADS", 2)
    uploads = UploadDigests()
    paths = [upload(tmp_path, name=f"{n}.wav") for n in range(3)]
    for path in paths:
        uploads.learn(path, file_digest(path))
    for path in paths:
        await uploads.of(path)
    assert reads == paths[:1]
