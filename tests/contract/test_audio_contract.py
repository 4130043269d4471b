"""What every audio store must do, wherever the recordings lie."""

import asyncio
import os
import re
import time
from pathlib import Path

import pytest

from domain.errors import NotFound
from domain.ids import new_id
from domain.ports import AudioStore
from storage.audio_files import FileAudioStore
from tests.helpers.s3_server import S3Server

KEY = re.compile(r"20\d\d/[01]\d/[0-9a-f-]{36}(\.[a-z0-9]{1,8})?")
MIB = 1 << 20
BAD_KEYS = [
    "",
    ".",
    "..",
    "/etc/passwd",
    "../secret.wav",
    "2026/11/../../../secret.wav",
    "2026/11/secret.wav",
    "2026/11/01a1faf6-5565-75b3-a0d3-1d298e15afb3.wav/../x",
    "2026/11/01a1faf6-5565-75b3-a0d3-1d298e15afb3.wav\n",
    "2026/11/01a1faf6-5565-75b3-a0d3-1d298e15afb3.wav\x00",
    "file:///etc/passwd",
    "２０２６/11/01a1faf6-5565-75b3-a0d3-1d298e15afb3.wav",
    "2026/11/01a1faf6-5565-75b3-a0d3-1d298e15afb3.wav#1",
]


@pytest.fixture(params=["copied", "linked", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AudioStore:
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        (tmp_path / "work").mkdir()
        return server.store(tmp_path / "work")
    uploads = {"copied": [], "linked": [tmp_path / "uploads"]}[request.param]
    return FileAudioStore(tmp_path / "store" / "audio", written_once=uploads)


async def put(store: AudioStore, tmp_path: Path, data: bytes = b"x", suffix: str = "") -> str:
    """Puts an upload, of which nothing stays but what the store has."""
    upload = tmp_path / "uploads" / new_id()
    upload.parent.mkdir(exist_ok=True)
    upload.write_bytes(data)
    key = await store.put_file(upload, suffix=suffix)
    upload.unlink()
    return key


async def content(store: AudioStore, key: str) -> bytes:
    async with store.local(key) as path:
        return path.read_bytes()


async def test_a_file_comes_back(store: AudioStore, tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    source.write_bytes(bytes(range(256)) * 12_345)
    key = await store.put_file(source, suffix=".wav")
    assert KEY.fullmatch(key)
    assert key.endswith(".wav")
    assert await content(store, key) == source.read_bytes()
    source.write_bytes(b"changed later")
    assert len(await content(store, key)) == 256 * 12_345


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 17, 5 * MIB, 12 * MIB + 3])
async def test_a_file_of_any_size_comes_back_whole(store: AudioStore, tmp_path: Path, size: int) -> None:
    data = (bytes(number % 251 for number in range(1_000)) * (size // 1_000 + 1))[:size]
    assert await content(store, await put(store, tmp_path, data, "mp3")) == data


async def test_the_same_recording_put_again_is_another_one(store: AudioStore, tmp_path: Path) -> None:
    first = await put(store, tmp_path)
    async with store.local(first) as path:
        keys = await asyncio.gather(*(store.put_file(path) for _ in range(20)))
    assert len({first, *keys}) == 21
    await store.delete([first, *keys[1:]])
    assert await content(store, keys[0]) == b"x"


@pytest.mark.parametrize(
    ("suffix", "end"),
    [
        (".wav", ".wav"),
        ("MP3", ".mp3"),
        (" .M4A ", ".m4a"),
        ("", ""),
        (".", ""),
        ("..", ""),
        ("./../../x", ""),
        (".tar.gz", ""),
        (".waytoolongsuffix", ""),
        (".wäv", ""),
        (".ｗａｖ", ""),
        (".w\x00v", ""),
        (".wav\n/x", ""),
        ("😀", ""),
    ],
)
async def test_only_a_harmless_suffix_becomes_part_of_the_key(
    store: AudioStore, tmp_path: Path, suffix: str, end: str
) -> None:
    key = await put(store, tmp_path, suffix=suffix)
    assert KEY.fullmatch(key)
    assert key[8 + 36 :] == end


async def test_a_file_that_is_not_there_cannot_be_stored(store: AudioStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await store.put_file(tmp_path / "nothing.wav")
    with pytest.raises(NotFound):
        await store.put_file(tmp_path)


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_an_impossible_key_leads_nowhere(store: AudioStore, tmp_path: Path, key: str) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"secret")
    with pytest.raises(NotFound):
        async with store.local(key):
            pass
    assert not await store.exists(key)
    with pytest.raises(NotFound):
        await store.size(key)
    with pytest.raises(NotFound):
        await store.read(key, 0, 1)
    await store.delete([key])
    assert secret.read_bytes() == b"secret"


async def test_what_was_deleted_has_gone(store: AudioStore, tmp_path: Path) -> None:
    key = await put(store, tmp_path, b"x")
    kept = await put(store, tmp_path, b"y")
    await store.delete([key, "2026/11/01a1faf6-5565-75b3-a0d3-1d298e15afb3.wav"])
    await store.delete([key])
    with pytest.raises(NotFound):
        await content(store, key)
    with pytest.raises(NotFound):
        await store.size(key)
    with pytest.raises(NotFound):
        await store.read(key, 0, 1)
    assert [await store.exists(key), await store.exists(kept)] == [False, True]
    assert await content(store, kept) == b"y"


async def test_any_piece_can_be_read(store: AudioStore, tmp_path: Path) -> None:
    data = bytes(range(256)) * 8_192
    key = await put(store, tmp_path, data)
    assert await store.size(key) == len(data) == 2 * MIB
    for start, end in ((0, 1), (0, MIB), (MIB - 3, MIB + 3), (len(data) - 1, len(data)), (5, 5), (0, len(data))):
        assert await store.read(key, start, end) == data[start:end]
    nothing = await put(store, tmp_path, b"")
    assert await store.size(nothing) == 0
    assert await store.read(nothing, 0, 0) == b""


async def test_many_use_one_recording_at_once_and_nothing_stays_of_it(store: AudioStore, tmp_path: Path) -> None:
    key = await put(store, tmp_path, b"x" * 100_000, "wav")

    async def use(hold_seconds: float) -> int:
        async with store.local(key) as path:
            await asyncio.sleep(hold_seconds)
            return len(path.read_bytes())

    used = [asyncio.create_task(use(n / 100)) for n in range(8)]
    used[3].cancel()
    done = await asyncio.gather(*used, return_exceptions=True)
    assert [size for size in done if not isinstance(size, BaseException)] == [100_000] * 7
    assert await use(0) == 100_000
    assert not list((tmp_path / "work").glob("*"))


async def test_an_upload_that_is_given_up_leaves_nothing(store: AudioStore, tmp_path: Path) -> None:
    upload = tmp_path / "big.wav"
    upload.write_bytes(bytes(30 * MIB))
    # While it is copied, while it is made durable, and when it is there.
    for milliseconds in (0, 1, 3, 5, 10, 15, 20, 40):
        task = asyncio.create_task(store.put_file(upload))
        await asyncio.sleep(milliseconds / 1000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        deadline = time.monotonic() + 90  # a bucket's upload ends by itself
        while await store.keys_older_than(-60) != ([] if task.cancelled() else [task.result()]):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        if not task.cancelled():
            await store.delete([task.result()])


async def test_recordings_are_listed_by_age(store: AudioStore, tmp_path: Path) -> None:
    assert await store.keys_older_than(0) == []
    keys = [await put(store, tmp_path, suffix="wav") for _ in range(3)]
    assert await store.keys_older_than(3_600) == []
    assert await store.keys_older_than(-60) == sorted(keys)


async def test_the_age_of_a_recording_counts_from_when_it_was_put(store: AudioStore, tmp_path: Path) -> None:
    upload = tmp_path / "uploads" / "old"
    upload.parent.mkdir()
    upload.write_bytes(b"x")
    os.utime(upload, (0, 0))
    await store.put_file(upload)
    assert await store.keys_older_than(3_600) == []
