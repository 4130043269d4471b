"""The expected fingerprint of each model, as the registry has it and the nodes' reports explain it."""

from collections.abc import Iterable

from cluster.availability import Expected
from domain.errors import StorageUnavailable
from domain.node import Health, NodeReport
from domain.ports import ModelRegistry

#: Reports whose fingerprint is that of a model which really was loaded.
_SURE = (Health.READY, Health.DRAINING)


class Fingerprints:
    """Remembers what the registry said; the first fingerprint that is seen of a model is adopted.

    ``trust_first``: the nodes are this process's own children, so that a fingerprint that changed (another model
    version in the same place) becomes the expected one.
    """

    def __init__(self, registry: ModelRegistry, *, trust_first: bool) -> None:
        self._registry = registry
        self._trusts = trust_first
        self._expected: dict[str, str] = {}
        self._parts: dict[str, dict[str, str]] = {}

    def expected(self, model: str) -> Expected | None:
        """What nodes of the model must have; ``None`` before the first was seen."""
        fingerprint = self._expected.get(model)
        return Expected(fingerprint, self._parts.get(fingerprint, {})) if fingerprint else None

    async def learn(self, report: NodeReport) -> None:
        """Takes in a node's report: asks the registry about its model, and adopts where there is nothing yet."""
        model, fingerprint = report.model, report.fingerprint
        if not model or not fingerprint:
            return
        self._parts[fingerprint] = dict(report.fingerprint_parts)
        try:
            known = await self._registry.expected_fingerprint(model)
            if report.health in _SURE and (known is None or (self._trusts and known != fingerprint)):
                await self._registry.expect(model, fingerprint)
                # Another process may have been first: its word counts for everybody.
                known = await self._registry.expected_fingerprint(model)
        except StorageUnavailable:
            # Without the registry the last known answer holds, and the first node seen speaks for itself.
            known = self._expected.get(model) or fingerprint
        if known is not None:
            self._expected[model] = known

    def forget_unused(self, reports: Iterable[NodeReport]) -> None:
        """Drops the parts of fingerprints that no node has and nobody expects."""
        used = {report.fingerprint for report in reports} | set(self._expected.values())
        self._parts = {key: parts for key, parts in self._parts.items() if key in used}
