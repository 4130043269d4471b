"""The wiring: builds the services of a web UI process out of the rooms, and says in which order they live."""

import os
import secrets
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cli.roles import StoredHistory
from cluster.announcements import RedisAnnouncements
from cluster.child import ChildNode
from cluster.left_calls import LeftCalls
from cluster.local_board import LocalBoard
from cluster.members import LOOK_SECONDS, Members
from cluster.pool import Pool
from cluster.redis_board import RedisBoard
from domain.access import Visitor
from domain.membership import StoredNode
from domain.ports import AudioStore
from engine.local_models import resolve_model
from metrics import PrometheusObserver
from services.activity import SAMPLE_SECONDS, Activity
from services.bundle import Services
from services.corrections import Corrections
from services.decoding import Decoder
from services.dispatch import Dispatch
from services.export_files import ExportFiles
from services.exports import Exports
from services.history import History
from services.history_import import HistoryImport
from services.holds import Holds
from services.known_audio import FORGET_SECONDS, KnownAudio
from services.labels import Labels
from services.long_recordings import LongRecordings
from services.model_choice import ModelChoice
from services.model_download import ModelDownload
from services.node_admin import NodeAdmin
from services.nodes import Nodes
from services.periodic import meanwhile
from services.retention import Retention
from services.sounds import Sounds
from services.sweeper import SWEEP_SECONDS, UPLOAD_SECONDS, Sweeper
from services.traceless_sounds import TracelessSounds
from services.transcription import Transcription
from services.versions import Versions
from settings import PROJECT, Settings, child_environment
from storage.activity import LocalActivity, RedisActivity
from storage.audio import open_audio_store
from storage.history import SqlHistory
from storage.migrations import upgrade
from storage.models import SqlModelRegistry
from storage.nodes import SqlNodes
from storage.old_history import OldHistoryFile
from storage.outbox import Outbox
from storage.process_locks import ProcessLocks
from storage.retention import SqlRetention
from storage.shared import open_shared
from storage.sql import open_database
from storage.traceless import TracelessHistory

#: The program that a process starts once more, as its node or to download a model.
PROGRAM = PROJECT / "app.py"
#: Folders below the data folder: uploads of the pages, of the API, decoded sound at work, and exports.
UPLOADS, INCOMING, WORK, EXPORTS = "uploads", "incoming", "work", "exports"
#: Who deletes what is past its time.
SWEEPING = Visitor("retention", is_admin=True)
#: Below the folder of sound at work: recordings of which nothing is kept.
TRACELESS = "traceless"
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
    history = TracelessHistory(database, Outbox(settings.data_dir / "outbox", neighbours))
    registry = SqlModelRegistry(database)
    # Uploads are written once, so that the store may link instead of copy them; a person's own file is not.
    uploads = [settings.data_dir / name for name in (UPLOADS, INCOMING)]
    work_dir = settings.data_dir.absolute() / WORK
    work_dir.mkdir(exist_ok=True)
    audio = open_audio(settings, written_once=uploads)
    exports_dir = settings.data_dir.absolute() / EXPORTS
    exports_dir.mkdir(exist_ok=True)
    retention, retained = Retention(settings.audio_retention), SqlRetention(database)
    exports = Exports(history, exports_dir, to_json=retention.json)
    observer = PrometheusObserver()
    shared = open_shared(
        settings.redis_url.get_secret_value(),
        settings.cache_redis_url.get_secret_value(),
        settings.data_dir / "cache.db",
        settings.cache_max_mb * 1_000_000,
        observer=observer,
    )
    activity = Activity(observer, RedisActivity(shared.coordination) if shared.coordination else LocalActivity())
    known = KnownAudio(
        shared.cache,
        activity,
        ttl_seconds=settings.cache_ttl,
        negative_ttl_seconds=settings.negative_ttl,
        per_user=settings.cache_scope == "user",
    )

    # Its own node is reached exactly as a remote one.
    has_own = settings.has_own_node
    token = settings.node_token.get_secret_value() or (secrets.token_urlsafe(24) if has_own else "")
    board = RedisBoard(shared.coordination, owner=process, observer=observer) if shared.coordination else LocalBoard()
    pool, left = Pool((), token=token, registry=registry, observer=observer), LeftCalls(board)
    child = _own_node(settings, token) if has_own else None
    fallback = resolve_model(settings.model, settings.model_hub) if has_own or settings.model != "auto" else ""
    models = ModelChoice(pool, registry, fallback=fallback, itn_by=settings.itn_by)

    traceless = TracelessSounds(work_dir / TRACELESS, process, neighbours.lives)
    transcription = Transcription(
        history,
        Sounds(audio, traceless),
        known,
        shared.flight,
        models,
        Dispatch(board, pool, observer, queue_seconds=settings.queue_seconds),
        LongRecordings(shared.cache),
        Decoder(work_dir, max_audio_seconds=settings.max_audio_seconds),
        activity,
        neighbours,
    )
    # Somebody who named a model does not want another one.
    may_switch = child is not None and settings.model == "auto"
    downloads = ModelDownload(
        [sys.executable, str(PROGRAM), "model", "download", "--json"] if may_switch else None,
        child.restart if child else _nothing,
    )
    rows = History(history, audio, known.forget)
    announcements = None
    if shared.coordination and settings.nodes_announce:
        announcements = RedisAnnouncements(shared.coordination, token)
    said = SqlNodes(database)
    members = Members(settings.nodes, said, announcements, pool.take)
    node_admin = NodeAdmin(pool, said, registry, members.look, sample=PROJECT / "samples" / "numbers.flac")
    services = Services(
        transcription,
        rows,
        Nodes(pool, board, known, models, data_dir=settings.data_dir),
        node_admin,
        activity,
        downloads,
        Labels(history),
        Corrections(history),
        Versions(history),
        exports,
        ExportFiles(exports, exports_dir, min_free_bytes=settings.min_free_mb * 1_000_000),
        Holds(history, retained),
        retention,
        known.uploads,
    )
    sweeper = Sweeper(
        history,
        retained,
        audio,
        delete=partial(rows.delete, visitor=SWEEPING),
        audio_seconds=settings.audio_retention,
        text_seconds=settings.history_retention,
        upload_dirs=[*uploads, work_dir, exports_dir],
        # What waits for a model, and then for a node, has its sound in there.
        upload_seconds=UPLOAD_SECONDS + 2 * settings.queue_seconds,
        unremoved=rows.unremoved,
    )

    @asynccontextmanager
    async def running() -> AsyncGenerator[Services]:
        async with AsyncExitStack() as life:
            # The last thing that is begun is the first that ends; what was not begun does not end.
            life.callback(database.close)
            life.push_async_callback(shared.close)
            if isinstance(board, RedisBoard):
                life.push_async_callback(board.close)
            life.callback(transcription.close)
            life.callback(exports.close)
            life.callback(neighbours.close)
            if child:
                # After the pool: a node that is stopping must not be taken for one that is lost.
                life.push_async_callback(child.stop)
            pool.on_change, pool.on_left = board.observe, left.hold
            life.push_async_callback(left.close)
            await members.look()
            await pool.start()
            life.callback(node_admin.close)
            life.push_async_callback(pool.stop)
            await life.enter_async_context(meanwhile(LOOK_SECONDS, members.look))
            await life.enter_async_context(meanwhile(SAMPLE_SECONDS, partial(activity.look, board, pool)))
            if child:
                child.on_change = pool.child_changed
                await child.start()
            await life.enter_async_context(meanwhile(LAND_SECONDS, history.land, first=True))
            life.push_async_callback(transcription.runner.stop)
            await transcription.runner.start()
            life.push_async_callback(downloads.close)
            await life.enter_async_context(meanwhile(SWEEP_SECONDS, sweeper.sweep, first=True))
            if sweeper.expiry_seconds < SWEEP_SECONDS:
                await life.enter_async_context(meanwhile(sweeper.expiry_seconds, sweeper.expire_audio))
            await life.enter_async_context(meanwhile(FORGET_SECONDS, known.forget))
            await life.enter_async_context(meanwhile(SWEEP_SECONDS, traceless.sweep, first=True))
            yield services

    return Application(services, observer, running)


def open_audio(settings: Settings, *, written_once: Sequence[Path] = ()) -> AudioStore:
    """The store of the recordings; see ``open_audio_store``."""
    return open_audio_store(
        settings.audio_place,
        work_dir=settings.data_dir.absolute() / WORK,
        written_once=written_once,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
    )


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
    store, retention = SqlHistory(database), Retention(settings.audio_retention)
    exports = Exports(store, to_json=retention.json)
    try:
        yield StoredHistory(store, exports, HistoryImport(store, open_audio(settings), OldHistoryFile), retention)
    finally:
        exports.close()
        database.close()


async def stored_nodes(settings: Settings) -> list[StoredNode]:
    """What administrators said of nodes, straight from the database."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.sql_url)
    database = open_database(settings.sql_url)
    try:
        return await SqlNodes(database).rows()
    finally:
        database.close()
