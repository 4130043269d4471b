"""Tells whoever started the program, once, that recordings can be recognised now."""

import asyncio
from collections.abc import Callable

from domain.presets import PRESETS
from services.nodes import Nodes

#: How often it is looked, in seconds.
LOOK_SECONDS = 0.5


async def announce_ready(nodes: Nodes, say: Callable[[str], None]) -> None:
    """Waits until a node can serve, and says so in one line."""
    while True:
        overview = await nodes.overview()
        if overview.state in ("ok", "degraded"):
            break
        await asyncio.sleep(LOOK_SECONDS)
    preset = PRESETS.get(overview.model or "")
    say(f"模型已就绪 · the model is ready: {preset.title if preset else overview.model}")
