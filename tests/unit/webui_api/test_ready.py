import asyncio
from typing import Any, cast

import pytest

from domain.ticket import Waiting
from services.nodes import NodesOverview
from webui import ready
from webui.ready import announce_ready


class Nodes:
    def __init__(self, *states: str) -> None:
        self._states = list(states)

    async def overview(self) -> NodesOverview:
        state = self._states.pop(0)
        return NodesOverview(cast(Any, state), (), Waiting(0, None), None, 0, "demo", True)


@pytest.mark.parametrize("last", ["ok", "degraded"])
async def test_one_line_tells_when_the_model_is_up(monkeypatch: pytest.MonkeyPatch, last: str) -> None:
    monkeypatch.setattr(ready, "LOOK_SECONDS", 0)
    said: list[str] = []
    async with asyncio.timeout(60):
        await announce_ready(cast(Any, Nodes("loading", "down", "loading", last)), said.append)
    assert len(said) == 1
    assert "模型已就绪" in said[0] and "the model is ready: " in said[0]
