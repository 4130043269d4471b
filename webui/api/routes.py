"""The HTTP routes of the web UI process, beside Gradio's own."""

from fastapi import FastAPI

from domain.errors import NotFound
from services.bundle import Services
from webui.access import Access
from webui.api.admin import admin_routes
from webui.api.context import Api, ApiConfig, MetricsSource
from webui.api.export import export_routes
from webui.api.health import health_routes
from webui.api.legacy import legacy_routes
from webui.api.nodes import node_routes
from webui.api.openai import openai_routes
from webui.api.recognitions import recognition_routes
from webui.disk_door import DiskDoor
from webui.errors import add_error_handlers

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def add_routes(app: FastAPI, services: Services, access: Access, config: ApiConfig, metrics: MetricsSource) -> None:
    """Adds the routes and the error answers.

    Call it before Gradio is mounted at ``/``, which takes every path that is left, and ``access.guard(app)`` last.
    """
    api = Api(services, access, config, metrics)
    found = (
        health_routes,
        node_routes,
        admin_routes,
        openai_routes,
        export_routes,
        recognition_routes,
        legacy_routes,
    )
    for routes in found:
        app.include_router(routes(api))
    app.add_api_route("/v1/{rest:path}", _nothing_here, methods=_METHODS, include_in_schema=False)
    add_error_handlers(app)
    if config.space:
        app.add_middleware(DiskDoor, space=config.space)


async def _nothing_here(rest: str) -> None:
    """Without it the pages would answer, in a shape that no program expects."""
    raise NotFound(f"there is no /v1/{rest[:100]} here, or not with this method")
