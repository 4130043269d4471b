"""The nodes of this cluster: who they are, how they are, and the way to them."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cluster.availability import Observation, derive, told_apart
from cluster.child import ChildPhase, ChildState
from cluster.dispatch import Limits, OnProgress, limits_of
from cluster.fingerprints import Fingerprints
from cluster.health import poll_pause_seconds
from cluster.left_calls import LeftCall
from cluster.trial import tried_out
from cluster.ways import Way, Ways
from domain.errors import NodeError, NodeUnreachable, SpeechError
from domain.node import Availability, NodeIntent, NodeJob, NodeResult, NodeStatus, Origin
from domain.parts import Detection
from domain.ports import ModelRegistry, Observer

_log = logging.getLogger(__name__)

OnChange = Callable[[Sequence[NodeStatus]], Awaitable[None]]


@dataclass(slots=True)
class _Node:
    """One node as the pool keeps it."""

    intent: NodeIntent
    way: Way
    seen: Observation = field(default_factory=Observation)
    in_flight: int = 0
    watcher: asyncio.Task[None] | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Pool:
    """Implements ``domain.ports.NodePool``. Between :meth:`start` and :meth:`stop` it polls its nodes side by side.

    ``limits``: how long one attempt at a job may take, and how long a node may be silent, by job and audio file.
    """

    def __init__(
        self,
        intents: Iterable[NodeIntent],
        *,
        token: str,
        registry: ModelRegistry,
        observer: Observer,
        limits: Callable[[NodeJob, Path], Limits] = limits_of,
    ) -> None:
        self._ways = Ways(token)
        self._running = False
        self._observer = observer
        self._fingerprints = Fingerprints(registry)
        self._limits = limits
        #: Gets all statuses whenever something changed that matters to the board.
        self.on_change: OnChange | None = None
        #: Is told of each call that goes on though nobody waits for it: its slot is taken.
        self.on_left: Callable[[LeftCall], Awaitable[None]] | None = None
        self._published: object = None
        self._availabilities: dict[str, Availability] = {}
        self._default_model: str | None = None
        self._children: dict[str, str] = {}
        self._nodes: dict[str, _Node] = {}
        for intent in intents:
            self._nodes[intent.url] = self._new(intent)

    async def start(self) -> None:
        """Begins to poll; returns at once."""
        self._running = True
        for node in self._nodes.values():
            self._watch(node)
        await self._publish()

    async def stop(self) -> None:
        """Ends polling and closes the way to every node."""
        watchers = [node.watcher for node in self._nodes.values() if node.watcher]
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        self._running = False
        for node in self._nodes.values():
            node.way.close()
        await self._ways.close()

    def statuses(self) -> list[NodeStatus]:
        """Every known node as last seen. ``in_flight`` counts this process's calls; the board knows the cluster's."""
        now = time.monotonic()
        return told_apart(self._status(node, now) for node in self._nodes.values())

    def default_model(self) -> str | None:
        """The model that most nodes have; kept as long as one node has it. ``None`` while no node was ever seen.

        That of foreign apps only where there are no other nodes: they can do less.
        """
        seen = [(node.seen.report, node.intent.app is None) for node in self._nodes.values() if node.seen.report]
        ours = [report for report, is_ours in seen if is_ours]
        models = Counter(report.model for report in ours or [report for report, _ in seen] if report.model)
        if self._default_model not in models:
            self._default_model = models.most_common(1)[0][0] if models else self._default_model
        return self._default_model

    async def recognise(self, node_url: str, job: NodeJob, audio: Path, on_progress: OnProgress) -> NodeResult:
        """Runs the job on that node; see the port and :class:`cluster.ways.Way` for the errors."""
        with self._call(node_url) as way:
            result = await way.recognise(job, audio, on_progress, self._limits(job, audio))
            self._fingerprints.check(result.model, result.fingerprint)
            return result

    async def detect_speech(self, node_url: str, job: NodeJob, audio: Path) -> Detection:
        """See the port."""
        with self._call(node_url) as way:
            detection = await way.detect_speech(job, audio, self._limits(job, audio))
            self._fingerprints.check(detection.model, detection.fingerprint)
            return detection

    async def try_out(self, node: NodeIntent, job: NodeJob, audio: Path) -> NodeResult:
        """See the port."""
        if not self._running:
            raise NodeUnreachable("the pool has not been started", reason="stopped")
        return await tried_out(self._new(node).way, node.url, job, audio)

    async def refresh(self) -> None:
        """Asks every node how it is, side by side."""
        await asyncio.gather(*(self._poll(node) for node in list(self._nodes.values())))
        await self._publish()

    async def take(self, members: Sequence[NodeIntent]) -> None:
        """These are the nodes of the cluster now, besides this process's own. Jobs on one that left end as they end."""
        urls = {intent.url for intent in members}
        for url, node in list(self._nodes.items()):
            if url not in urls and node.intent.origin is not Origin.OWN:
                self._drop(url)
        for intent in members:
            self._set(intent)
        await self._publish()

    async def set_intent(self, intent: NodeIntent) -> None:
        """Takes over what an operator wants of a node; an unknown URL is a new node."""
        self._set(intent)
        await self._publish()

    async def remove(self, url: str) -> None:
        """Forgets a node; jobs under way there end as they end."""
        self._drop(url)
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
            intent = (
                replace(known.intent, url=child.url) if known else NodeIntent(child.url, child.name, origin=Origin.OWN)
            )
            self._add(intent)
        node = self._nodes[child.url]
        if child.phase is ChildPhase.STARTING or (child.phase is ChildPhase.LISTENING and node.seen.report is None):
            # Nothing that the process before it said holds any more.
            node.seen = Observation(starting=True)
        elif child.phase is ChildPhase.FAILED:
            node.seen = Observation(broken=child.reason, starting=True)
        node.wake.set()
        await self._publish()

    @contextlib.contextmanager
    def _call(self, node_url: str) -> Generator[Way]:
        node = self._nodes.get(node_url)
        if node is None or not self._running:
            raise NodeUnreachable("this node is no longer part of the cluster", reason="removed")
        node.in_flight += 1
        try:
            yield node.way
        except NodeError:
            # What went wrong is likely to show in its health: do not wait for the next poll.
            node.wake.set()
            raise
        finally:
            node.in_flight -= 1

    def _set(self, intent: NodeIntent) -> None:
        node = self._nodes.get(intent.url)
        if node and (node.intent.token, node.intent.app) != (intent.token, intent.app):
            # The way to it is another one.
            self._drop(intent.url)
            node = None
        (node or self._add(intent)).intent = intent

    def _drop(self, url: str) -> None:
        node = self._nodes.pop(url, None)
        if node is None:
            return
        if node.watcher:
            node.watcher.cancel()
        node.way.close()

    def _add(self, intent: NodeIntent) -> _Node:
        self._nodes[intent.url] = node = self._new(intent)
        if self._running:
            self._watch(node)
        return node

    def _new(self, intent: NodeIntent) -> _Node:
        node = _Node(intent, self._ways.to(intent, slots=lambda: node.intent.slots, on_left=self._leave))
        return node

    async def _leave(self, call: LeftCall) -> None:
        if node := self._nodes.get(call.node_url):

            def over(_: object) -> None:
                node.in_flight -= 1
                node.wake.set()

            node.in_flight += 1
            node.wake.set()
            call.ended.add_done_callback(over)
        if self.on_left:
            await self.on_left(call)

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
        if not self._running or not node.intent.url:
            return
        before = node.seen
        seen = await node.way.poll(before)
        if seen.report and not seen.failures:
            await self._fingerprints.learn(seen.report, is_own=node.intent.origin is Origin.OWN)
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
        return NodeStatus(
            node.intent,
            availability,
            seen.report,
            node.in_flight,
            None,
            ago,
            seen.failures,
            reason,
            seen.trusted_slots(now),
        )
