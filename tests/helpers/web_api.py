"""The HTTP routes with services that fail, wait or answer as a test wants: for shapes and doors only."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from domain.access import Visitor
from domain.errors import NotFound, SpeechError, StorageUnavailable
from domain.history import Deletion, HistoryPage, HistoryQuery
from domain.membership import NodeEvent
from domain.node import Availability, Health, NodeIntent, NodeReport, NodeStatus
from domain.options import RecognitionOptions
from domain.presets import Capabilities
from domain.recognition import AudioInfo, Recognition, Source, Status
from domain.ticket import Waiting
from domain.transcript import Segment, Transcript
from domain.words import Word
from metrics import PrometheusObserver
from services.bundle import Services
from services.calibration import Measurement
from services.disk_space import DiskSpace
from services.export_files import ExportFiles
from services.exports import Exports
from services.node_admin import Trial
from services.nodes import NodesOverview
from services.recordings import Recording
from services.retention import Retention
from services.upload_digests import UploadDigests
from services.versions import Versions
from webui.access import Access
from webui.api.context import ApiConfig
from webui.api.routes import add_routes

ROW_ID = "01980000-0000-7000-8000-000000000001"
SECRET = b"0123456789abcdef0123456789abcdef"


def a_row(**changes: Any) -> Recognition:
    """A recognition that went well: 今天二号 spoken, 今天2号 written."""
    words = (Word("今天", 0, 400), Word("二号", 400, 900))
    segment = Segment(0, 900, "今天二号", "今天2号", words=words)
    row = Recognition(
        ROW_ID,
        "local",
        Source.API,
        "早会.wav",
        RecognitionOptions(),
        Status.SUCCEEDED,
        audio=AudioInfo("wav", "pcm_s16le", 16_000, 1, 1.5),
        transcript=Transcript((segment,), "zh"),
        model="demo",
    )
    return row.with_changes(**changes)


class FakeTranscription:
    """Answers with ``row``, or raises ``error`` where work is submitted; remembers what it was given."""

    def __init__(self, row: Recognition | None = None, error: Exception | None = None) -> None:
        self.row = row or a_row()
        self.error = error
        self.states: list[Recognition] = []
        self.given: dict[str, Any] = {}
        self.content = b""

    async def submit(self, path: Path, filename: str, options: RecognitionOptions, **rest: Any) -> Recognition:
        if self.error:
            raise self.error
        self.content = path.read_bytes()
        self.given = {"path": path, "filename": filename, "options": options, **rest}
        return self.row

    async def submit_again(self, recognition_id: str, options: RecognitionOptions | None, **_: Any) -> Recognition:
        self.given = {"id": recognition_id, "options": options}
        return self.row

    async def wait(self, recognition_id: str, **_: Any) -> Recognition:
        return self.row

    async def follow(self, recognition_id: str, *, visitor: Visitor) -> AsyncIterator[Recognition]:
        if recognition_id != self.row.id:
            raise NotFound("no")
        for state in [*self.states, self.row]:
            yield state

    async def cancel(self, recognition_id: str, **_: Any) -> Recognition:
        return self.row

    async def spoken(self, recognition_id: str, **_: Any) -> Recognition:
        segment = Segment(0, 900, "说出来的", "写下来的")
        return self.row.with_changes(transcript=Transcript((segment,), "zh"))


class FakeHistory:
    """One row, one recording."""

    def __init__(self, transcription: FakeTranscription, recording: Path | None = None) -> None:
        self._transcription = transcription
        self._recording = recording
        self.asked: dict[str, Any] = {}
        self.deleted: list[str] = []
        self.pieces: list[tuple[int, int]] = []

    async def get(self, recognition_id: str, *, visitor: Visitor) -> Recognition:
        if recognition_id != self._transcription.row.id:
            raise NotFound("no")
        return self._transcription.row

    async def page(self, **asked: Any) -> HistoryPage:
        self.asked = asked
        return HistoryPage((self._transcription.row,), None)

    async def delete(self, ids: list[str], *, visitor: Visitor) -> Deletion:
        row = self._transcription.row
        if not row.status.is_final or row.hold:
            return Deletion(held=1) if row.hold else Deletion(under_way=1)
        self.deleted += ids
        return Deletion(len(ids))

    async def delete_found(self, **asked: Any) -> AsyncIterator[Deletion]:
        self.asked = asked
        for done in (Deletion(100), Deletion(120, under_way=2, held=1)):
            yield done

    async def audio(self, recognition_id: str, *, visitor: Visitor) -> Recording:
        if self._recording is None:
            raise NotFound("gone")
        content = self._recording.read_bytes()

        async def read(start: int, end: int) -> bytes:
            self.pieces.append((start, end))
            return content[start:end]

        return Recording(self._transcription.row, len(content), self._transcription.row.created_at, read)


class FakeStore:
    """The rows as the exports read them; ``fails_after`` so many pages the database is away."""

    def __init__(self, rows: list[Recognition], fails_after: int | None = None) -> None:
        self.rows = rows
        self.fails_after = fails_after
        self.asked: list[HistoryQuery] = []

    async def page(self, query: HistoryQuery) -> HistoryPage:
        if len(self.asked) == self.fails_after:
            raise StorageUnavailable("the database does not answer", part="database")
        self.asked.append(query)
        begin = next((n for n, row in enumerate(self.rows, 1) if row.id == query.before_id), 0)
        rows = self.rows[begin : begin + query.limit]
        return HistoryPage(tuple(rows), rows[-1].id if begin + len(rows) < len(self.rows) else None)

    async def get(self, recognition_id: str, *, user: str | None) -> Recognition | None:
        return next((row for row in self.rows if row.id == recognition_id and user in (None, row.user)), None)

    async def versions(self, recognition_id: str, *, user: str | None) -> list[Recognition]:
        row = await self.get(recognition_id, user=user)
        return [row] if row else []


class FakeLabels:
    """Keeps what it was given."""

    def __init__(self, transcription: FakeTranscription) -> None:
        self._transcription = transcription
        self.given: dict[str, Any] = {}

    async def change(self, recognition_id: str, labels: dict[str, str], lines: dict[int, str], **_: Any) -> Recognition:
        self.given = {"id": recognition_id, "labels": labels, "lines": lines}
        return self._transcription.row.with_changes(labels=labels)


class FakeHolds:
    """Keeps what it was given."""

    def __init__(self, transcription: FakeTranscription) -> None:
        self._transcription = transcription
        self.reasons: list[str | None] = []

    async def hold(self, recognition_id: str, reason: str, **_: Any) -> Recognition:
        self.reasons.append(reason)
        return self._transcription.row

    async def release(self, recognition_id: str, **_: Any) -> Recognition:
        self.reasons.append(None)
        return self._transcription.row


class FakeCorrections:
    """Keeps what it was given."""

    def __init__(self, transcription: FakeTranscription) -> None:
        self._transcription = transcription
        self.given: dict[int, str | None] = {}
        self.based_on: int | None = None
        self.error: SpeechError | None = None

    async def correct(
        self, recognition_id: str, lines: dict[int, str | None], *, based_on: int | None, **_: Any
    ) -> Recognition:
        if self.error:
            raise self.error
        self.given, self.based_on = lines, based_on
        return self._transcription.row


class FakeNodes:
    """One node."""

    def __init__(self, availability: Availability = Availability.READY) -> None:
        self.availability = availability

    def model(self) -> str | None:
        return "demo"

    def offered(self) -> dict[str, Capabilities]:
        return {"demo": Capabilities()}

    async def overview(self) -> NodesOverview:
        node = NodeStatus(NodeIntent("http://10.0.0.5:7861", "gpu-1"), self.availability, NodeReport(Health.READY))
        return NodesOverview("ok", (node,), Waiting(3, 12.0), 0.5, 10**9, "demo", True)


#: What every test recognition gives.
TRIAL = Trial("今天天气很好。", "demo", "f" * 16, "cpu", 3.0, 250)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


class FakeNodeAdmin:
    """Notes what it is asked to do."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.error: SpeechError | None = None

    def _note(self, *what: Any) -> None:
        if self.error:
            raise self.error
        self.done.append(what)

    async def drain(self, name: str, *, visitor: Visitor) -> None:
        self._note("drain", name)

    async def resume(self, name: str, *, visitor: Visitor) -> None:
        self._note("resume", name)

    async def promote(self, name: str, *, visitor: Visitor) -> None:
        self._note("promote", name)

    async def remove(self, name: str, *, visitor: Visitor) -> None:
        self._note("remove", name)

    async def change(self, name: str, fields: dict[str, Any], *, visitor: Visitor) -> None:
        self._note("change", name, fields)

    async def add(self, url: str, fields: dict[str, Any], *, token: str, visitor: Visitor, try_first: bool) -> Trial:
        self._note("add", url, fields, token, try_first)
        return TRIAL

    async def test(self, name: str, *, visitor: Visitor) -> Trial:
        self._note("test", name)
        return TRIAL

    async def measure(self, name: str, streams: int, *, visitor: Visitor) -> Measurement:
        self._note("measure", name, streams)
        return Measurement(streams, 0.0, 0, refused=True) if streams > 4 else Measurement(streams, 10.0 + streams, 300)

    async def log(self, *, visitor: Visitor, limit: int, before: str) -> list[NodeEvent]:
        self._note("log", limit, before)
        return [NodeEvent("1", NOW, "visitor-1", "drain", "gpu-1")]


class WebApi:
    """The routes over fakes: ``app`` is what a server would serve."""

    def __init__(
        self,
        tmp_path: Path,
        *,
        row: Recognition | None = None,
        error: Exception | None = None,
        recording: Path | None = None,
        max_upload_bytes: int = 1_000_000,
        max_json_bytes: int = 1_000_000,
        space: DiskSpace | None = None,
        **access: Any,
    ) -> None:
        self.transcription = FakeTranscription(row, error)
        self.history = FakeHistory(self.transcription, recording)
        self.nodes = FakeNodes()
        self.node_admin = FakeNodeAdmin()
        self.labels = FakeLabels(self.transcription)
        self.corrections = FakeCorrections(self.transcription)
        self.holds = FakeHolds(self.transcription)
        self.retention = Retention(7 * 86400.0)
        self.uploads = UploadDigests()
        self.store = FakeStore([self.transcription.row])
        self.exports = Exports(cast(Any, self.store), to_json=self.retention.json)
        self.export_files = ExportFiles(self.exports, tmp_path)
        self.upload_dir = tmp_path / "uploads"
        self.upload_dir.mkdir()
        self.temp_dir = tmp_path / "temp"
        self.access = Access(**{"secret": SECRET, **access})
        services = Services(
            cast(Any, self.transcription),
            cast(Any, self.history),
            cast(Any, self.nodes),
            cast(Any, self.node_admin),
            cast(Any, None),
            cast(Any, None),
            cast(Any, self.labels),
            cast(Any, self.corrections),
            cast(Any, Versions(cast(Any, self.store))),
            self.exports,
            self.export_files,
            cast(Any, self.holds),
            self.retention,
            self.uploads,
        )
        config = ApiConfig(max_upload_bytes, self.upload_dir, self.temp_dir, 60.0, max_json_bytes, space)
        self.app = FastAPI(openapi_url=None)
        add_routes(self.app, services, self.access, config, PrometheusObserver(strict=True))
        self.access.guard(self.app)

    def client(self, peer: str = "127.0.0.1", host: str = "127.0.0.1:7860", **headers: str) -> httpx.AsyncClient:
        return client_of(self.app, peer, host, **headers)


def client_of(app: ASGIApp, peer: str = "127.0.0.1", host: str = "127.0.0.1:7860", **headers: str) -> httpx.AsyncClient:
    """A caller from the address ``peer``."""
    transport = httpx.ASGITransport(app=cast(Any, app), client=(peer, 50_000))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=headers)


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The app behind a real socket; its URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        config = uvicorn.Config(cast(Any, app), log_config=None, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
