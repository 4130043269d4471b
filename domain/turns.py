"""Who was served how much: what makes the order of the queue fair between shares and between users.

Start-time fair queueing (Goyal, Vin, Cheng 1997): a share counts weighted seconds of work, a user of a share counts
turns. A turn is one recording, or short ones of some seconds of work together: where each short one cost a turn, those
of one user would stand behind the long ones of all others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.ticket import Share, Ticket

SHARE_WEIGHTS: dict[Share, float] = {Share.LIVE: 8.0, Share.INTERACTIVE: 4.0, Share.BATCH: 1.0}
#: The seconds of work that a user has in one turn; a recording that takes longer is a turn, too.
TURN_SECONDS = 10.0
#: Turns are counted in so many parts, as whole numbers.
TURN = 1000
#: When so many users of a share had their turn in a round, the next round begins. Users that come once, one after the
#: other, would else never end it, and all of them be remembered.
MOST_USERS = 500


def after_ticket(place: int, seconds: float) -> int:
    """Where a user stands who stood at ``place`` and was then given ``seconds`` of work."""
    return place + min(max(round(TURN * seconds / TURN_SECONDS), 1), TURN)


@dataclass(frozen=True, slots=True)
class Turns:
    """Where shares (in weighted seconds) and users (in parts of a turn) stand.

    The clocks are where service stands now. Whoever was away joins there: nobody saves up turns by not asking.
    """

    served: Mapping[Share, float] = field(default_factory=dict[Share, float])
    rounds: Mapping[tuple[Share, str], int] = field(default_factory=dict[tuple[Share, str], int])
    served_clock: float = 0.0
    round_clocks: Mapping[Share, int] = field(default_factory=dict[Share, int])

    def served_of(self, share: Share) -> float:
        """Where the share stands."""
        return max(self.served.get(share, 0.0), self.served_clock)

    def place_of(self, share: Share, user: str) -> int:
        """Where the user stands; the whole turns in it (``// TURN``) are the round in which the next ticket goes."""
        return max(self.rounds.get((share, user), 0), self.round_clocks.get(share, 0))

    def after(self, ticket: Ticket, seconds: float) -> "Turns":
        """The turns after this ticket, worth ``seconds`` of work, was granted."""
        share, start, place = ticket.share, self.served_of(ticket.share), self.place_of(ticket.share, ticket.user)
        clock = place - place % TURN
        if sum(key[0] == share and its > clock for key, its in self.rounds.items()) >= MOST_USERS:
            clock += TURN
        clocks = {**self.round_clocks, share: clock}
        kept = {key: its for key, its in self.rounds.items() if its > clocks.get(key[0], 0)}
        return Turns(
            {**self.served, share: start + seconds / SHARE_WEIGHTS[share]},
            {**kept, (share, ticket.user): after_ticket(place, seconds)},
            start,
            clocks,
        )
