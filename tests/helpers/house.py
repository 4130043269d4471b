"""The services as one house: real storage, the real board, and nodes that a test scripts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.local_board import LocalBoard
from cluster.redis_board import RedisBoard
from domain.access import Visitor
from domain.options import RecognitionOptions
from domain.parts import LONG_RECORDING_SECONDS
from domain.ports import AudioStore, Board
from domain.recognition import Recognition, Source, Stage
from metrics import PrometheusObserver
from services.decoding import Decoder
from services.dispatch import Dispatch
from services.history import History
from services.known_audio import KnownAudio
from services.long_recordings import LongRecordings
from services.model_choice import ModelChoice
from services.sounds import Sounds
from services.traceless_sounds import TracelessSounds
from services.transcription import Transcription
from storage.audio_files import FileAudioStore
from storage.migrations import upgrade
from storage.models import SqlModelRegistry
from storage.outbox import Outbox
from storage.process_locks import ProcessLocks
from storage.shared import Shared, open_shared
from storage.sql import open_database
from storage.traceless import TracelessHistory
from tests.helpers.scripted import ScriptedPool

ME, OTHER = Visitor("me"), Visitor("other")
ADMIN = Visitor("root", is_admin=True)


@dataclass
class House:
    """What a test reaches for."""

    transcription: Transcription
    history: History
    store: TracelessHistory
    audio: AudioStore
    pool: ScriptedPool
    known: KnownAudio
    board: Board
    shared: Shared
    observer: PrometheusObserver

    async def submit(
        self, path: Path, *, visitor: Visitor = ME, use_cache: bool = True, no_trace: bool = False, **options: object
    ) -> Recognition:
        """Hands a file over."""
        return await self.transcription.submit(
            path,
            path.name,
            RecognitionOptions.of(**options),  # type: ignore[arg-type]
            visitor=visitor,
            source=Source.API,
            use_cache=use_cache,
            no_trace=no_trace,
        )

    async def recognise(
        self, path: Path, *, visitor: Visitor = ME, use_cache: bool = True, no_trace: bool = False, **options: object
    ) -> Recognition:
        """Hands a file over and waits for its end."""
        row = await self.submit(path, visitor=visitor, use_cache=use_cache, no_trace=no_trace, **options)
        return await self.transcription.wait(row.id, visitor=visitor, timeout_seconds=90)


@asynccontextmanager
async def house(
    folder: Path,
    pool: ScriptedPool,
    owner: str = "here",
    itn_by: str = "preset",
    queue_seconds: float = 20,
    *,
    redis_url: str = "",
    per_user: bool = False,
    negative_ttl_seconds: float = 600,
    lease_seconds: float = 15,
    database_url: str = "",
    audio: AudioStore | None = None,
    long_seconds: float = LONG_RECORDING_SECONDS,
) -> AsyncIterator[House]:
    """Everything around ``pool``, in ``folder``. ``database_url``: of a database that is migrated already."""
    url = database_url or f"sqlite:///{folder / 'history.db'}"
    if not database_url:
        upgrade(url)
    database = open_database(url)
    neighbours = ProcessLocks(folder / "processes", owner)
    store = TracelessHistory(database, Outbox(folder / "outbox", neighbours))
    registry, observer = SqlModelRegistry(database), PrometheusObserver(strict=True)
    audio = audio or FileAudioStore(folder / "audio")
    shared = open_shared(redis_url, "", folder / "cache.db", 10**8, observer=observer, lease_seconds=lease_seconds)
    board = RedisBoard(shared.coordination, observer=observer) if shared.coordination else LocalBoard()
    known = KnownAudio(
        shared.cache, observer, ttl_seconds=3600, negative_ttl_seconds=negative_ttl_seconds, per_user=per_user
    )
    await registry.expect(pool.model, "f1")
    pool.on_change = board.observe
    await pool.refresh()
    transcription = Transcription(
        store,
        Sounds(audio, TracelessSounds(folder / "traceless", owner, neighbours.lives)),
        known,
        shared.flight,
        ModelChoice(pool, registry, itn_by=itn_by),
        Dispatch(board, pool, observer, queue_seconds=queue_seconds),
        LongRecordings(shared.cache, least_seconds=long_seconds),
        Decoder(folder, max_audio_seconds=3600),
        observer,
        neighbours,
    )
    await transcription.runner.start()
    try:
        yield House(
            transcription, History(store, audio, known.forget), store, audio, pool, known, board, shared, observer
        )
    finally:
        await transcription.runner.stop()
        transcription.close()
        neighbours.close()
        if isinstance(board, RedisBoard):
            await board.close()
        await shared.close()
        database.close()


async def until_recognising(house: House, row: Recognition) -> Recognition:
    """Waits until a node has given the first segment."""
    async for state in house.transcription.follow(row.id, visitor=ME):
        if state.progress.stage is Stage.RECOGNISING and state.progress.segment:
            return state
    raise AssertionError("it ended first")
