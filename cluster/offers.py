"""Slots that this replica leaves to others, whose turn it is, and how long it does."""

from collections.abc import Callable, Collection

from cluster.board_records import owner_of

#: An owner that does not take a slot within the first time is passed over for the second, in seconds.
OFFER_SECONDS, PASS_OVER_SECONDS = 0.25, 5.0
#: Who was not looked after for so long, in seconds, may have had other chances: his offer is a new one.
FORGET_SECONDS = 1.0


class Offers:
    """``now``: seconds on a clock that never goes back."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        #: Since when each ticket, by its record, could have taken a slot.
        self._since: dict[str, float] = {}
        self._passed_over_until: dict[str, float] = {}
        self._made_at = now()

    @property
    def are_open(self) -> bool:
        """Whether somebody is waited for."""
        return bool(self._since)

    def passed_over(self) -> set[str]:
        """The owners that are not asked at the moment."""
        now = self._now()
        self._passed_over_until = {owner: until for owner, until in self._passed_over_until.items() if until > now}
        return set(self._passed_over_until)

    def make(self, records: Collection[str]) -> set[str] | None:
        """It is these tickets' turn. Whom to tell; ``None``: somebody let his pass, and it is decided without him."""
        now = self._now()
        if now - self._made_at > FORGET_SECONDS:
            self._since.clear()
        self._made_at = now
        late = {owner_of(record) for record in records if now - self._since.get(record, now) >= OFFER_SECONDS}
        if late:
            self._passed_over_until |= dict.fromkeys(late, now + PASS_OVER_SECONDS)
            self._since = {record: at for record, at in self._since.items() if owner_of(record) not in late}
            return None
        news = {owner_of(record) for record in records if record not in self._since}
        self._since = {record: self._since.get(record, now) for record in records}
        return news

    def forget(self) -> None:
        """Nobody is waited for."""
        self._since.clear()
