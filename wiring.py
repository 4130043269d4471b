"""The wiring: builds the services of a web UI process out of the rooms, and says in which order they live."""

import os
import secrets
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from cli.roles import StoredHistory
from cluster.child import ChildNode
from cluster.local_board import LocalBoard
from cluster.pool import Pool
from engine.local_models import resolve_model
from metrics import PrometheusObserver
from services.bundle import Services
from services.dispatch import Dispatch
from services.export_files import ExportFiles
from services.exports import Exports
from services.history import History
from services.history_import import HistoryImport
from services.known_audio import KnownAudio
from services.labels import Labels
from services.model_choice import ModelChoice
from services.model_download import ModelDownload
from services.nodes import Nodes
from services.periodic import meanwhile
from services.sweeper import SWEEP_SECONDS, Sweeper
from services.transcription import Transcription
from settings import PROJECT, Settings, child_environment
from storage.audio import FileAudioStore
from storage.history import SqlHistory
from storage.migrations import upgrade
from storage.models import SqlModelRegistry
from storage.old_history import OldHistoryFile
from storage.outbox import LastingHistory, Outbox
from storage.process_locks import ProcessLocks
from storage.shared import open_shared
from storage.sql import open_database

#: The program that a process starts once more, as its node or to download a model.
PROGRAM = PROJECT / "app.py"
#: Folders below the data folder: uploads of the pages, of the API, decoded sound at work, and exports.
UPLOADS, INCOMING, WORK, EXPORTS = "uploads", "incoming", "work", "exports"
#: How often rows that wait for the database are brought to it.
LAND_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Application:
    """A web UI process without its pages. ``running()`` is the life of everything in it."""

    services: Services
    observer: PrometheusObserver
    running: Callable[[], AbstractAsyncContextManager[Services]]


def build(settings: Settings) -> Application:
    """Builds the services; nothing runs yet. Raises :class:`StorageUnavailable`."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.sql_url)
    database = open_database(settings.sql_url)
    process = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    neighbours = ProcessLocks(settings.data_dir / "processes", process)
    history = LastingHistory(database, Outbox(settings.data_dir / "outbox", neighbours))
    registry = SqlModelRegistry(database)
    # Uploads are written once, so that the store may link instead of copy them; a person's own file is not.
    uploads = [settings.data_dir / name for name in (UPLOADS, INCOMING)]
    audio = FileAudioStore(settings.audio_dir, written_once=uploads)
    work_dir = settings.data_dir.absolute() / WORK
    work_dir.mkdir(exist_ok=True)
    exports_dir = settings.data_dir.absolute() / EXPORTS
    exports_dir.mkdir(exist_ok=True)
    exports = Exports(history, exports_dir)
    observer = PrometheusObserver()
    shared = open_shared(
        settings.redis_url.get_secret_value(),
        settings.cache_redis_url.get_secret_value(),
        settings.data_dir / "cache.db",
        settings.cache_max_mb * 1_000_000,
        observer=observer,
    )
    known = KnownAudio(
        shared.cache,
        observer,
        ttl_seconds=settings.cache_ttl,
        negative_ttl_seconds=settings.negative_ttl,
        per_user=settings.cache_scope == "user",
    )

    # Without configured nodes this process brings its own, reached exactly as a remote one.
    standalone = not settings.nodes
    token = settings.node_token.get_secret_value() or (secrets.token_urlsafe(24) if standalone else "")
    board = LocalBoard()
    pool = Pool(settings.nodes, token=token, registry=registry, observer=observer, trust_first=standalone)
    child = _own_node(settings, token) if standalone else None
    fallback = resolve_model(settings.model, settings.model_hub) if standalone or settings.model != "auto" else ""
    models = ModelChoice(pool, registry, fallback=fallback, itn_by=settings.itn_by)

    transcription = Transcription(
        history,
        audio,
        known,
        shared.flight,
        models,
        Dispatch(board, pool, observer, queue_seconds=settings.queue_seconds),
        observer,
        neighbours,
        max_audio_seconds=settings.max_audio_seconds,
        work_dir=work_dir,
    )
    # Somebody who named a model does not want another one.
    may_switch = child is not None and settings.model == "auto"
    downloads = ModelDownload(
        [sys.executable, str(PROGRAM), "model", "download", "--json"] if may_switch else None,
        child.restart if child else _nothing,
    )
    services = Services(
        transcription,
        History(history, audio),
        Nodes(pool, board, known, models, data_dir=settings.data_dir),
        downloads,
        Labels(history),
        exports,
        ExportFiles(exports, exports_dir),
    )
    sweeper = Sweeper(
        history,
        audio,
        retention_seconds=settings.audio_retention,
        upload_dirs=[*uploads, work_dir, exports_dir],
    )

    @asynccontextmanager
    async def running() -> AsyncGenerator[Services]:
        async with AsyncExitStack() as life:
            # The last thing that is begun is the first that ends; what was not begun does not end.
            life.callback(database.close)
            life.push_async_callback(shared.close)
            life.callback(transcription.close)
            life.callback(exports.close)
            life.callback(neighbours.close)
            if child:
                # After the pool: a node that is stopping must not be taken for one that is lost.
                life.push_async_callback(child.stop)
            pool.on_change = board.observe
            await pool.start()
            life.push_async_callback(pool.stop)
            if child:
                child.on_change = pool.child_changed
                await child.start()
            await life.enter_async_context(meanwhile(LAND_SECONDS, history.land, first=True))
            life.push_async_callback(transcription.runner.stop)
            await transcription.runner.start()
            life.push_async_callback(downloads.close)
            await life.enter_async_context(meanwhile(SWEEP_SECONDS, sweeper.sweep, first=True))
            yield services

    return Application(services, observer, running)


def _own_node(settings: Settings, token: str) -> ChildNode:
    command = [sys.executable, str(PROGRAM), "node", "--host", "127.0.0.1"]
    return ChildNode(command, child_environment(settings, ASR_NODE_TOKEN=token), settings.data_dir)


async def _nothing() -> None:
    return


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncGenerator[Services]:
    """The services of a private web UI process, for one command."""
    async with build(settings).running() as services:
        yield services


@asynccontextmanager
async def open_history(settings: Settings) -> AsyncGenerator[StoredHistory]:
    """The history alone, straight from the database: no node is started and no server asked."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.sql_url)
    database = open_database(settings.sql_url)
    store = SqlHistory(database)
    exports = Exports(store)
    try:
        yield StoredHistory(store, exports, HistoryImport(store, FileAudioStore(settings.audio_dir), OldHistoryFile))
    finally:
        exports.close()
        database.close()
