"""The expected fingerprint of each model, as the registry has it and the nodes' reports explain it."""

from collections.abc import Iterable

from cluster.availability import Expected
from domain.errors import FingerprintMismatch, StorageUnavailable
from domain.node import Health, NodeReport
from domain.ports import ModelRegistry

#: Reports whose fingerprint is that of a model which really was loaded.
_SURE = (Health.READY, Health.DRAINING)


class Fingerprints:
    """Remembers what the registry said; the first fingerprint that is seen of a model is adopted.

    That of a process's own child is the right one: where it changed there is another model version in the same place.
    """

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._expected: dict[str, str] = {}
        #: Fingerprints of children as last seen. Each is adopted once: a promotion that comes later counts.
        self._own: dict[str, str] = {}
        self._parts: dict[str, dict[str, str]] = {}

    def expected(self, model: str) -> Expected | None:
        """What nodes of the model must have; ``None`` before the first was seen."""
        fingerprint = self._expected.get(model)
        return Expected(fingerprint, self._parts.get(fingerprint, {})) if fingerprint else None

    def check(self, model: str, fingerprint: str) -> None:
        """Raises ``FingerprintMismatch`` where an answer of this model must not be believed."""
        expected = self._expected.get(model)
        if expected and fingerprint != expected:
            message = f"the node's {model} has the fingerprint {fingerprint}, not {expected}"
            raise FingerprintMismatch(message, expected=expected, got=fingerprint)

    async def learn(self, report: NodeReport, *, is_own: bool = False) -> None:
        """Takes in a node's report: asks the registry about its model, and adopts where there is nothing yet."""
        model, fingerprint = report.model, report.fingerprint
        if not model or not fingerprint:
            return
        self._parts[fingerprint] = dict(report.fingerprint_parts)
        try:
            known = await self._registry.expected_fingerprint(model)
            is_news = is_own and self._own.get(model) != fingerprint and known != fingerprint
            if report.health in _SURE and (known is None or is_news):
                await self._registry.expect(model, fingerprint)
                # Another process may have been first: its word counts for everybody.
                known = await self._registry.expected_fingerprint(model)
            if is_own and report.health in _SURE:
                self._own[model] = fingerprint
        except StorageUnavailable:
            # Without the registry the last known answer holds, and the first node seen speaks for itself.
            known = self._expected.get(model) or fingerprint
        if known is not None:
            self._expected[model] = known

    def forget_unused(self, reports: Iterable[NodeReport]) -> None:
        """Drops the parts of fingerprints that no node has and nobody expects."""
        used = {report.fingerprint for report in reports} | set(self._expected.values())
        self._parts = {key: parts for key, parts in self._parts.items() if key in used}
