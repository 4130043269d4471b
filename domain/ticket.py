"""A ticket: one job's place at the board.

    waiting ──► granted(node, slot) ──► released

It lives 15 s and is renewed by its owner; an expired one only frees its slot.
"""

from dataclasses import dataclass
from enum import StrEnum

#: How long an unrenewed ticket lives, and how often its owner renews it, in seconds.
TICKET_TTL_SECONDS = 15.0
TICKET_RENEW_SECONDS = 5.0


class Share(StrEnum):
    """Who waits; the weights of the shares are in ``domain.turns``."""

    LIVE = "live"
    INTERACTIVE = "interactive"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the board must know of a job to find its node; never the job or its audio."""

    id: str
    user: str
    model: str
    audio_seconds: float
    share: Share = Share.INTERACTIVE
    #: Nodes that already failed this job, by URL: the last choice.
    avoid: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grant:
    """A slot on a node, for as long as the ticket is renewed."""

    ticket_id: str
    node_url: str
    node_name: str


class WaitReason(StrEnum):
    """Why a ticket waits."""

    QUEUED = "queued"
    LOADING = "loading"
    NO_NODE = "no_node"  # none has the model, or for several of the reasons below
    ALL_DRAINING = "all_draining"
    ALL_QUARANTINED = "all_quarantined"
    NONE_REACHABLE = "none_reachable"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ticket's place in the queue."""

    ahead: int
    expected_wait_seconds: float | None
    reason: WaitReason = WaitReason.QUEUED
