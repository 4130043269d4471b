"""Local copies of recordings that lie elsewhere, for as long as somebody uses them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from domain.errors import StorageUnavailable
from domain.ids import new_id


@dataclass(slots=True)
class _Copy:
    path: Path
    fetching: asyncio.Task[None]
    users: int = 0


class Copies:
    """Files in ``folder``, one for each recording whoever uses it; ``fetch`` writes the whole of it or raises."""

    def __init__(self, folder: Path, fetch: Callable[[str, Path], Awaitable[None]]) -> None:
        self._folder = folder
        self._fetch = fetch
        self._copies: dict[str, _Copy] = {}

    @asynccontextmanager
    async def use(self, key: str) -> AsyncGenerator[Path]:
        """The copy; the last one who uses it removes it. Raises what ``fetch`` does."""
        copy = self._copies.get(key)
        if copy is None:
            # What a crash leaves is swept as all of the folder is.
            path = self._folder / f"audio-{new_id()}{PurePosixPath(key).suffix}"
            copy = self._copies[key] = _Copy(path, asyncio.create_task(self._make(key, path)))
        copy.users += 1
        try:
            # Who goes away takes it from nobody else.
            await asyncio.shield(copy.fetching)
            yield copy.path
        finally:
            copy.users -= 1
            if not copy.users:
                del self._copies[key]
                copy.fetching.cancel()
                await asyncio.gather(copy.fetching, return_exceptions=True)
                await asyncio.to_thread(copy.path.unlink, missing_ok=True)

    async def _make(self, key: str, path: Path) -> None:
        try:
            await self._fetch(key, path)
        except OSError as error:
            raise StorageUnavailable(f"there is no room for a copy of the recording: {error}", part="audio") from error
