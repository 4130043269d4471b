"""The web UI process as one ASGI application: API routes first, then the pages, all behind one access check."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from domain.access import parse_api_keys
from services.bundle import Services
from services.disk_space import DiskSpace
from webui.access import Access
from webui.api.context import ApiConfig, MetricsSource
from webui.api.routes import add_routes
from webui.ready import announce_ready
from webui.secret import load_secret
from webui.shell import UiConfig, mount_ui

#: What a form may add to the file in it.
FORM_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What the web server must know of the settings."""

    data_dir: Path
    #: Where Gradio keeps uploads.
    upload_dir: Path
    #: Where uploads of the API lie until they are in the audio store.
    incoming_dir: Path
    samples_dir: Path
    max_upload_bytes: int
    max_audio_seconds: float
    secret: str = ""
    admin_token: str = ""
    api_keys: tuple[str, ...] = ()
    is_loopback: bool = True
    allow_open: bool = False
    language: str = "auto"
    #: What must stay free on the disk of ``data_dir`` for uploads to be taken.
    min_free_bytes: int = 0


def create_web_app(
    services: Services,
    metrics: MetricsSource,
    config: WebConfig,
    running: Callable[[], AbstractAsyncContextManager[Any]],
) -> FastAPI:
    """Everything that the web UI process answers. ``running``: the life of the services, entered at start-up."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with running():
            telling = asyncio.create_task(announce_ready(services.nodes, partial(print, flush=True)))
            try:
                yield
            finally:
                telling.cancel()

    access = Access(
        secret=load_secret(config.data_dir, config.secret),
        admin_token=config.admin_token,
        api_keys=parse_api_keys(config.api_keys),
        is_loopback=config.is_loopback,
        allow_open=config.allow_open,
    )
    app = FastAPI(
        title="Fun-ASR",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        max_body_size=config.max_upload_bytes + FORM_BYTES,
    )
    config.incoming_dir.mkdir(parents=True, exist_ok=True)
    space = DiskSpace(config.data_dir, config.min_free_bytes)
    api = ApiConfig(config.max_upload_bytes, config.upload_dir, config.incoming_dir, space=space)
    add_routes(app, services, access, api, metrics)
    mount_ui(
        app,
        services,
        access=access,
        config=UiConfig(config.max_upload_bytes, config.max_audio_seconds, config.samples_dir, config.language),
    )
    access.guard(app)
    return app
