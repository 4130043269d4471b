"""The recordings in a bucket of an object store that speaks S3: implements ``domain.ports.AudioStore``.

A recording is there whole or not at all: parts that were sent are no object until the store has put them together. In
and out it goes in pieces, so that memory does not grow with it, and each request is bounded in time.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import obstore
from obstore.exceptions import BaseError, GenericError
from obstore.store import S3Store

from domain.audio_address import S3Address
from domain.audio_keys import audio_gone, is_audio_key, new_audio_key, put_at
from domain.errors import NotFound, StorageUnavailable
from storage.audio_copies import Copies
from storage.audio_reasons import reason_of

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential

T = TypeVar("T")

#: S3 takes no smaller parts, but for the last one; one is on its way while the next fills.
PART_BYTES = 5 << 20
_PARTS_AT_ONCE = 1
#: What one request brings of a recording that is wanted whole.
_PIECE_BYTES = 4 << 20
_FILE_BYTES = 1 << 20
#: Recordings that are on their way at a time: what they hold in memory has a limit.
_TRANSFERS = 8
#: A request that takes longer has failed. A part has to come through in this time.
REQUEST_SECONDS = 15.0
_CONNECT_SECONDS = 3.0
_RETRIES = 2
#: After a failure that took its time, nobody else waits for the store for so long.
_AWAY_SECONDS, _SLOW_SECONDS = 5.0, 1.0
#: Objects that are removed in one go.
_BATCH = 100
#: What is missing where this is said is more than a recording.
_NO_BUCKET = "NoSuchBucket"


class S3AudioStore:
    """See ``domain.ports.AudioStore``. Any number of processes, on any machines, may share a bucket."""

    def __init__(
        self,
        address: S3Address,
        *,
        work_dir: Path,
        access_key: str = "",
        secret_key: str = "",
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        """``work_dir``: where copies lie while they are used. Without keys the library looks for them by itself.

        Raises :class:`StorageUnavailable` where the address cannot be used.
        """
        try:
            self._store = _open(address, access_key, secret_key, request_seconds)
        except (BaseError, OSError, ValueError) as error:
            raise StorageUnavailable(f"{address} cannot be used: {reason_of(error)}", part="audio") from error
        self._copies = Copies(work_dir, self._fetch)
        self._transfers = asyncio.Semaphore(_TRANSFERS)
        self._away_until = 0.0
        #: Work that nobody waits for; without a name it might be collected while it runs.
        self._left_alone: set[asyncio.Task[None]] = set()

    async def put_file(self, path: Path, *, suffix: str = "") -> str:
        """Sends a local file in parts."""
        if not path.is_file():
            raise NotFound(f"there is no file {path.name!r} to store")
        key, stop = new_audio_key(suffix), Event()
        # An upload that is dropped leaves parts that nobody sees and somebody pays for; one that fails removes them.
        upload = asyncio.create_task(self._put(path, key, stop))
        try:
            await asyncio.shield(upload)
        except asyncio.CancelledError:
            stop.set()
            self._leave_alone(upload)
            raise
        return key

    @asynccontextmanager
    async def local(self, key: str) -> AsyncGenerator[Path]:
        """A copy, which those who want the same recording at the same time share."""
        if not is_audio_key(key):
            raise audio_gone()
        async with self._copies.use(key) as path:
            yield path

    async def exists(self, key: str) -> bool:
        """Asks for its size."""
        try:
            await self.size(key)
        except NotFound:
            return False
        return True

    async def size(self, key: str) -> int:
        """As the store has it."""
        if not is_audio_key(key):
            raise audio_gone()
        try:
            return (await self._ask(lambda: obstore.head_async(self._store, key)))["size"]
        except NotFound:
            await self._ask(self._first_page)  # this answer does not say whether there is a bucket at all
            raise

    async def read(self, key: str, start: int, end: int) -> bytes:
        """One request for each piece: a player that pauses for an hour keeps no connection open."""
        if not is_audio_key(key):
            raise audio_gone()
        if start >= end:
            return b""
        piece = await self._ask(lambda: obstore.get_range_async(self._store, key, start=start, end=end))
        return bytes(piece)

    async def delete(self, keys: Sequence[str]) -> None:
        """A missing or impossible key is no error."""
        wanted = [key for key in keys if is_audio_key(key)]
        for first in range(0, len(wanted), _BATCH):
            batch = wanted[first : first + _BATCH]
            try:
                await self._ask(lambda batch=batch: obstore.delete_async(self._store, batch))
            except NotFound:
                # One that is missing is an error to some stores, and keeps none of the others.
                for key in batch:
                    with suppress(NotFound):
                        await self._ask(lambda key=key: obstore.delete_async(self._store, key))

    async def keys_older_than(self, seconds: float) -> list[str]:
        """By the time in the key; what somebody else keeps in the bucket is not looked at."""
        moment = datetime.now(UTC) - timedelta(seconds=seconds)
        found: list[str] = []
        pages = aiter(obstore.list(self._store, chunk_size=1000))  # pyright: ignore[reportUnknownMemberType]
        while page := await self._ask(lambda: _next(pages)):
            keys = (item["path"] for item in page)
            found += [key for key in keys if is_audio_key(key) and (put := put_at(key)) and put < moment]
        return sorted(found)

    async def _first_page(self) -> object:
        return await _next(aiter(obstore.list(self._store, chunk_size=1)))  # pyright: ignore[reportUnknownMemberType]

    async def _put(self, path: Path, key: str, stop: Event) -> None:
        async with self._transfers:
            try:
                with path.open("rb") as file:
                    parts = _pieces(file, stop)
                    await self._ask(lambda: self._send(key, parts))
            except (NotFound, StorageUnavailable, OSError) as error:
                if not stop.is_set():
                    raise self._not_stored(key, error) from error
            if stop.is_set():
                await self._remove(key)

    async def _send(self, key: str, parts: Iterator[bytes]) -> None:
        await obstore.put_async(self._store, key, parts, chunk_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE)

    def _not_stored(self, key: str, error: Exception) -> StorageUnavailable:
        # The store may have it all the same: only its answer was lost. Nobody waits for that.
        self._leave_alone(asyncio.create_task(self._remove(key)))
        why = error.message if isinstance(error, StorageUnavailable) else reason_of(error.__cause__ or error)
        return StorageUnavailable(f"the recording cannot be stored: {why}", part="audio")

    def _leave_alone(self, task: asyncio.Task[None]) -> None:
        self._left_alone.add(task)
        task.add_done_callback(self._left_alone.discard)

    async def _remove(self, key: str) -> None:
        """What cannot be removed now, the sweep finds."""
        with suppress(StorageUnavailable):
            await self.delete([key])

    async def _fetch(self, key: str, target: Path) -> None:
        async with self._transfers:
            size = await self.size(key)
            with target.open("wb") as file:
                for start in range(0, size, _PIECE_BYTES):
                    end = min(start + _PIECE_BYTES, size)
                    piece = await self.read(key, start, end)
                    if len(piece) != end - start:
                        raise StorageUnavailable("the audio store gave less than there is", part="audio")
                    await asyncio.to_thread(file.write, piece)

    async def _ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """Makes a request. Raises :class:`NotFound` and :class:`StorageUnavailable`."""
        if time.monotonic() < self._away_until:
            raise StorageUnavailable("the audio store does not answer; it is asked again in a moment", part="audio")
        started = time.monotonic()
        try:
            return await request()
        except FileNotFoundError as error:
            if _NO_BUCKET in str(error):
                raise StorageUnavailable(f"the audio store cannot be used: {reason_of(error)}", part="audio") from error
            raise audio_gone() from error
        except (BaseError, ValueError) as error:
            if isinstance(error, GenericError) and time.monotonic() - started > _SLOW_SECONDS:
                self._away_until = time.monotonic() + _AWAY_SECONDS
            raise StorageUnavailable(f"the audio store does not answer: {reason_of(error)}", part="audio") from error


def _open(address: S3Address, access_key: str, secret_key: str, request_seconds: float) -> S3Store:
    config: S3Config = {
        "virtual_hosted_style_request": address.virtual,
        # Not every store can remove many objects with one request.
        "disable_bulk_delete": True,
    }
    if address.endpoint:
        config["endpoint"] = _endpoint(address)
    if address.region:
        config["region"] = address.region
    keys: S3Credential = {"access_key_id": access_key, "secret_access_key": secret_key, "expires_at": None}
    client: ClientConfig = {
        "allow_http": True,
        "connect_timeout": timedelta(seconds=min(_CONNECT_SECONDS, request_seconds)),
        "timeout": timedelta(seconds=request_seconds),
    }
    if address.ca:
        client["root_certificate"] = Path(address.ca).read_text(encoding="ascii")
    retries: RetryConfig = {
        "max_retries": _RETRIES,
        "retry_timeout": timedelta(seconds=request_seconds),
        "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=1), "base": 2},
    }
    return S3Store(
        address.bucket,
        prefix=address.prefix or None,
        config=config,
        client_options=client,
        retry_config=retries,
        # Not as settings: the library would send the machine's AWS_SESSION_TOKEN with them.
        credential_provider=(lambda: keys) if access_key else None,
    )


def _endpoint(address: S3Address) -> str:
    """With the bucket in the host's name, where that is the store's style."""
    scheme, _, host = address.endpoint.partition("://")
    return f"{scheme}://{address.bucket}.{host}" if address.virtual else address.endpoint


def _pieces(file: BinaryIO, stop: Event) -> Iterator[bytes]:
    while piece := file.read(_FILE_BYTES):
        if stop.is_set():
            raise InterruptedError("nobody waits for this upload any more")
        yield piece


async def _next(pages: AsyncIterator[T]) -> T | None:
    return await anext(pages, None)
