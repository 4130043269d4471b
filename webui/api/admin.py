"""``/v1/admin``: becoming an administrator in a browser, and ceasing to be one."""

from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from domain.errors import InvalidInput
from webui.api.context import Api
from webui.api.uploads import read_json


def admin_routes(api: Api) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/admin", tags=["admin"])

    @router.post("/login")
    async def login(request: Request) -> Response:
        body = await read_json(request, api.config)
        token = cast("dict[str, Any]", body).get("token") if isinstance(body, dict) else None
        if not isinstance(token, str):
            raise InvalidInput("a JSON object is expected: {token: …}", field="token", reason="missing")
        return JSONResponse({"is_admin": True}, headers={"set-cookie": api.access.log_in(request, token)})

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        return JSONResponse({"is_admin": False}, headers={"set-cookie": api.access.log_out(request)})

    return router
