"""What people are told of the nodes."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from domain.node import Availability, NodeStatus
from domain.ports import Board, NodePool
from domain.presets import PRESETS, Capabilities
from domain.ticket import Waiting
from services.known_audio import KnownAudio
from services.model_choice import ModelChoice

#: ``ok``: every node that should serve does. ``degraded``: some do. ``loading``: none yet. ``down``: none.
PoolState = Literal["ok", "degraded", "loading", "down"]
_SERVING = (Availability.READY, Availability.BUSY)


@dataclass(frozen=True, slots=True)
class NodesOverview:
    """The nodes page in numbers. ``hit_rate`` lies in 0 to 1 and is ``None`` before the first request.

    ``saved_seconds``: node time that hits and shared results did not need. Both since this process started.
    """

    state: PoolState
    nodes: tuple[NodeStatus, ...]
    waiting: Waiting
    hit_rate: float | None
    disk_free_bytes: int
    model: str | None
    is_demo: bool
    saved_seconds: float = 0.0


class Nodes:
    """The pool as pages and API show it."""

    def __init__(self, pool: NodePool, board: Board, known: KnownAudio, models: ModelChoice, *, data_dir: Path) -> None:
        self._pool = pool
        self._board = board
        self._known = known
        self._models = models
        self._data_dir = data_dir

    def model(self) -> str | None:
        """The model that requests mean; ``None`` until the first node was seen."""
        return self._pool.default_model()

    def is_demo(self) -> bool:
        """Whether the model in use is one of the small ones that ship with the program."""
        preset = PRESETS.get(self.model() or "")
        return preset is not None and preset.hub_ids is None

    def offered(self) -> dict[str, Capabilities]:
        """What each model can do that a request may name, the cluster's first."""
        return {name: self._models.capabilities(name) for name in self._models.names()}

    def capabilities(self) -> Capabilities:
        """What the model in use can do."""
        return self._models.capabilities()

    async def overview(self) -> NodesOverview:
        """Everything that the page shows, as seen by the last poll."""
        load = await self._board.load()
        nodes = tuple(
            replace(
                node, in_flight=load.get(node.intent.url, (0, None))[0], speed=load.get(node.intent.url, (0, None))[1]
            )
            for node in self._pool.statuses()
        )
        return NodesOverview(
            _state(nodes),
            nodes,
            await self._board.queued(),
            self._known.hit_rate,
            shutil.disk_usage(self._data_dir).free,
            self.model(),
            self.is_demo(),
            self._known.saved_seconds,
        )


def serves_alone(node: NodeStatus, nodes: Sequence[NodeStatus]) -> bool:
    """Whether recognitions wait once this node takes no more: no other one serves its model."""
    model = node.report.model if node.report else None
    return not any(
        other.intent.url != node.intent.url
        and other.availability in _SERVING
        and (model is None or other.report is None or other.report.model == model)
        for other in nodes
    )


def _state(nodes: tuple[NodeStatus, ...]) -> PoolState:
    alive = [node for node in nodes if node.availability in _SERVING]
    wanted = [node for node in nodes if not node.intent.drain]
    if alive:
        return "ok" if len(alive) >= len(wanted) else "degraded"
    return "loading" if any(node.availability is Availability.LOADING for node in nodes) or not nodes else "down"
