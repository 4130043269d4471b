"""Which model a request means, what it can do, and which track it makes."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from domain.errors import InvalidOptions, NoNodeAvailable, StorageUnavailable
from domain.options import RecognitionOptions
from domain.ports import ModelRegistry, NodePool
from domain.presets import PRESETS, Capabilities
from domain.transcript import Track
from services.known_audio import Question

log = logging.getLogger(__name__)

#: For so long the registry's word is taken as it was: each request asks twice.
EXPECTED_SECONDS = 1.0


class ModelChanged(Exception):
    """The cluster has another model by now: what was asked for will not be answered any more."""


class ModelChoice:
    """The cluster's model. ``fallback``: what requests mean until a node was seen (may be empty).

    ``itn_by``: who makes the written text: ``preset`` and ``model`` leave it to a model that can, ``rules`` never does.
    """

    def __init__(self, pool: NodePool, registry: ModelRegistry, *, fallback: str = "", itn_by: str = "preset") -> None:
        self._pool = pool
        self._registry = registry
        self._fallback = fallback
        self._itn_by = itn_by
        #: What the registry last said, and when: for a moment, and for when it is away.
        self._expected: dict[str, tuple[str, float]] = {}

    def name(self, wanted: str = "") -> str:
        """The model that a request means; empty while nobody knows the cluster's."""
        return wanted or self._pool.default_model() or self._fallback

    def names(self) -> list[str]:
        """The cluster's model first, then those that some nodes have besides."""
        reported = (node.report.model for node in self._pool.statuses() if node.report)
        return list(dict.fromkeys(name for name in (self.name(), *reported) if name))

    def capabilities(self, model: str | None = None) -> Capabilities:
        """What a model (default: the cluster's) can do, by its nodes' word, else by its preset."""
        model = model or self.name()
        for node in self._pool.statuses():
            if node.report and node.report.model == model:
                return node.report.capabilities
        preset = PRESETS.get(model)
        return preset.capabilities if preset else Capabilities()

    def check(self, options: RecognitionOptions) -> None:
        """Raises :class:`InvalidOptions` when no node has the model, or it cannot do what is asked."""
        if options.model and options.model not in (names := self.names()):
            raise InvalidOptions(
                f"no node has the model {options.model!r}; there are {', '.join(names)}",
                field="model",
                reason="no_such_model",
                got=options.model,
                allowed=names,
            )
        languages = self.capabilities(options.model).languages
        if options.language != "auto" and len(languages) > 1 and options.language not in languages:
            raise InvalidOptions(
                f"this model does not know the language {options.language!r}; it knows {', '.join(languages)}",
                field="language",
                reason="not_supported",
                got=options.language,
                allowed=list(languages),
            )

    async def question(self, options: RecognitionOptions, model: str) -> Question:
        """What is asked of the cache. An empty fingerprint: no node of this model was ever seen."""
        fingerprint, asked_at = self._expected.get(model, ("", -EXPECTED_SECONDS))
        if not fingerprint or time.monotonic() - asked_at > EXPECTED_SECONDS:
            try:
                fingerprint = await self._registry.expected_fingerprint(model) or ""
                self._expected[model] = fingerprint, time.monotonic()
            except StorageUnavailable:
                log.debug("the expected fingerprint of %s is the last one that was known", model)
        return Question(model, fingerprint, options, self._track(options, model))

    async def wait_until_known(
        self, wanted: str, timeout_seconds: float, on_waiting: Callable[[], Awaitable[None]]
    ) -> str:
        """The name of the model that is ``wanted``; the cluster's is not known until the first node was seen."""
        if wanted:
            return wanted
        deadline = time.monotonic() + timeout_seconds
        while (model := self._pool.default_model()) is None:
            if time.monotonic() > deadline:
                raise NoNodeAvailable("no node was ever seen", seconds=timeout_seconds)
            await on_waiting()
            await asyncio.sleep(0.2)
        return model

    def _track(self, options: RecognitionOptions, model: str) -> Track:
        """A model that writes by itself makes the written track when ITN is on; every other decode is spoken."""
        writes = self.capabilities(model).writes and self._itn_by != "rules"
        return "written" if writes and options.itn else "spoken"
