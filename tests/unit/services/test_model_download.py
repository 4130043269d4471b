"""The download program is played by small scripts; its real self is tested in the engine's room."""

import asyncio
import sys

import pytest

from domain.access import Visitor
from domain.errors import AccessDenied
from services.model_download import DownloadState, ModelDownload

ADMIN, VISITOR = Visitor("a", is_admin=True), Visitor("v")


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


async def until(download: ModelDownload, phase: str) -> DownloadState:
    async with asyncio.timeout(20):
        while download.state().phase != phase:
            await asyncio.sleep(0.02)
    return download.state()


async def test_progress_then_the_switch() -> None:
    switched = asyncio.Event()

    async def switch() -> None:
        switched.set()

    text = 'print(\'{"done_bytes": 5, "total_bytes": 10}\', flush=True)'
    download = ModelDownload(program(text), switch)
    assert download.state().phase == "idle" and download.state().total_bytes > 1e9
    await download.start(visitor=ADMIN)
    done = await until(download, "done")
    assert (done.done_bytes, done.total_bytes) == (10, 10)
    assert switched.is_set()


async def test_a_failure_says_why_and_can_be_tried_again() -> None:
    text = 'print(\'{"error": {"code": "x", "message": "disk full", "details": {}}}\'); raise SystemExit(2)'
    download = ModelDownload(program(text), _never)
    for _ in range(2):
        await download.start(visitor=ADMIN)
        assert (await until(download, "failed")).message == "disk full"


async def test_stopping_ends_the_program() -> None:
    text = 'import time; print(\'{"done_bytes": 1, "total_bytes": 9}\', flush=True); time.sleep(60)'
    download = ModelDownload(program(text), _never)
    await download.start(visitor=ADMIN)
    await download.start(visitor=ADMIN)  # a second click starts no second program
    async with asyncio.timeout(20):
        while download.state().done_bytes != 1:
            await asyncio.sleep(0.02)
    await download.stop(visitor=ADMIN)
    assert download.state().phase == "idle"


async def test_only_administrators() -> None:
    download = ModelDownload(program("pass"), _never)
    for call in (download.start, download.stop):
        with pytest.raises(AccessDenied):
            await call(visitor=VISITOR)
    assert ModelDownload(None, _never).state().phase == "unavailable"


async def _never() -> None:
    raise AssertionError("there is nothing to switch to")
