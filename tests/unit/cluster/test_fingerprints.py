"""The expected fingerprint: adopted, kept, promoted, and remembered without the registry."""

from dataclasses import replace

from cluster.availability import Expected
from cluster.fingerprints import Fingerprints
from domain.errors import StorageUnavailable
from domain.node import Health, NodeReport
from tests.helpers.node_process import MemoryRegistry

REPORT = NodeReport(Health.READY, "demo", "fp-1", {"weights": "1"})
OTHER = NodeReport(Health.READY, "demo", "fp-2", {"weights": "2"})


class BrokenRegistry(MemoryRegistry):
    async def expected_fingerprint(self, model: str) -> str | None:
        raise StorageUnavailable


async def test_the_first_is_adopted_and_the_second_is_not() -> None:
    registry = MemoryRegistry()
    fingerprints = Fingerprints(registry)
    assert fingerprints.expected("demo") is None
    await fingerprints.learn(replace(REPORT, health=Health.LOADING))
    assert registry.expected == {}
    await fingerprints.learn(REPORT)
    await fingerprints.learn(OTHER)
    assert registry.expected == {"demo": "fp-1"}
    assert fingerprints.expected("demo") == Expected("fp-1", {"weights": "1"})


async def test_a_promotion_by_somebody_else_is_followed() -> None:
    registry = MemoryRegistry(demo="fp-1")
    fingerprints = Fingerprints(registry)
    await fingerprints.learn(REPORT)
    await registry.expect("demo", "fp-2")
    await fingerprints.learn(REPORT)
    assert fingerprints.expected("demo") == Expected("fp-2", {})


async def test_a_child_of_ones_own_is_trusted() -> None:
    registry = MemoryRegistry(demo="old")
    await Fingerprints(registry).learn(REPORT, is_own=True)
    assert registry.expected == {"demo": "fp-1"}


async def test_without_the_registry_the_last_answer_holds() -> None:
    fingerprints = Fingerprints(BrokenRegistry())
    await fingerprints.learn(REPORT)
    await fingerprints.learn(OTHER)
    expected = fingerprints.expected("demo")
    assert expected and expected.fingerprint == "fp-1"


async def test_parts_that_nobody_needs_are_forgotten() -> None:
    fingerprints = Fingerprints(MemoryRegistry(demo="fp-1"))
    await fingerprints.learn(REPORT)
    fingerprints.forget_unused([OTHER])
    assert fingerprints.expected("demo") == Expected("fp-1", {"weights": "1"})


async def test_a_promotion_is_not_undone_by_a_child_of_ones_own() -> None:
    for before in ({}, {"demo": "fp-1"}, {"demo": "old"}):
        registry = MemoryRegistry(**before)
        fingerprints = Fingerprints(registry)
        await fingerprints.learn(REPORT, is_own=True)
        await registry.expect("demo", "fp-2")
        await fingerprints.learn(REPORT, is_own=True)
        assert registry.expected == {"demo": "fp-2"}
