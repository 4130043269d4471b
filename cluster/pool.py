"""The nodes of this cluster: who they are, how they are, and the way to them."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from cluster.availability import Observation, derive
from cluster.child import ChildPhase, ChildState
from cluster.clients import NodeClients
from cluster.dispatch import Limits, OnProgress, limits_of, run_job
from cluster.fingerprints import Fingerprints
from cluster.health import HealthProbe, poll_pause_seconds
from domain.errors import FingerprintMismatch, NodeError, NodeUnreachable, SpeechError
from domain.node import Availability, NodeIntent, NodeJob, NodeResult, NodeStatus
from domain.ports import ModelRegistry, Observer

#: Threads that build clients; calls run in threads of their own clients.
_LINK_THREADS = 8
_log = logging.getLogger(__name__)

OnChange = Callable[[Sequence[NodeStatus]], Awaitable[None]]


@dataclass(slots=True)
class _Node:
    """One node as the pool keeps it."""

    intent: NodeIntent
    clients: NodeClients
    seen: Observation = field(default_factory=Observation)
    in_flight: int = 0
    watcher: asyncio.Task[None] | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Pool:
    """Implements ``domain.ports.NodePool``. Between :meth:`start` and :meth:`stop` it polls its nodes side by side.

    ``trust_first``: the nodes are this process's own, and the fingerprint they have is the right one.
    ``limits``: how long one attempt at a job may take, and how long a node may be silent, by job and audio file.
    """

    def __init__(
        self,
        intents: Iterable[NodeIntent],
        *,
        token: str,
        registry: ModelRegistry,
        observer: Observer,
        trust_first: bool = False,
        limits: Callable[[NodeJob, Path], Limits] = limits_of,
    ) -> None:
        self._token = token
        self._observer = observer
        self._fingerprints = Fingerprints(registry, trust_first=trust_first)
        self._limits = limits
        self._executor = ThreadPoolExecutor(_LINK_THREADS, thread_name_prefix="node-link")
        self._probe: HealthProbe | None = None
        # Built once: it costs more than a call. The machine's own certificates, as an operator expects.
        self._tls = ssl.create_default_context()
        #: Gets all statuses whenever something changed that matters to the board.
        self.on_change: OnChange | None = None
        self._published: object = None
        self._availabilities: dict[str, Availability] = {}
        self._default_model: str | None = None
        self._children: dict[str, str] = {}
        self._nodes: dict[str, _Node] = {}
        for intent in intents:
            self._nodes[intent.url] = self._new(intent)

    async def start(self) -> None:
        """Begins to poll; returns at once."""
        self._probe = HealthProbe(self._token, self._tls)
        for node in self._nodes.values():
            self._watch(node)
        await self._publish()

    async def stop(self) -> None:
        """Ends polling and closes the way to every node."""
        watchers = [node.watcher for node in self._nodes.values() if node.watcher]
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        for node in self._nodes.values():
            node.clients.close()
        if self._probe:
            await self._probe.close()
            self._probe = None
        self._executor.shutdown(wait=False, cancel_futures=True)

    def statuses(self) -> list[NodeStatus]:
        """Every known node as last seen. ``in_flight`` counts this process's calls; the board knows the cluster's."""
        now = time.monotonic()
        return [self._status(node, now) for node in self._nodes.values()]

    def default_model(self) -> str | None:
        """The model that most nodes have; kept as long as one node has it. ``None`` while no node was ever seen."""
        reports = [node.seen.report for node in self._nodes.values() if node.seen.report]
        models = Counter(report.model for report in reports if report.model)
        if self._default_model not in models:
            self._default_model = models.most_common(1)[0][0] if models else self._default_model
        return self._default_model

    async def recognise(self, node_url: str, job: NodeJob, audio: Path, on_progress: OnProgress) -> NodeResult:
        """Runs the job on that node; see the port and :func:`cluster.dispatch.run_job` for the errors."""
        node = self._nodes.get(node_url)
        if node is None or self._probe is None:
            raise NodeUnreachable("this node is no longer part of the cluster", reason="removed")
        node.in_flight += 1
        try:
            result = await run_job(
                node.clients,
                job,
                audio,
                on_progress,
                report=self._probe.report,
                limits=self._limits(job, audio),
            )
            self._check_fingerprint(result)
        except NodeError:
            # What went wrong is likely to show in its health: do not wait for the next poll.
            node.wake.set()
            raise
        finally:
            node.in_flight -= 1
        return result

    async def refresh(self) -> None:
        """Asks every node how it is, side by side."""
        await asyncio.gather(*(self._poll(node) for node in list(self._nodes.values())))
        await self._publish()

    async def set_intent(self, intent: NodeIntent) -> None:
        """Takes over what an operator wants of a node; an unknown URL is a new node."""
        node = self._nodes.get(intent.url) or self._add(intent)
        node.intent = intent
        await self._publish()

    async def remove(self, url: str) -> None:
        """Forgets a node; jobs under way there end as they end."""
        node = self._nodes.pop(url, None)
        if node is None:
            return
        if node.watcher:
            node.watcher.cancel()
        node.clients.close()
        await self._publish()

    async def child_changed(self, child: ChildState) -> None:
        """What became of this process's own node: it is starting, listens (perhaps elsewhere), or cannot start.

        Meant as ``child.on_change = pool.child_changed``.
        """
        before = self._children.get(child.name)
        known = self._nodes.get(before) if before is not None else None
        if before is not None and before != child.url:
            await self.remove(before)
        self._children[child.name] = child.url
        if child.url not in self._nodes:
            intent = replace(known.intent, url=child.url) if known else NodeIntent(child.url, child.name)
            self._add(intent)
        node = self._nodes[child.url]
        if child.phase is ChildPhase.STARTING or (child.phase is ChildPhase.LISTENING and node.seen.report is None):
            # Nothing that the process before it said holds any more.
            node.seen = Observation(starting=True)
        elif child.phase is ChildPhase.FAILED:
            node.seen = Observation(broken=child.reason, starting=True)
        node.wake.set()
        await self._publish()

    def _add(self, intent: NodeIntent) -> _Node:
        self._nodes[intent.url] = node = self._new(intent)
        if self._probe:
            self._watch(node)
        return node

    def _new(self, intent: NodeIntent) -> _Node:
        clients = NodeClients(intent.url, self._token, self._executor, self._app_id, self._tls)
        return _Node(intent, clients)

    async def _app_id(self, url: str) -> str:
        if self._probe is None:
            raise NodeUnreachable("the pool has not been started", reason="stopped")
        return await self._probe.app_id(url)

    def _watch(self, node: _Node) -> None:
        # A child that has no address yet cannot be asked.
        if node.intent.url:
            node.watcher = asyncio.create_task(self._polls(node), name=f"poll {node.intent.url}")

    async def _polls(self, node: _Node) -> None:
        polls = 0
        while True:
            node.wake.clear()
            try:
                await self._poll(node)
                await self._publish()
            except Exception:
                # Whatever one poll meets, the next must come: a node that nobody watches is lost.
                _log.exception("polling %s failed", node.intent.url)
            polls += 1
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(poll_pause_seconds(node.seen, polls)):
                    await node.wake.wait()

    async def _poll(self, node: _Node) -> None:
        if self._probe is None or not node.intent.url:
            return
        before = node.seen
        seen = await self._probe.poll(node.intent.url, before)
        if seen.report and not seen.failures:
            await self._fingerprints.learn(seen.report)
        # News about its process that came while the poll was under way is newer than the poll.
        if node.seen is before:
            node.seen = seen

    async def _publish(self) -> None:
        statuses = self.statuses()
        for status in statuses:
            if self._availabilities.get(status.intent.url) is not status.availability:
                self._availabilities[status.intent.url] = status.availability
                _log.info("node %s: %s %s", status.name, status.availability.value, status.reason)
                self._observer.count("asr_node_changes_total", node=status.name, availability=status.availability.value)
        matters = [
            (status.intent, status.availability, status.slots, status.report.model if status.report else "")
            for status in statuses
        ]
        if matters == self._published:
            return
        self._published = matters
        self._fingerprints.forget_unused(status.report for status in statuses if status.report)
        if self.on_change:
            try:
                await self.on_change(statuses)
            except SpeechError as error:
                _log.warning("nobody could be told how the nodes are: %s", error)
                self._published = None

    def _status(self, node: _Node, now: float) -> NodeStatus:
        seen = node.seen
        expected = self._fingerprints.expected(seen.report.model) if seen.report else None
        availability, reason = derive(node.intent, seen, expected, now)
        ago = None if seen.seen_at is None else now - seen.seen_at
        return NodeStatus(node.intent, availability, seen.report, node.in_flight, None, ago, seen.failures, reason)

    def _check_fingerprint(self, result: NodeResult) -> None:
        expected = self._fingerprints.expected(result.model)
        if expected and result.fingerprint != expected.fingerprint:
            message = f"the node's {result.model} has the fingerprint {result.fingerprint}, not {expected.fingerprint}"
            raise FingerprintMismatch(message, expected=expected.fingerprint, got=result.fingerprint)
