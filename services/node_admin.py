"""What administrators do with nodes: durable, seen by every replica, and written down with who did it."""

import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from domain.access import Visitor
from domain.errors import AccessDenied, InvalidInput, InvalidOptions, NotFound
from domain.ids import new_id
from domain.membership import Membership, NodeEvent, checked_fields, checked_url
from domain.node import NodeIntent, NodeJob, NodeResult, NodeStatus, Origin
from domain.options import RecognitionOptions
from domain.ports import ModelRegistry, NodePool, NodeStore
from domain.recognition import utc_now
from domain.transcript import join_texts
from services.calibration import STREAMS, Measurement, measured
from services.threads import Threads
from speech.decode import decode_to_wav

#: Lines of the log that are handed out at a time.
MAX_LINES = 200
_SAMPLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What a test recognition on a node gave."""

    text: str
    model: str
    fingerprint: str
    device: str
    audio_seconds: float
    elapsed_ms: int

    def to_json(self) -> dict[str, Any]:
        """Plain data, as the API returns it."""
        return {
            "text": self.text,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "device": self.device,
            "audio_seconds": self.audio_seconds,
            "elapsed_ms": self.elapsed_ms,
        }


class NodeAdmin:
    """Every method raises :class:`AccessDenied` for who is no administrator, and ``StorageUnavailable``.

    ``look`` has this process's pool take over at once what was said; other replicas look by themselves.
    ``sample``: the recording of a test recognition.
    """

    def __init__(
        self,
        pool: NodePool,
        store: NodeStore,
        registry: ModelRegistry,
        look: Callable[[], Awaitable[None]],
        *,
        sample: Path,
    ) -> None:
        self._pool = pool
        self._store = store
        self._registry = registry
        self._look = look
        self._sample = sample
        self._threads = Threads(1, "sample")

    async def add(
        self, url: str, fields: Mapping[str, Any], *, token: str = "", visitor: Visitor, try_first: bool = True
    ) -> Trial | None:
        """Makes the node at ``url`` a member once it recognised something, or untried; one that was removed is back.

        Raises :class:`InvalidOptions`, and what the test recognition raised: then it is no member.
        """
        _check(visitor)
        url, said = checked_url(url), checked_fields(fields)
        if any(node.intent.url == url for node in self._pool.statuses()):
            raise InvalidInput(f"{url} is a node of this cluster already", field="url", reason="known_node", got=url)
        trial = await self._try(NodeIntent(url, token=token)) if try_first else None
        # What was said of it before it was removed is no part of what is wanted now.
        afresh = {"name": None, "weight": None, "slots": None, "backup": None, "drain": False, "token": token}
        values = {**afresh, **said, "membership": Membership.ADDED.value}
        await self._say(url, values, visitor, "add", url, {**said, "tried": try_first})
        return trial

    async def test(self, name: str, *, visitor: Visitor) -> Trial:
        """测试识别: has the node recognise a sample. Raises :class:`NotFound`, and as ``NodePool.try_out``."""
        _check(visitor)
        return await self._try(self._node(name).intent)

    async def measure(self, name: str, streams: int, *, visitor: Visitor) -> Measurement:
        """How fast the node is with so many recordings at once, whatever else it does meanwhile: drain it before.

        Raises :class:`NotFound`, :class:`InvalidOptions`, and as ``NodePool.try_out``.
        """
        _check(visitor)
        if not 1 <= streams <= max(STREAMS):
            message = f"streams must lie in [1, {max(STREAMS)}]"
            raise InvalidOptions(message, field="streams", reason="slots_range", limit=max(STREAMS))
        intent = self._node(name).intent
        async with self._decoded() as wav:

            async def recognise() -> tuple[float, float]:
                result = await self._pool.try_out(intent, _job(), wav)
                return result.audio_seconds, result.elapsed_ms / 1000

            return await measured(streams, recognise)

    async def change(self, name: str, fields: Mapping[str, Any], *, visitor: Visitor) -> None:
        """Name, weight, slots, backup. Raises :class:`NotFound`, :class:`InvalidOptions`."""
        _check(visitor)
        node = self._node(name)
        said = {key: value for key, value in checked_fields(fields).items() if getattr(node.intent, key) != value}
        if said:
            await self._set(node, said, visitor, "change")

    async def drain(self, name: str, *, visitor: Visitor) -> None:
        """排空: lets the node finish what it does and sends it nothing new. Raises :class:`NotFound`."""
        _check(visitor)
        await self._set(self._node(name), {"drain": True}, visitor, "drain")

    async def resume(self, name: str, *, visitor: Visitor) -> None:
        """恢复: sends work to a drained node again. Raises :class:`NotFound`."""
        _check(visitor)
        await self._set(self._node(name), {"drain": False}, visitor, "resume")

    async def remove(self, name: str, *, visitor: Visitor) -> None:
        """移除: the node is no member, whoever names it; what runs there ends as it ends. Raises :class:`NotFound`."""
        _check(visitor)
        node = self._node(name)
        if node.intent.origin is Origin.OWN:
            raise InvalidInput(f"{node.name} is this server's own node: drain it", reason="own_node")
        values = {"membership": Membership.REMOVED.value, "drain": False, "token": ""}
        await self._say(node.intent.url, values, visitor, "remove", node.name, {})

    async def promote(self, name: str, *, visitor: Visitor) -> None:
        """The fingerprint of this node is the expected one from now on: nodes with another one get no more work.

        Raises :class:`NotFound`, :class:`InvalidInput` where the node has none.
        """
        _check(visitor)
        node = self._node(name)
        report = node.report
        if report is None or not report.fingerprint:
            raise InvalidInput(f"{node.name} has not told which model it has", reason="no_fingerprint")
        before = await self._registry.expected_fingerprint(report.model)
        details = {"model": report.model, "fingerprint": report.fingerprint, "before": before}
        # The line first: nothing may change that nobody is known to have changed.
        await self._say(node.intent.url, {}, visitor, "promote", node.name, details)
        await self._registry.expect(report.model, report.fingerprint)

    async def log(self, *, visitor: Visitor, limit: int = MAX_LINES, before: str = "") -> list[NodeEvent]:
        """Who did what, newest first; ``before``: the id of a line, for those that are older."""
        _check(visitor)
        return await self._store.log(min(max(limit, 1), MAX_LINES), before=before)

    def close(self) -> None:
        """Ends the thread."""
        self._threads.close()

    def _node(self, name: str) -> NodeStatus:
        nodes = self._pool.statuses()
        found = [node for node in nodes if node.intent.url == name] or [node for node in nodes if node.name == name]
        if len(found) > 1:
            message = f"{len(found)} nodes are called {name[:100]}: say the address of the one that is meant"
            raise InvalidInput(message, field="name", reason="ambiguous_node", count=len(found))
        if not found:
            raise NotFound(f"there is no node {name[:100]}", reason="node")
        return found[0]

    async def _set(self, node: NodeStatus, values: dict[str, Any], visitor: Visitor, action: str) -> None:
        if node.intent.origin is Origin.OWN:
            # It is another one, at another address, after the next start: what is said of it lasts as long as it does.
            await self._say(node.intent.url, {}, visitor, action, node.name, values)
            await self._pool.set_intent(replace(node.intent, **values))
            return
        await self._say(node.intent.url, values, visitor, action, node.name, values)

    async def _say(
        self, url: str, values: Mapping[str, Any], visitor: Visitor, action: str, node: str, details: Mapping[str, Any]
    ) -> None:
        event = NodeEvent(new_id(), utc_now(), visitor.user, action, node, details)
        await self._store.change(url, values, event)
        await self._look()

    async def _try(self, intent: NodeIntent) -> Trial:
        async with self._decoded() as wav:
            return _trial(await self._pool.try_out(intent, _job(), wav))

    @asynccontextmanager
    async def _decoded(self) -> AsyncGenerator[Path]:
        with tempfile.TemporaryDirectory(prefix="asr-trial-") as folder:
            wav = Path(folder) / "sample.wav"
            decode = partial(decode_to_wav, self._sample, wav, max_seconds=_SAMPLE_SECONDS)
            await self._threads.run(lambda stop: decode(stop=stop))
            yield wav


def _job() -> NodeJob:
    return NodeJob(f"{new_id()}:trial", RecognitionOptions())


def _trial(result: NodeResult) -> Trial:
    text = join_texts([segment.text for segment in result.output.segments])
    return Trial(text, result.model, result.fingerprint, result.device, result.audio_seconds, result.elapsed_ms)


def _check(visitor: Visitor) -> None:
    if not visitor.is_admin:
        raise AccessDenied("only administrators change nodes", reason="admin_only")
