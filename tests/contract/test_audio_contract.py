"""What every audio store must do, wherever the recordings lie."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.errors import NotFound, UploadTooLarge
from domain.ports import AudioStore
from storage.audio import FileAudioStore

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


@pytest.fixture(params=["file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AudioStore:
    return FileAudioStore(tmp_path / "store" / "audio")


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


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


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 17])
async def test_a_stream_comes_back_whole(store: AudioStore, size: int) -> None:
    data = bytes(number % 251 for number in range(1_000)) * (size // 1_000 + 1)
    data = data[:size]
    chunks = [data[start : start + 70_000] for start in range(0, size, 70_000)]
    key = await store.put_stream(pieces(b"", *chunks, b""), suffix="mp3", max_bytes=size)
    assert await content(store, key) == data


async def test_the_same_file_twice_has_two_keys(store: AudioStore) -> None:
    keys = await asyncio.gather(*(store.put_stream(pieces(b"x"), max_bytes=9) for _ in range(20)))
    assert len(set(keys)) == 20


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
async def test_only_a_harmless_suffix_becomes_part_of_the_key(store: AudioStore, suffix: str, end: str) -> None:
    key = await store.put_stream(pieces(b"x"), suffix=suffix, max_bytes=9)
    assert KEY.fullmatch(key)
    assert key[8 + 36 :] == end


async def test_nothing_stays_of_a_stream_that_is_too_long(store: AudioStore) -> None:
    with pytest.raises(UploadTooLarge) as caught:
        await store.put_stream(pieces(*[b"x" * MIB] * 4), max_bytes=3 * MIB)
    assert caught.value.details["limit_bytes"] == 3 * MIB
    await asyncio.sleep(0.01)
    assert await store.keys_older_than(0) == []


@pytest.mark.parametrize("error", [ConnectionResetError("the browser went away"), RuntimeError("x")])
async def test_nothing_stays_of_a_stream_that_breaks(store: AudioStore, error: Exception) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * MIB
        raise error

    with pytest.raises(type(error)):
        await store.put_stream(breaking(), max_bytes=99 * MIB)
    await asyncio.sleep(0.01)
    assert await store.keys_older_than(0) == []


async def test_nothing_stays_of_a_stream_that_is_cancelled(store: AudioStore) -> None:
    reached = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * MIB
        reached.set()
        await asyncio.Event().wait()
        yield b""

    task = asyncio.create_task(store.put_stream(endless(), max_bytes=99 * MIB))
    await asyncio.wait_for(reached.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The store cleans up in a thread of its own.
    for _ in range(500):
        if not await store.keys_older_than(-60):
            return
        await asyncio.sleep(0.01)
    pytest.fail("a part file stayed")


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
    await store.delete([key])
    assert secret.read_bytes() == b"secret"


async def test_what_was_deleted_has_gone(store: AudioStore) -> None:
    key = await store.put_stream(pieces(b"x"), max_bytes=9)
    kept = await store.put_stream(pieces(b"y"), max_bytes=9)
    await store.delete([key, "2026/11/01a1faf6-5565-75b3-a0d3-1d298e15afb3.wav"])
    await store.delete([key])
    with pytest.raises(NotFound):
        await content(store, key)
    assert await content(store, kept) == b"y"


async def test_recordings_are_listed_by_age(store: AudioStore) -> None:
    assert await store.keys_older_than(0) == []
    keys = [await store.put_stream(pieces(b"x"), suffix="wav", max_bytes=9) for _ in range(3)]
    assert await store.keys_older_than(3_600) == []
    assert await store.keys_older_than(-60) == sorted(keys)
