"""The wiring: builds what a role needs and starts it. Everything else is in ``cli/`` and the rooms it names."""

import errno
import logging
import logging.handlers
import os
import secrets
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from checks import checks
from cli.main import run
from cli.roles import Roles, StoredHistory
from cluster.child import ChildNode
from cluster.local_board import LocalBoard
from cluster.pool import Pool
from domain.presets import PRESETS
from engine.local_models import find_preset, resolve_model
from listener import cannot_listen, listen
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
from settings import BadSetting, Settings, child_environment, prepare_libraries
from storage.audio import FileAudioStore
from storage.history import SqlHistory
from storage.migrations import current_revision, downgrade, upgrade
from storage.models import SqlModelRegistry
from storage.outbox import LastingHistory, Outbox
from storage.process_locks import ProcessLocks
from storage.shared import open_shared
from storage.sql import open_database

APP = Path(__file__).resolve()
VERSION = "0.1.0"
#: Folders below the data folder: uploads of the pages, of the API, decoded sound at work, and exports.
UPLOADS, INCOMING, WORK, EXPORTS = "uploads", "incoming", "work", "exports"
#: How often rows that wait for the database are brought to it.
LAND_SECONDS = 2.0
#: Time that open pages get to end when the server stops, in seconds.
GRACE_SECONDS = 1
#: How long the own node may finish its jobs; what it cannot finish is taken up again at the next start.
OWN_NODE_DRAIN_SECONDS = 10.0


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
        [sys.executable, str(APP), "model", "download", "--json"] if may_switch else None,
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
    command = [sys.executable, str(APP), "node", "--host", "127.0.0.1"]
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
        yield StoredHistory(store, exports, HistoryImport(store, FileAudioStore(settings.audio_dir)))
    finally:
        exports.close()
        database.close()


def serve(settings: Settings) -> int:
    """Serves the web UI until it is told to stop; returns the exit status."""
    listener = listen(settings)
    _log_to(settings, "webui")
    uploads = settings.data_dir.absolute() / UPLOADS
    prepare_libraries(uploads)
    # Gradio reads its environment when it is imported.
    import uvicorn

    from webui.server import WebConfig, create_web_app

    application = build(settings)
    config = WebConfig(
        secret=settings.secret.get_secret_value(),
        admin_token=settings.admin_token.get_secret_value(),
        api_keys=settings.api_keys,
        is_loopback=settings.is_loopback,
        allow_open=settings.allow_open,
        data_dir=settings.data_dir,
        upload_dir=uploads,
        incoming_dir=settings.data_dir.absolute() / INCOMING,
        samples_dir=APP.parent / "samples",
        max_upload_bytes=settings.max_upload_mb * 1_000_000,
        max_audio_seconds=settings.max_audio_seconds,
        language=settings.language,
    )
    app = create_web_app(application.services, application.observer, config, application.running)
    server_config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_SECONDS, lifespan="on"
    )
    server = uvicorn.Server(server_config)

    def end(sig: int, frame: FrameType | None) -> None:
        # In uvicorn's place, which would raise the signal once more after everything has ended well.
        server.force_exit = server.should_exit
        if not server.should_exit:
            server.should_exit = True
            # Open pages are cut off after the grace; uvicorn would show that as errors.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            _say_stopping(application.services.transcription.runner.under_way)

    server.handle_exit = end
    host, port = listener.getsockname()[:2]
    # Who follows the address at once waits a moment instead of being refused.
    listener.listen(server_config.backlog)
    print(f"打开 · open http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
    server.run(sockets=[listener])
    return 0 if server.started else 1


def _say_stopping(under_way: int) -> None:
    left = f"；{under_way} 个识别在下次启动后继续 · {under_way} recognitions go on after the next start"
    # Called by a signal, perhaps in the middle of another print: the file itself takes it, without the buffer. And
    # whoever read it may have gone with the terminal.
    with suppress(OSError, ValueError, AttributeError):
        os.write(sys.stdout.fileno(), f"正在停止 · stopping{left if under_way else ''}\n".encode())


def node(settings: Settings, port_file: Path | None, parent_pid: int | None) -> int:
    """Serves a node until it is told to stop; returns the exit status."""
    from engine.node_server import DRAIN_SECONDS, serve_node

    _log_to(settings, None)
    try:
        return serve_node(
            settings,
            host=settings.host,
            port=settings.port,
            port_file=port_file,
            parent_pid=parent_pid,
            drain_seconds=OWN_NODE_DRAIN_SECONDS if parent_pid else DRAIN_SECONDS,
            version=VERSION,
        )
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        raise BadSetting(cannot_listen(settings, error) + f"--port {settings.port + 1}") from None


def migrate(settings: Settings, revision: str, down: bool) -> str:
    """Brings the database to a revision, up or down; returns where it is now."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (downgrade if down else upgrade)(settings.sql_url, revision)
    database = open_database(settings.sql_url)
    try:
        return database.run(current_revision) or "base"
    finally:
        database.close()


def download(settings: Settings, preset: str, on_progress: Callable[[int, int], None]) -> Path:
    """Downloads a model; returns its folder."""
    from engine.download import download_model

    return download_model(
        preset, settings.model_hub, lambda progress: on_progress(progress.done_bytes, progress.total_bytes)
    )


def local_models(settings: Settings) -> dict[str, Path | None]:
    """Every preset, and its folder where it is on this machine."""
    return {name: find_preset(preset, settings.model_hub) for name, preset in PRESETS.items()}


def _log_to(settings: Settings, name: str | None) -> None:
    """Logs to standard error and, with a name, to a file in the data folder that does not grow for ever."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if name:
        folder = settings.data_dir / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.log"
        handlers.append(logging.handlers.RotatingFileHandler(path, maxBytes=5_000_000, backupCount=2, encoding="utf-8"))
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", handlers=handlers
    )
    # They tell every request, or every step.
    for library in ("httpx", "httpcore", "uvicorn.error", "alembic.runtime.migration"):
        logging.getLogger(library).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(run(Roles(serve, node, open_services, open_history, migrate, download, local_models, checks)))
