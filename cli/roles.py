"""What the commands need started."""

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.history_ports import HistoryStore
from domain.membership import StoredNode
from services.bundle import Services
from services.exports import Exports
from services.history_import import HistoryImport
from services.retention import Retention
from settings import Settings


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """The rows as they are stored, and what is made of them and added to them."""

    rows: HistoryStore
    exports: Exports
    imports: HistoryImport
    retention: Retention


@dataclass(frozen=True, slots=True)
class Roles:
    """Provided by ``app.py``; tests may replace any of it."""

    #: Serves the web UI until it is told to stop; returns the exit status.
    serve: Callable[[Settings], int]
    #: Serves a node: settings, file that receives the port, process whose end ends the node.
    node: Callable[[Settings, Path | None, int | None], int]
    #: A private web UI process without pages, for one command.
    services: Callable[[Settings], AbstractAsyncContextManager[Services]]
    #: The history without anything that recognises, for one command.
    history: Callable[[Settings], AbstractAsyncContextManager[StoredHistory]]
    #: Brings the database to a revision: settings, revision, whether down; returns where it is then.
    migrate: Callable[[Settings, str, bool], str]
    #: Downloads a model: settings, preset, progress (done bytes, total bytes); returns its folder.
    download: Callable[[Settings, str, Callable[[int, int], None]], Path]
    #: Which models are on this machine, by preset.
    local_models: Callable[[Settings], dict[str, Path | None]]
    #: What `doctor` looks at, in order: name, and a check that returns what it found or raises with what to do.
    checks: Callable[[Settings], list[tuple[str, Callable[[], str]]]]
    #: What administrators said of nodes, straight from the database.
    stored_nodes: Callable[[Settings], Coroutine[Any, Any, list[StoredNode]]]
