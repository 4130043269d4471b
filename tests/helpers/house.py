"""The services as one house: real storage, the real board, and nodes that a test scripts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.local_board import LocalBoard
from domain.access import Visitor
from domain.options import RecognitionOptions
from domain.recognition import Recognition, Source, Stage
from metrics import PrometheusObserver
from services.dispatch import Dispatch
from services.history import History
from services.known_audio import KnownAudio
from services.model_choice import ModelChoice
from services.transcription import Transcription
from storage.audio import FileAudioStore
from storage.cache import EmbeddedCache
from storage.flight import LocalFlight
from storage.history import SqlHistory
from storage.migrations import upgrade
from storage.models import SqlModelRegistry
from storage.process_locks import ProcessLocks
from storage.sql import open_database
from tests.helpers.scripted import ScriptedPool

ME, OTHER = Visitor("me"), Visitor("other")
ADMIN = Visitor("root", is_admin=True)


@dataclass
class House:
    """What a test reaches for."""

    transcription: Transcription
    history: History
    store: SqlHistory
    audio: FileAudioStore
    pool: ScriptedPool

    async def submit(
        self, path: Path, *, visitor: Visitor = ME, use_cache: bool = True, **options: object
    ) -> Recognition:
        """Hands a file over."""
        return await self.transcription.submit(
            path,
            path.name,
            RecognitionOptions.of(**options),  # type: ignore[arg-type]
            visitor=visitor,
            source=Source.API,
            use_cache=use_cache,
        )

    async def recognise(
        self, path: Path, *, visitor: Visitor = ME, use_cache: bool = True, **options: object
    ) -> Recognition:
        """Hands a file over and waits for its end."""
        row = await self.submit(path, visitor=visitor, use_cache=use_cache, **options)
        return await self.transcription.wait(row.id, visitor=visitor, timeout_seconds=30)


@asynccontextmanager
async def house(
    folder: Path, pool: ScriptedPool, owner: str = "here", itn_by: str = "preset", queue_seconds: float = 20
) -> AsyncIterator[House]:
    """Everything around ``pool``, in ``folder``."""
    url = f"sqlite:///{folder / 'history.db'}"
    upgrade(url)
    database = open_database(url)
    store, registry, observer = SqlHistory(database), SqlModelRegistry(database), PrometheusObserver()
    audio, cache, board = FileAudioStore(folder / "audio"), EmbeddedCache(folder / "cache.db", 10**8), LocalBoard()
    await registry.expect(pool.model, "f1")
    pool.on_change = board.observe
    await pool.refresh()
    neighbours = ProcessLocks(folder / "processes", owner)
    transcription = Transcription(
        store,
        audio,
        KnownAudio(cache, observer, ttl_seconds=3600),
        LocalFlight(),
        ModelChoice(pool, registry, itn_by=itn_by),
        Dispatch(board, pool, observer, queue_seconds=queue_seconds),
        observer,
        neighbours,
        max_audio_seconds=3600,
        work_dir=folder,
    )
    await transcription.runner.start()
    try:
        yield House(transcription, History(store, audio), store, audio, pool)
    finally:
        await transcription.runner.stop()
        transcription.close()
        neighbours.close()
        cache.close()
        database.close()


async def until_recognising(house: House, row: Recognition) -> Recognition:
    """Waits until a node has given the first segment."""
    async for state in house.transcription.follow(row.id, visitor=ME):
        if state.progress.stage is Stage.RECOGNISING and state.progress.segment:
            return state
    raise AssertionError("it ended first")
