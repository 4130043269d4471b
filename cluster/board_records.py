"""The board's records in Redis, and one replica's picture of them.

A record has a name, a text that only replicas read, and, where it is a ticket with a slot, the place of its node
(``cluster.places``):

    t/{owner}/{ticket}                  a ticket; its owner is the one replica that writes it
    s/["{place}", "{model}", {class}]   how fast a node is, as the last one said who learned it
    turns                               who has been served how much
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.scheduling import InFlight, Queued
from domain.speeds import SpeedKey, Speeds
from domain.ticket import Share, Ticket
from domain.turns import Turns

#: One tag, so that a cluster of Redis keeps them on one server.
KEYS = tuple(f"asr:{{board}}:{name}" for name in ("meta", "records", "slots", "changes", "owners"))
CHANNEL = "asr:{board}:news"
TURNS = "turns"

#: What a record holds: its text, and the place of the slot's node or "".
Content = tuple[str, str]


def ticket_record(owner: str, ticket_id: str) -> str:
    """The record of this ticket."""
    return f"t/{owner}/{ticket_id}"


def owner_of(record: str) -> str:
    """Whose ticket this is."""
    return record.split("/", 2)[1]


def ticket_text(ticket: Ticket, posted_at: float, granted_at: float | None = None) -> str:
    """Times are seconds on the server's clock, nodes to avoid are places."""
    granted = {} if granted_at is None else {"granted": round(granted_at, 3)}
    return json.dumps(
        {
            "user": ticket.user,
            "model": ticket.model,
            "seconds": ticket.audio_seconds,
            "share": ticket.share,
            "avoid": sorted(ticket.avoid),
            "posted": round(posted_at, 3),
            **granted,
        }
    )


def speed_record(key: SpeedKey) -> str:
    """The record of this speed."""
    return "s/" + json.dumps(key)


def turns_text(turns: Turns) -> str:
    """The inverse of what :meth:`Picture.learn` reads."""
    rounds = [[share, user, number] for (share, user), number in turns.rounds.items()]
    return json.dumps(
        {
            "served": dict(turns.served),
            "rounds": rounds,
            "served_clock": turns.served_clock,
            "round_clocks": dict(turns.round_clocks),
        }
    )


@dataclass(slots=True)
class Picture:
    """What this replica knows of the board. In it a ticket's id is the name of its record."""

    epoch: str = ""
    #: The last change that it has seen; -1: all must be read anew.
    version: int = -1
    #: Where the reading of everything goes on; until it ends, nothing here changes.
    cursor: str = ""
    tickets: dict[str, Content] = field(default_factory=dict[str, Content])
    waiting: dict[str, Queued] = field(default_factory=dict[str, Queued])
    in_flight: dict[str, InFlight] = field(default_factory=dict[str, InFlight])
    turns: Turns = field(default_factory=Turns)
    rtf: dict[SpeedKey, float] = field(default_factory=dict[SpeedKey, float])
    #: What the reading has brought so far.
    _read: dict[str, tuple[str | None, str]] = field(default_factory=dict[str, tuple[str | None, str]])

    @property
    def speeds(self) -> Speeds:
        """How fast the nodes are, as long as nothing else is learned."""
        return Speeds(self.rtf)

    @property
    def is_whole(self) -> bool:
        """It is believed, and nothing is left to read."""
        return self.version >= 0 and not self.cursor

    def doubt(self) -> None:
        """Perhaps it is no longer true: all is read anew."""
        self.version = -1
        self.cursor = ""

    def only(self, tickets: Mapping[str, Content]) -> None:
        """Nothing is known but these; turns and speeds are believed as they were."""
        self.doubt()
        self.epoch = ""
        self._replace(tickets)

    def take(
        self, epoch: str, version: int, is_all: bool, cursor: str, rows: Sequence[tuple[str, str | None, str]]
    ) -> None:
        """What Redis answered: what has changed, or a piece of everything; ``is_all``: the first one."""
        if self.version < 0 and not is_all:
            return  # it was asked before the doubt
        self.epoch, self.version = epoch, version
        if not is_all and not self.cursor:
            for record, text, url in rows:
                self.learn(record, text, url)
            return
        if is_all:
            self._read = {}
        self._read.update((record, (text, url)) for record, text, url in rows)
        self.cursor = cursor
        if not cursor:
            self._replace(self._read)
            self._read = {}

    def learn(self, record: str, text: str | None, url: str) -> None:
        """One record as it is now; no text: it has gone. What cannot be read is as good as gone."""
        self.waiting.pop(record, None)
        self.in_flight.pop(record, None)
        self.tickets.pop(record, None)
        if record.startswith("t/") and text is not None:
            self.tickets[record] = (text, url)
        try:
            content = None if text is None else json.loads(text)
            if record == TURNS:
                self.turns = _turns(content) if content else self.turns
            elif record.startswith("s/"):
                self._learn_speed(record, content)
            elif content:
                self._learn_ticket(record, content, url)
        except (ValueError, TypeError, KeyError, AttributeError):
            return

    def _learn_ticket(self, record: str, content: dict[str, Any], url: str) -> None:
        avoid = frozenset(str(it) for it in content["avoid"])
        ticket = Ticket(
            record,
            str(content["user"]),
            str(content["model"]),
            float(content["seconds"]),
            Share(content["share"]),
            avoid,
        )
        if url:
            self.in_flight[record] = InFlight(ticket, url, float(content.get("granted", content["posted"])))
        else:
            self.waiting[record] = Queued(ticket, float(content["posted"]))

    def _learn_speed(self, record: str, rtf: float | None) -> None:
        url, model, length_class = json.loads(record[2:])
        key = (str(url), str(model), int(length_class))
        self.rtf.pop(key, None)
        if rtf is not None:
            self.rtf[key] = float(rtf)

    def _replace(self, read: Mapping[str, tuple[str | None, str]]) -> None:
        for record in self.tickets.keys() - read.keys():
            self.learn(record, None, "")
        for record, (text, url) in read.items():
            # Of thousands, few are others than they were.
            if self.tickets.get(record) != (text, url):
                self.learn(record, text, url)


def _turns(content: dict[str, Any]) -> Turns:
    return Turns(
        {Share(share): float(value) for share, value in content["served"].items()},
        {(Share(share), str(user)): int(number) for share, user, number in content["rounds"]},
        float(content["served_clock"]),
        {Share(share): int(number) for share, number in content["round_clocks"].items()},
    )
