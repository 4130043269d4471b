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
    async with asyncio.timeout(60):
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
    error = '{"error": {"code": "x", "message": "no space", "details": {"reason": "disk_full"}}}'
    download = ModelDownload(program(f"print('{error}'); raise SystemExit(2)"), _never)
    for _ in range(2):
        await download.start(visitor=ADMIN)
        assert download.state().reason == download.state().message == ""
        failed = await until(download, "failed")
        assert (failed.reason, failed.message) == ("disk_full", "no space")


async def test_the_word_of_a_failure_can_be_taken_away_and_nothing_else_with_it() -> None:
    text = 'import time; print(\'{"done_bytes": 1, "total_bytes": 9}\', flush=True); raise SystemExit(2)'
    download = ModelDownload(program(text), _never)
    await download.dismiss(visitor=ADMIN)
    await download.start(visitor=ADMIN)
    await download.dismiss(visitor=ADMIN)
    assert download.state().phase == "running"
    assert "exit status 2" in (await until(download, "failed")).message
    await download.dismiss(visitor=ADMIN)
    state = download.state()
    assert (state.phase, state.message, state.done_bytes) == ("idle", "", 1)


async def test_a_node_that_does_not_switch_is_no_failed_download() -> None:
    download = ModelDownload(program("pass"), _never)
    await download.start(visitor=ADMIN)
    assert (await until(download, "failed")).reason == "not_switched"


async def test_stopping_ends_the_program() -> None:
    text = 'import time; print(\'{"done_bytes": 1, "total_bytes": 9}\', flush=True); time.sleep(60)'
    download = ModelDownload(program(text), _never)
    await download.start(visitor=ADMIN)
    await download.start(visitor=ADMIN)  # a second click starts no second program
    async with asyncio.timeout(60):
        while download.state().done_bytes != 1:
            await asyncio.sleep(0.02)
    await download.stop(visitor=ADMIN)
    assert download.state().phase == "idle"


async def test_only_administrators() -> None:
    download = ModelDownload(program("pass"), _never)
    for call in (download.start, download.stop, download.dismiss):
        with pytest.raises(AccessDenied):
            await call(visitor=VISITOR)
    assert ModelDownload(None, _never).state().phase == "unavailable"


async def _never() -> None:
    raise AssertionError("there is nothing to switch to")
