"""Whether a node may be used, derived from what an operator wants and what was seen. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from domain.node import Availability, Health, NodeIntent, NodeReport, NodeStatus

#: Failed polls in a row, and seconds without an answer, after which a node counts as gone.
EJECT_AFTER_FAILURES = 2
EJECT_AFTER_SECONDS = 15.0
#: A node that is back gets one slot, and one more after each time of this length.
SLOW_START_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of one node; one good answer clears ``failures`` and ``error``."""

    report: NodeReport | None = None
    #: On the monotonic clock; ``None`` before the first answer.
    seen_at: float | None = None
    #: Polls in a row that failed, and why the last one did.
    failures: int = 0
    error: str = ""
    #: The node's process is known to be (re)starting: nothing to worry about yet.
    starting: bool = False
    #: It cannot be started, and why.
    broken: str = ""
    #: It refuses the cluster's token.
    refuses_token: bool = False
    #: When it answered again after it had been gone; on the monotonic clock.
    back_since: float | None = None

    def is_gone(self, now: float) -> bool:
        """Never seen, silent for too long, or failed too often in a row."""
        silent = self.seen_at is None or now - self.seen_at > EJECT_AFTER_SECONDS
        return silent or self.failures >= EJECT_AFTER_FAILURES

    def trusted_slots(self, now: float) -> int | None:
        """How many jobs a node that was gone is trusted with; ``None`` for one that never was.

        What broke it may still be there: one job finds out at the price of one, a full load would lose them all.
        """
        return None if self.back_since is None else 1 + int((now - self.back_since) / SLOW_START_SECONDS)


@dataclass(frozen=True, slots=True)
class Expected:
    """The fingerprint that a model's nodes must have, and its parts where a node that has it was seen."""

    fingerprint: str
    parts: dict[str, str]


def derive(intent: NodeIntent, seen: Observation, expected: Expected | None, now: float) -> tuple[Availability, str]:
    """The node's availability and, where it cannot be used, why (in plain English)."""
    report = seen.report
    if seen.broken:
        return Availability.FAILED, seen.broken
    if report is None or seen.is_gone(now):
        if seen.starting:
            return Availability.LOADING, "its process is starting"
        return Availability.UNREACHABLE, _silence(seen, now)
    if report.health is Health.FAILED:
        return Availability.FAILED, report.error or "its model cannot be loaded"
    if seen.refuses_token:
        return Availability.QUARANTINED, "it refuses the node token: ASR_NODE_TOKEN differs from this server's"
    if intent.drain or report.health is Health.DRAINING:
        return Availability.DRAINING, _draining(intent, report)
    if report.health is Health.LOADING:
        return Availability.LOADING, "it is loading its model"
    # A node that loads on demand may not know its fingerprint yet; its results are checked all the same.
    if expected is not None and report.fingerprint and report.fingerprint != expected.fingerprint:
        return Availability.QUARANTINED, difference(report, expected)
    if len(report.running) >= (intent.slots or report.slots):
        return Availability.BUSY, ""
    return Availability.READY, ""


def told_apart(statuses: Iterable[NodeStatus]) -> list[NodeStatus]:
    """A node that is known by two addresses counts once: it has its slots once."""
    found: list[NodeStatus] = []
    names: dict[str, str] = {}
    for status in statuses:
        instance = status.report.instance if status.report else ""
        if instance in names and status.availability in (Availability.READY, Availability.BUSY):
            reason = f"it is {names[instance]} under another address"
            status = replace(status, availability=Availability.QUARANTINED, reason=reason)
        elif instance:
            names.setdefault(instance, status.name)
        found.append(status)
    return found


def difference(report: NodeReport, expected: Expected) -> str:
    """Names what differs between a node's model and the expected one."""
    ours, theirs = expected.parts, report.fingerprint_parts
    parts = [
        f"{name}: {_short(theirs.get(name))}, expected {_short(ours.get(name))}"
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    ]
    if ours and parts:
        return f"its {report.model} differs from the expected one in " + "; ".join(parts)
    return f"its {report.model} has the fingerprint {report.fingerprint}, expected {expected.fingerprint}"


def _silence(seen: Observation, now: float) -> str:
    why = f" ({seen.error})" if seen.error else ""
    if seen.seen_at is None:
        return f"it has not answered yet{why}"
    return f"no answer for {now - seen.seen_at:.0f} s{why}"


def _draining(intent: NodeIntent, report: NodeReport) -> str:
    who = "as an operator asked" if intent.drain else "as it is shutting down"
    return f"it takes nothing new, {who}; {len(report.running)} running"


def _short(value: str | None) -> str:
    if value is None:
        return "missing"
    return value if len(value) <= 24 else value[:12] + "…"
