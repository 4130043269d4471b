"""Whether the process lives, whether it can serve, what it counts, and its nodes."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from domain.node import Availability, NodeStatus
from services.nodes import NodesOverview
from webui.api.context import Api

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

    @router.get("/v1/nodes")
    async def list_nodes(request: Request) -> Response:
        overview = await nodes.overview()
        body = _summary(overview)
        if api.visitor(request).is_admin:
            body |= {
                "disk_free_bytes": overview.disk_free_bytes,
                "nodes": [node_json(node) for node in overview.nodes],
            }
        return JSONResponse(body)

    @router.post("/v1/nodes/{name:path}/drain")
    async def drain(request: Request, name: str) -> Response:
        await nodes.drain(name, visitor=api.visitor(request))
        return JSONResponse({"name": name, "drain": True})

    @router.post("/v1/nodes/{name:path}/resume")
    async def resume(request: Request, name: str) -> Response:
        await nodes.resume(name, visitor=api.visitor(request))
        return JSONResponse({"name": name, "drain": False})

    return router


def node_json(node: NodeStatus) -> dict[str, Any]:
    """One node, as an administrator's program sees it."""
    return {
        "name": node.name,
        "url": node.intent.url,
        "availability": node.availability.value,
        "reason": node.reason,
        "weight": node.intent.weight,
        "backup": node.intent.backup,
        "drain": node.intent.drain,
        "slots": node.slots,
        "in_flight": node.in_flight,
        "speed": node.speed,
        "failures": node.failures,
        "last_seen_seconds_ago": node.last_seen_seconds_ago,
        "report": node.report.to_json() if node.report else None,
    }


def _summary(overview: NodesOverview) -> dict[str, Any]:
    serving = [node for node in overview.nodes if node.availability in _SERVING]
    return {
        "state": overview.state,
        "model": overview.model,
        "is_demo": overview.is_demo,
        "nodes_ready": len(serving),
        "nodes_total": len(overview.nodes),
        "slots": sum(node.slots for node in serving),
        "in_flight": sum(node.in_flight for node in overview.nodes),
        "waiting": overview.waiting.ahead,
        "expected_wait_seconds": overview.waiting.expected_wait_seconds,
        "hit_rate": overview.hit_rate,
    }


def _reason(overview: NodesOverview) -> str:
    if not overview.nodes:
        return "there is no node"
    return "; ".join(f"{node.name}: {node.reason or node.availability.value}" for node in overview.nodes[:10])


def _measure(api: Api, overview: NodesOverview) -> None:
    """What is a state and no event is measured when somebody looks."""
    summary = _summary(overview)
    for availability in Availability:
        number = sum(node.availability is availability for node in overview.nodes)
        api.metrics.gauge("asr_nodes", number, availability=availability.value)
    api.metrics.gauge("asr_slots", summary["slots"])
    api.metrics.gauge("asr_slots_taken", summary["in_flight"])
    api.metrics.gauge("asr_queue_length", summary["waiting"])
    api.metrics.gauge("asr_disk_free_bytes", overview.disk_free_bytes)
