"""A replica that kills itself (``kill -9``) at a point of its work: ``python -m tests.helpers.dying POINT …``."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from domain.node import NodeJob, NodeProgress, NodeResult
from domain.recognition import Stage
from tests.helpers.house import ME, House, house, until_recognising
from tests.helpers.scripted import ScriptedPool

#: Leases are this short here, so that nobody waits long for the dead.
LEASE_SECONDS = 1.0


@dataclass
class NotedPool(ScriptedPool):
    """Writes the id of each job that reaches a node into a file, for whoever comes after.

    One slot, so that a ticket of the dead that never ends keeps the living from every node.
    """

    slots: int = 1
    notes: Path = Path()

    async def recognise(
        self, node_url: str, job: NodeJob, audio: Path, on_progress: Callable[[NodeProgress], Awaitable[None]]
    ) -> NodeResult:
        with self.notes.open("a") as file:
            file.write(f"{job.id}\n")
        return await super().recognise(node_url, job, audio, on_progress)


def die(*_: object, **__: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def _before(target: object, name: str) -> None:
    setattr(target, name, die)


def _after(target: object, name: str) -> None:
    done: Callable[..., Awaitable[Any]] = getattr(target, name)

    async def then_die(*arguments: Any, **named: Any) -> None:
        await done(*arguments, **named)
        die()

    setattr(target, name, then_die)


async def _when_recognising(it: House, path: Path) -> None:
    it.pool.gate.clear()
    await until_recognising(it, await it.submit(path))
    die()


async def _when_waiting_for_a_slot(it: House, path: Path) -> None:
    it.pool.urls = ()
    await it.pool.refresh()
    row = await it.submit(path)
    async for state in it.transcription.follow(row.id, visitor=ME):
        if state.progress.stage is Stage.WAITING_NODE:
            die()


def _keep_the_ticket(it: House) -> None:
    async def nothing(*_: object, **__: object) -> None:
        return

    setattr(it.board, "release", nothing)  # noqa: B010
    _after(it.store, "finish")


#: What is made to kill the replica, by point; and those that say themselves when.
_SET: dict[str, Callable[[House], None]] = {
    "before the insert": lambda it: _before(it.store, "insert"),
    "after the insert": lambda it: _after(it.store, "insert"),
    "with the result, before it is cached": lambda it: _before(it.known, "keep"),
    "cached, before the row is finished": lambda it: _before(it.store, "finish"),
    "after the row is finished": lambda it: _after(it.store, "finish"),
    "after the row is finished, its ticket held": _keep_the_ticket,
}
_WHEN: dict[str, Callable[[House, Path], Awaitable[None]]] = {
    "between the insert and the grant": _when_waiting_for_a_slot,
    "during dispatch": _when_recognising,
}
POINTS = (*_SET, *_WHEN)


async def main(point: str, folder: Path, database_url: str, redis_url: str) -> None:
    pool = NotedPool(notes=folder / "jobs")
    async with house(
        folder, pool, "the dead", redis_url=redis_url, database_url=database_url, lease_seconds=LEASE_SECONDS
    ) as it:
        path = folder / "a.wav"
        if point in _WHEN:
            await _WHEN[point](it, path)
        _SET[point](it)
        await it.recognise(path)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
