"""An object store that refuses, breaks off, hangs or knows us not: said in bounded time, and nothing half is kept."""

import asyncio
import gc
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import obstore
import pytest
from obstore.store import S3Store

from domain.audio_address import S3Address
from domain.audio_keys import new_audio_key
from domain.errors import StorageUnavailable
from domain.ids import new_id
from storage import audio_s3
from storage.audio_s3 import S3AudioStore
from tests.helpers.faulty_proxy import FaultyProxy, faulty_proxy
from tests.helpers.s3_server import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server
from tests.helpers.storage import start_python

MIB = 1 << 20


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3_server.port) as between:
        yield between


@pytest.fixture
def prefix() -> str:
    return new_id()


@pytest.fixture
def store(
    s3_server: S3Server, proxy: FaultyProxy, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> S3AudioStore:
    """By way of the proxy; a request may take a second, and after a failure it is left alone for one."""
    monkeypatch.setattr(audio_s3, "_AWAY_SECONDS", 1.0)
    return s3_server.store(tmp_path, prefix=prefix, port=proxy.port, request_seconds=1)


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "in.wav"
    path.write_bytes(bytes(range(256)) * (12 * MIB // 256))
    return path


async def recovered(store: S3AudioStore, upload: Path) -> str:
    """The key of the first recording that it takes again."""
    deadline = time.monotonic() + 90
    while True:
        try:
            return await store.put_file(upload)
        except StorageUnavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


def fail(proxy: FaultyProxy, how: str) -> None:
    if how == "cut":
        proxy.cut(after_bytes=900)
    else:
        getattr(proxy, how)()


@pytest.mark.parametrize("how", ["refuse", "blackhole", "cut"])
async def test_a_recording_is_stored_whole_or_refused(
    store: S3AudioStore, s3_server: S3Server, proxy: FaultyProxy, prefix: str, upload: Path, how: str
) -> None:
    fail(proxy, how)
    started = time.monotonic()
    with pytest.raises(StorageUnavailable) as caught:
        await store.put_file(upload)
    assert caught.value.details["part"] == "audio"
    assert "\n" not in caught.value.message and "http://" not in caught.value.message
    assert time.monotonic() - started < 8
    proxy.heal()
    key = await recovered(store, upload)
    # What arrived whole although its answer was lost, the sweep knows by its key.
    assert set(s3_server.objects(prefix)) == set(await store.keys_older_than(-60)) >= {key}


async def test_what_breaks_off_in_the_middle_is_removed_in_the_store(
    store: S3AudioStore, s3_server: S3Server, proxy: FaultyProxy, prefix: str, upload: Path
) -> None:
    # The answer to the beginning passes, those to the parts do not; the store itself is well.
    proxy.cut(after_bytes=1_000)
    with pytest.raises(StorageUnavailable):
        await store.put_file(upload)
    await asyncio.sleep(0.2)
    assert s3_server.half_uploads(prefix) == []
    assert s3_server.objects(prefix) == []


@pytest.mark.parametrize("how", ["refuse", "blackhole", "cut"])
async def test_half_a_recording_is_never_handed_out(
    store: S3AudioStore, proxy: FaultyProxy, upload: Path, tmp_path: Path, how: str
) -> None:
    key = await store.put_file(upload)
    before = set(tmp_path.iterdir())
    if how == "cut":
        proxy.cut(after_bytes=5 * MIB)
    else:
        fail(proxy, how)
    started = time.monotonic()
    with pytest.raises(StorageUnavailable):
        async with store.local(key):
            pytest.fail("there is no whole copy")
    for ask in (store.size(key), store.exists(key), store.read(key, 0, 100), store.keys_older_than(0)):
        with pytest.raises(StorageUnavailable):
            await ask
    assert time.monotonic() - started < 8
    assert set(tmp_path.iterdir()) == before
    proxy.heal()
    await recovered(store, upload)
    async with store.local(key) as path:
        assert path.read_bytes() == upload.read_bytes()


async def test_while_it_hangs_few_wait_for_it(store: S3AudioStore, proxy: FaultyProxy, upload: Path) -> None:
    proxy.blackhole()
    started = time.monotonic()
    done = await asyncio.gather(*(store.put_file(upload) for _ in range(60)), return_exceptions=True)
    assert all(isinstance(error, StorageUnavailable) for error in done)
    assert time.monotonic() - started < 8


async def test_an_upload_that_is_given_up_is_removed_in_the_store(
    store: S3AudioStore, s3_server: S3Server, proxy: FaultyProxy, prefix: str, upload: Path
) -> None:
    proxy.delay(0.2)
    task = asyncio.create_task(store.put_file(upload))
    while not s3_server.half_uploads(prefix):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    deadline = time.monotonic() + 90
    while s3_server.half_uploads(prefix):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert s3_server.objects(prefix) == []


DYING = """
import asyncio, sys
from pathlib import Path
from domain.audio_address import parse_audio_store
from storage.audio import open_audio_store

place, source, work = sys.argv[1:4]
store = open_audio_store(
    parse_audio_store(place), work_dir=Path(work), access_key=sys.argv[4], secret_key=sys.argv[5]
)
asyncio.run(store.put_file(Path(source)))
"""


async def test_of_a_replica_that_is_killed_no_half_recording_is_seen(
    store: S3AudioStore, s3_server: S3Server, proxy: FaultyProxy, prefix: str, upload: Path, tmp_path: Path
) -> None:
    proxy.delay(0.3)
    url = s3_server.url(prefix, proxy.port)
    with start_python(DYING, url, upload, tmp_path, ACCESS_KEY, SECRET_KEY) as dying:
        while not s3_server.half_uploads(prefix):
            await asyncio.sleep(0.01)
            assert dying.poll() is None
        dying.kill()
    # Its parts are the store's to remove (docs/operation.md has the rule); as a recording there is nothing.
    assert s3_server.objects(prefix) == []
    proxy.heal()
    assert await store.keys_older_than(-60) == []


async def test_a_bucket_that_is_not_there_is_named(
    s3_server: S3Server, upload: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    address = S3Address("no-such-bucket", endpoint=s3_server.endpoint())
    store = S3AudioStore(address, work_dir=tmp_path, access_key="speech", secret_key="hush-hush")
    with pytest.raises(StorageUnavailable, match="NoSuchBucket") as caught:
        await store.put_file(upload)
    assert "hush" not in str(caught.value)
    # It is the store that is missing, not one recording.
    key = new_audio_key("wav")
    for ask in (store.size(key), store.exists(key), store.read(key, 0, 9), store.delete([key]), store.put_file(upload)):
        with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
            await ask
    with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
        async with store.local(key):
            pytest.fail("there is no copy")
    while store._left_alone:
        await asyncio.sleep(0.01)
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_one_that_a_store_misses_keeps_none_of_the_others(
    store: S3AudioStore, s3_server: S3Server, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "small.wav"
    path.write_bytes(b"x")
    keys = [await store.put_file(path) for _ in range(2)]
    missing, delete = new_audio_key("wav"), obstore.delete_async

    async def strict(where: S3Store, doomed: list[str]) -> None:
        if missing in doomed:
            raise FileNotFoundError("404")
        await delete(where, doomed)

    monkeypatch.setattr(audio_s3.obstore, "delete_async", strict)
    await store.delete([keys[0], missing, keys[1]])
    assert s3_server.objects(prefix) == []


async def test_a_token_of_the_machine_is_not_sent_with_keys_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-the-machine")
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        address = S3Address("recordings", endpoint=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        store = S3AudioStore(address, work_dir=tmp_path, access_key="speech", secret_key="hush-hush")
        with pytest.raises(StorageUnavailable):
            await store.size(new_audio_key("wav"))
    assert b"Credential=speech/" in asked[0] and b"security-token" not in asked[0]


async def test_what_somebody_else_keeps_in_the_bucket_is_not_touched(
    store: S3AudioStore, s3_server: S3Server, prefix: str
) -> None:
    async with httpx.AsyncClient(base_url=f"{s3_server.endpoint()}/{BUCKET}/{prefix}", timeout=60) as http:
        for name in ("notes.txt", "2026/11/notes.wav", "backup/2020/01/016f5e66-e800-7000-8000-000000000000.wav"):
            (await http.put(name, content=b"x")).raise_for_status()
    assert await store.keys_older_than(0) == []


def test_a_certificate_that_is_no_file_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match=r"missing\.pem"):
        S3AudioStore(S3Address("recordings", ca=str(tmp_path / "missing.pem")), work_dir=tmp_path)
