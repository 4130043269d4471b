"""How nodes are asked: ours by their own protocol, a foreign app by the mapping that the settings have for it."""

import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol

from cluster.availability import Observation
from cluster.clients import NodeClients
from cluster.dispatch import Limits, OnProgress, run_detection, run_job
from cluster.foreign import ForeignNode, OnLeft
from cluster.foreign_probe import AppProbe
from cluster.health import HealthProbe
from domain.node import NodeIntent, NodeJob, NodeResult
from domain.parts import Detection

#: Threads that build clients; calls run in threads of their own clients.
_LINK_THREADS = 8


class Way(Protocol):
    """How one node is asked."""

    async def poll(self, before: Observation) -> Observation:
        """The observation after one more look at how it is; cheap, never behind its model, never raises."""
        ...

    async def recognise(self, job: NodeJob, audio: Path, on_progress: OnProgress, limits: Limits) -> NodeResult:
        """Runs the job there. Raises as ``domain.ports.NodePool.recognise``."""
        ...

    async def detect_speech(self, job: NodeJob, audio: Path, limits: Limits) -> Detection:
        """Where somebody speaks. Raises as :meth:`recognise`."""
        ...

    def close(self) -> None:
        """Closes what is idle now, and what is in use when its call ends."""
        ...


class OwnNode:
    """A node of this program: ``/healthz``, and the protocol of :mod:`cluster.dispatch`."""

    def __init__(self, url: str, token: str, probe: HealthProbe, clients: NodeClients) -> None:
        self._url = url
        self._token = token
        self._probe = probe
        self._clients = clients

    async def poll(self, before: Observation) -> Observation:
        """See :class:`Way`."""
        return await self._probe.poll(self._url, self._token, before)

    async def recognise(self, job: NodeJob, audio: Path, on_progress: OnProgress, limits: Limits) -> NodeResult:
        """See :func:`cluster.dispatch.run_job`."""
        report = partial(self._probe.report, token=self._token)
        return await run_job(self._clients, job, audio, on_progress, report=report, limits=limits)

    async def detect_speech(self, job: NodeJob, audio: Path, limits: Limits) -> Detection:
        """See :func:`cluster.dispatch.run_detection`."""
        return await run_detection(self._clients, job, audio, limits)

    def close(self) -> None:
        """See :class:`Way`."""
        self._clients.close()


class Ways:
    """Makes them, and has what they share. ``token``: the secret of all nodes that have none of their own."""

    def __init__(self, token: str) -> None:
        self._token = token
        # Built once: it costs more than a call. The machine's own certificates, as an operator expects.
        self._tls = ssl.create_default_context()
        self._probe = HealthProbe(self._tls)
        self._executor = ThreadPoolExecutor(_LINK_THREADS, thread_name_prefix="node-link")

    def to(self, intent: NodeIntent, *, slots: Callable[[], int | None], on_left: OnLeft) -> Way:
        """The way to a node. ``slots``: what an operator allows it now; ``on_left``: see :class:`ForeignNode`."""
        if intent.app is None:
            token = intent.token or self._token
            return OwnNode(intent.url, token, self._probe, self._clients(intent, token, partial(self._app_id, token)))
        # The cluster's secret is for its own nodes: a foreign app is told only what was meant for it.
        probe = AppProbe(intent.url, intent.token, self._probe.read)

        async def app_id(_: str) -> str:
            return (await probe.api()).app_id

        clients = self._clients(intent, intent.token, app_id)
        return ForeignNode(intent.app, probe, clients, slots=slots, on_left=on_left)

    async def close(self) -> None:
        """Closes what they share."""
        await self._probe.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _clients(self, intent: NodeIntent, token: str, app_id: Callable[[str], Awaitable[str]]) -> NodeClients:
        return NodeClients(intent.url, token, self._executor, app_id, self._tls)

    async def _app_id(self, token: str, url: str) -> str:
        return await self._probe.app_id(url, token)
