"""A pool of nodes whose time and failures the test controls; everything around it is real."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.node import (
    Availability,
    Health,
    NodeIntent,
    NodeJob,
    NodeProgress,
    NodeReport,
    NodeResult,
    NodeStatus,
)
from domain.presets import Capabilities
from domain.transcript import ModelOutput, ModelSegment

URL = "http://127.0.0.1:1"
OTHER_URL = "http://127.0.0.1:2"


@dataclass
class ScriptedPool:
    """Answers each job from ``script`` (an exception is raised, a text returned); waits for ``gate`` before."""

    urls: Sequence[str] = (URL,)
    model: str = "scripted"
    fingerprint: str = "f1"
    slots: int = 4
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(("auto", "zh", "en"), hotwords=True))
    script: list[Exception | str] = field(default_factory=list)
    answer: str = "今天是三月五号"
    language: str = "zh"
    warnings: tuple[str, ...] = ()
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    jobs: list[tuple[str, NodeJob]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    on_change: Callable[[Sequence[NodeStatus]], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    def statuses(self) -> list[NodeStatus]:
        report = NodeReport(
            Health.READY,
            self.model,
            self.fingerprint,
            slots=self.slots,
            capabilities=self.capabilities,
            instance="i",
        )
        return [NodeStatus(NodeIntent(url, f"n{i}"), Availability.READY, report) for i, url in enumerate(self.urls)]

    def default_model(self) -> str | None:
        return self.model

    async def recognise(
        self, node_url: str, job: NodeJob, audio: Path, on_progress: Callable[[NodeProgress], Awaitable[None]]
    ) -> NodeResult:
        self.jobs.append((node_url, job))
        assert audio.read_bytes()[:4] == b"RIFF"
        try:
            await on_progress(NodeProgress(0, 2))
            await on_progress(NodeProgress(1, 2, (ModelSegment(0, 500, "今天"),)))
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(job.id)
            raise
        step = self.script.pop(0) if self.script else self.answer
        if isinstance(step, Exception):
            raise step
        text = f"{step}·{job.track}" if self.capabilities.writes else step
        output = ModelOutput(job.track, (ModelSegment(0, 900, text),), self.language, self.warnings)
        return NodeResult(output, self.model, self.fingerprint, "cpu", 1.0, 50)

    async def refresh(self) -> None:
        if self.on_change:
            await self.on_change(self.statuses())

    async def set_intent(self, intent: NodeIntent) -> None:
        self.urls = [intent.url]
