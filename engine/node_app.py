"""The node as an ASGI app: health and metrics as plain routes, the work through Gradio."""

import asyncio
import contextlib
import hmac
import os
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import psutil
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import AccessDenied
from domain.ids import new_id
from domain.node import TOKEN_HEADER, Health, NodeReport
from domain.presets import Capabilities
from engine.engine_state import BuildEngine, ModelSource
from engine.machine import GpuUse, MachineUse, gpu_use, machine_use
from engine.no_fetching import ClosedRoutes
from engine.node_gradio import build_blocks
from engine.node_metrics import CONTENT_TYPE, metrics_text
from engine.node_settings import NodeSettings
from engine.recogniser import Recogniser
from engine.uploads import Uploads

#: How often what is slow to ask (the GPU driver, the folder of uploads) is asked, in seconds.
_TICK_SECONDS = 5.0


@dataclass(slots=True)
class Node:
    """What the server needs of the app it serves."""

    recogniser: Recogniser
    uploads: Uploads
    version: str
    instance: str
    started: float
    gpu: GpuUse | None = None
    machine: MachineUse = field(default_factory=machine_use)

    def report(self) -> NodeReport:
        """The answer of ``/healthz``, from what is at hand."""
        state = self.recogniser.state
        model = state.model
        engine = state.engine
        return NodeReport(
            health=self.recogniser.health,
            model=model.preset.name if model else "",
            fingerprint=state.fingerprint.value,
            fingerprint_parts=state.fingerprint.parts,
            device=engine.device if engine else "",
            slots=self.recogniser.slots,
            running=self.recogniser.running(),
            capabilities=model.preset.capabilities if model else Capabilities(),
            version=self.version,
            uptime_seconds=round(time.monotonic() - self.started, 1),
            instance=self.instance,
            memory_bytes=psutil.Process().memory_info().rss,
            gpu_memory_used_bytes=self.gpu.used_bytes if self.gpu else None,
            gpu_memory_total_bytes=self.gpu.total_bytes if self.gpu else None,
            gpu_percent=self.gpu.percent if self.gpu else None,
            cpu_percent=self.machine.cpu_percent,
            machine_memory_used_bytes=self.machine.memory_used_bytes,
            machine_memory_total_bytes=self.machine.memory_total_bytes,
            error=state.error,
        )


def create_node_app(
    settings: NodeSettings,
    *,
    upload_folder: Path | None = None,
    version: str = "",
    build_engine: BuildEngine | None = None,
) -> FastAPI:
    """The node's app; its :class:`Node` is ``app.state.node``. The model loads when the app starts.

    ``upload_folder``: the folder that Gradio uses in this process (``GRADIO_TEMP_DIR``), of which the node then takes
    care; without it a folder of its own is swept, and Gradio's left alone. ``build_engine``: see :class:`ModelSource`.
    """
    source = ModelSource(
        settings.model, settings.model_hub, settings.device, settings.batch_segments, settings.data_dir, build_engine
    )
    node = Node(
        Recogniser(source, slots=settings.slots, load=settings.model_load),
        Uploads(upload_folder or Path(tempfile.gettempdir()) / f"asr-node-{os.getpid()}"),
        version,
        new_id(),
        time.monotonic(),
    )
    app = FastAPI(title="Recognition node", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan)
    app.state.node = node

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        report = node.report()
        return JSONResponse(report.to_json(), 200 if report.health is Health.READY else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(metrics_text(node.report(), node.recogniser), media_type=CONTENT_TYPE)

    app.add_middleware(ClosedRoutes)
    token = settings.node_token.get_secret_value()
    if token:
        app.add_middleware(TokenDoor, token=token)
    blocks = build_blocks(node.recogniser, node.uploads)
    app = gr.mount_gradio_app(
        app, blocks, path="/", ssr_mode=False, run_history=False, footer_links=[], show_error=True, mcp_server=False
    )
    # A mounted Blocks counts as not launched, and then gradio takes any path of this machine for an upload (FACTS).
    blocks.has_launched = True
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    node: Node = app.state.node
    node.recogniser.start()
    ticking = asyncio.create_task(_tick(node))
    try:
        yield
    finally:
        ticking.cancel()
        await asyncio.to_thread(node.recogniser.close)


async def _tick(node: Node) -> None:
    while True:
        engine = node.recogniser.state.engine
        if engine is not None:
            node.gpu = await asyncio.to_thread(gpu_use, engine.device)
        node.machine = machine_use()
        await asyncio.to_thread(node.uploads.sweep)
        await asyncio.sleep(_TICK_SECONDS)


class TokenDoor:
    """Answers 401 to who does not know the node's token; only ``/healthz`` is open."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request through, or not."""
        if scope["type"] == "lifespan" or scope["path"] == "/healthz":
            await self._app(scope, receive, send)
            return
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        sent = next((value for name, value in headers if name == TOKEN_HEADER.encode()), b"")
        if hmac.compare_digest(sent, self._token):
            await self._app(scope, receive, send)
            return
        body: dict[str, Any] = AccessDenied("this node wants its token").to_json()
        await JSONResponse({"error": body}, 401)(scope, receive, send)
