"""A recording that is played."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.errors import StorageUnavailable
from services.recordings import Recording
from tests.helpers.web_api import a_row
from webui.api.media import RecordingResponse

SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": []}


async def test_a_store_that_goes_away_breaks_the_answer_off_and_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def read(start: int, end: int) -> bytes:
        if start:
            raise StorageUnavailable("the audio store does not answer", part="audio")
        return bytes(end - start)

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()  # it stays, and has no more to say

    row = a_row(audio_key="2026/11/01a1faf6-5565-75b3-a0d3-1d298e15afb3.wav")
    await RecordingResponse(Recording(row, 3 << 20, datetime.now(UTC), read))(SCOPE, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[-1]["more_body"], "the server is not told that this is all"
    assert [(line.levelname, line.exc_info) for line in caplog.records] == [("WARNING", None)]
    assert row.id in caplog.text and "does not answer" in caplog.text
