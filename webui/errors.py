"""Errors as HTTP answers: one status per error, one body per kind of caller."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import (
    AccessDenied,
    AudioTooLong,
    DeadlineExceeded,
    InvalidInput,
    LowDisk,
    NodeBusy,
    NodeError,
    NoNodeAvailable,
    NotFound,
    Overtaken,
    RecognitionCancelled,
    SpeechError,
    StorageUnavailable,
    UploadTooLarge,
    error_from_code,
)
from domain.ids import new_id
from domain.recognition import Recognition, Status

log = logging.getLogger(__name__)

#: The most special kind that fits decides.
_STATUS: dict[type[SpeechError], int] = {
    UploadTooLarge: 413,
    AudioTooLong: 413,
    InvalidInput: 400,
    NodeBusy: 503,
    NodeError: 502,
    NoNodeAvailable: 503,
    RecognitionCancelled: 409,
    DeadlineExceeded: 504,
    AccessDenied: 403,
    NotFound: 404,
    Overtaken: 409,
    StorageUnavailable: 503,
    LowDisk: 507,
    SpeechError: 500,
}
_ACCESS_STATUS = {"unknown_key": 401, "key_required": 401, "wrong_token": 401, "too_many_attempts": 429}
#: What a person in a browser reads when a whole page is refused.
_PAGE_SENTENCES = {
    "wrong_host": "本服务只在本机开放：请用 http://localhost 或 http://127.0.0.1 打开。"
    "要供其他机器使用，请设置 ASR_ALLOW_OPEN=1。",
    "cross_site": "其他网站的页面不能调用本服务。",
}
#: Carries the id of a recognition (编号) with answers that have no place for it.
ID_HEADER = "x-asr-recognition-id"


def status_of(error: SpeechError) -> int:
    """The HTTP status that stands for an error."""
    if isinstance(error, AccessDenied):
        return _ACCESS_STATUS.get(str(error.details.get("reason")), 403)
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def failure_of(row: Recognition) -> SpeechError | None:
    """The error of a row that has no text to give: failed, cancelled, or not finished in time."""
    if row.status is Status.SUCCEEDED:
        return None
    details: dict[str, Any] = {**((row.error or {}).get("details") or {}), "recognition_id": row.id}
    if row.status is Status.CANCELLED:
        return RecognitionCancelled("the recognition was cancelled", **details)
    if not row.status.is_final:
        return DeadlineExceeded(f"it is not finished yet; ask again for {row.id}", **details)
    error = row.error or {}
    return error_from_code(str(error.get("code") or "internal_error"), str(error.get("message") or ""), details)


def error_json(error: SpeechError) -> dict[str, Any]:
    """``{code, message, details}``, and ``id`` where a recognition or a log line goes with it."""
    body = error.to_json()
    details = dict(body["details"])
    reference = details.pop("recognition_id", None)
    return {**body, "details": details, **({"id": reference} if reference else {})}


def openai_error(error: SpeechError) -> dict[str, Any]:
    """As the OpenAI API shapes it: ``{message, type, param, code}``."""
    status = status_of(error)
    reference = error.details.get("recognition_id")
    code = {401: "invalid_api_key", 404: "not_found"}.get(status, error.code)
    return {
        "message": f"{error.message} (id {reference})" if reference else error.message,
        "type": {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(
            status, "server_error" if status >= 500 else "invalid_request_error"
        ),
        "param": error.details.get("field"),
        "code": code,
    }


def answer(path: str, error: SpeechError) -> Response:
    """The error as the callers of ``path`` expect it."""
    status = status_of(error)
    reference = error.details.get("recognition_id")
    headers = {ID_HEADER: str(reference)} if reference else {}
    if status in (429, 503):
        headers["retry-after"] = "5"
    elif status == 409 or status >= 500:
        headers["x-should-retry"] = "false"  # the openai package would send the whole recording again
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if path.startswith(("/v1/audio", "/v1/models")):
        return JSONResponse({"error": openai_error(error)}, status, headers)
    if path == "/recognize":
        message = f"{error.message} (id {reference})" if reference else error.message
        return JSONResponse({"code": status, "msg": message, "result": None}, status, headers)
    return JSONResponse({"error": error_json(error)}, status, headers)


async def refuse(scope: Scope, receive: Receive, send: Send, error: SpeechError) -> None:
    """Answers a request that is not let in."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": error.message[:100]})
        return
    response = answer(scope["path"], error)
    wants_page = any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
    sentence = _PAGE_SENTENCES.get(str(error.details.get("reason")))
    if wants_page and sentence:
        response = PlainTextResponse(f"{sentence}\n\n{error.message}\n", status_of(error))
    await response(scope, receive, send)


def add_error_handlers(app: FastAPI) -> None:
    """Every error of the tree, and of the framework, as JSON in the caller's shape."""
    app.add_exception_handler(SpeechError, _on_speech_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)


async def _on_speech_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SpeechError)
    if status_of(error) >= 500:
        log.warning("%s %s: %s: %s", request.method, request.url.path, error.code, error.message)
    return answer(request.url.path, error)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return answer(request.url.path, NotFound(f"there is no {request.url.path[:100]} here"))
    body = {"error": {"code": "invalid_input", "message": str(error.detail), "details": {}}}
    return JSONResponse(body, error.status_code, dict(error.headers or {}))


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0] if error.errors() else {}
    place = [str(part) for part in first.get("loc", ())]
    field = place[-1] if place else None
    return answer(
        request.url.path, InvalidInput(f"{'.'.join(place)}: {first.get('msg', 'cannot be used')}", field=field)
    )


class UnexpectedErrors:
    """Answers what nobody foresaw with 500 and a reference that is also in the log; says nothing of its inside."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        started = complete = False

        async def watched(message: Message) -> None:
            nonlocal started, complete
            started = started or message["type"] == "http.response.start"
            complete = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            log.info("%s: the caller went away", scope.get("path"))
        except Exception:
            if scope["type"] != "http":
                raise
            reference = new_id()
            log.exception("reference %s: %s %s failed", reference, scope["method"], scope["path"])
            if started:
                if not complete:
                    raise  # only a broken connection tells the caller that this is not all
                return
            message = f"something went wrong inside; the log has it under {reference}"
            await answer(scope["path"], SpeechError(message, recognition_id=reference))(scope, receive, send)
