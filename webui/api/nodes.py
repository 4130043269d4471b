"""``/v1/nodes``: how the nodes are, and what administrators do with them."""

from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from domain.errors import InvalidInput, InvalidOptions
from domain.node import Availability, NodeStatus
from services.node_admin import MAX_LINES
from services.nodes import NodesOverview
from webui.api.context import Api
from webui.api.uploads import read_json

_SERVING = (Availability.READY, Availability.BUSY)


def node_routes(api: Api) -> APIRouter:
    """The routes. Those with a name come last: it may be an address, with strokes in it."""
    router = APIRouter(prefix="/v1/nodes", tags=["nodes"])
    nodes, admin = api.services.nodes, api.services.node_admin

    @router.get("")
    async def list_nodes(request: Request) -> Response:
        overview = await nodes.overview()
        body = summary_json(overview)
        if api.visitor(request).is_admin:
            body |= {
                "disk_free_bytes": overview.disk_free_bytes,
                "nodes": [node_json(node) for node in overview.nodes],
            }
        return JSONResponse(body)

    @router.get("/log")
    async def log(request: Request, limit: int = MAX_LINES, before: str = "") -> Response:
        lines = await admin.log(visitor=api.visitor(request), limit=limit, before=before)
        return JSONResponse({"events": [line.to_json() for line in lines]})

    @router.post("")
    async def add(request: Request) -> Response:
        fields = await _fields(request)
        url, token = str(fields.pop("url", "")), str(fields.pop("token", "") or "")
        try_first = fields.pop("try", True)
        if not isinstance(try_first, bool):
            raise InvalidOptions("try is true or false", field="try", reason="not_a_flag")
        visitor = api.visitor(request)
        trial = await admin.add(url, fields, token=token, visitor=visitor, try_first=try_first)
        return JSONResponse({"url": url, "trial": trial.to_json() if trial else None}, 201)

    @router.post("/{name:path}/drain")
    async def drain(request: Request, name: str) -> Response:
        await admin.drain(name, visitor=api.visitor(request))
        return JSONResponse({"name": name, "drain": True})

    @router.post("/{name:path}/resume")
    async def resume(request: Request, name: str) -> Response:
        await admin.resume(name, visitor=api.visitor(request))
        return JSONResponse({"name": name, "drain": False})

    @router.post("/{name:path}/promote")
    async def promote(request: Request, name: str) -> Response:
        await admin.promote(name, visitor=api.visitor(request))
        return JSONResponse({"name": name, "promoted": True})

    @router.post("/{name:path}/test")
    async def test(request: Request, name: str) -> Response:
        trial = await admin.test(name, visitor=api.visitor(request))
        return JSONResponse({"name": name, "trial": trial.to_json()})

    @router.post("/{name:path}/measure")
    async def measure(request: Request, name: str, streams: int = 1) -> Response:
        measurement = await admin.measure(name, streams, visitor=api.visitor(request))
        return JSONResponse({"name": name, **measurement.to_json()})

    @router.patch("/{name:path}")
    async def change(request: Request, name: str) -> Response:
        fields = await _fields(request)
        await admin.change(name, fields, visitor=api.visitor(request))
        return JSONResponse({"name": name, **fields})

    @router.delete("/{name:path}")
    async def remove(request: Request, name: str) -> Response:
        await admin.remove(name, visitor=api.visitor(request))
        return JSONResponse({"name": name, "removed": True})

    async def _fields(request: Request) -> dict[str, Any]:
        body = await read_json(request, api.config)
        if not isinstance(body, dict):
            raise InvalidInput("a JSON object is expected: {url: …, weight: …}", reason="no_object")
        return cast("dict[str, Any]", body)

    return router


def node_json(node: NodeStatus) -> dict[str, Any]:
    """One node, as an administrator's program sees it."""
    return {
        "name": node.name,
        "url": node.intent.url,
        "origin": node.intent.origin.value,
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


def summary_json(overview: NodesOverview) -> dict[str, Any]:
    """The pool in numbers, as anybody may see it."""
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
