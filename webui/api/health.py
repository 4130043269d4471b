"""Whether the process lives, whether it can serve, and what it counts."""

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from domain.node import Availability
from services.nodes import NodesOverview
from webui.api.context import Api
from webui.api.nodes import summary_json

_SERVING = (Availability.READY, Availability.BUSY)


def health_routes(api: Api) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["health"])
    nodes = api.services.nodes

    @router.get("/healthz")
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @router.get("/readyz")
    async def readyz() -> Response:
        overview = await nodes.overview()
        if any(node.availability in _SERVING for node in overview.nodes):
            return JSONResponse({"status": "ready", "state": overview.state})
        return JSONResponse({"status": "not_ready", "state": overview.state, "reason": _reason(overview)}, 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        _measure(api, await nodes.overview())
        return Response(api.metrics.render(), media_type=api.metrics.content_type)

    return router


def _reason(overview: NodesOverview) -> str:
    if not overview.nodes:
        return "there is no node"
    return "; ".join(f"{node.name}: {node.reason or node.availability.value}" for node in overview.nodes[:10])


def _measure(api: Api, overview: NodesOverview) -> None:
    """What is a state and no event is measured when somebody looks."""
    summary = summary_json(overview)
    for availability in Availability:
        number = sum(node.availability is availability for node in overview.nodes)
        api.metrics.gauge("asr_nodes", number, availability=availability.value)
    api.metrics.gauge("asr_slots", summary["slots"])
    api.metrics.gauge("asr_slots_taken", summary["in_flight"])
    api.metrics.gauge("asr_queue_length", summary["waiting"])
    api.metrics.gauge("asr_disk_free_bytes", overview.disk_free_bytes)
