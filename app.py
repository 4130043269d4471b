"""The program: what each role starts. What a web UI is made of is in ``wiring.py``, each command in ``cli/``."""

import errno
import logging
import logging.handlers
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from types import FrameType

from announcing import announcing
from checks import checks
from cli.main import run
from cli.roles import Roles
from domain.presets import PRESETS
from engine.local_models import find_preset
from listener import cannot_listen, listen
from settings import PROJECT, BadSetting, Settings, prepare_libraries
from storage.migrations import current_revision, downgrade, upgrade
from storage.sql import open_database
from wiring import INCOMING, UPLOADS, build, open_history, open_services, stored_nodes

VERSION = "0.1.0"
#: Time that open pages get to end when the server stops, in seconds.
GRACE_SECONDS = 1
#: How long the own node may finish its jobs; what it cannot finish is taken up again at the next start.
OWN_NODE_DRAIN_SECONDS = 10.0


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
        samples_dir=PROJECT / "samples",
        max_upload_bytes=settings.max_upload_mb * 1_000_000,
        max_audio_seconds=settings.max_audio_seconds,
        language=settings.language,
        min_free_bytes=settings.min_free_mb * 1_000_000,
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
            # A child is its parent's alone.
            while_up=lambda port: nullcontext() if parent_pid else announcing(settings, port),
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
    sys.exit(
        run(Roles(serve, node, open_services, open_history, migrate, download, local_models, checks, stored_nodes))
    )
