"""Who asks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person or program at the door. Until accounts exist, ``user`` comes from the signed cookie or the API key."""

    user: str
    is_admin: bool = False

    @property
    def scope(self) -> str | None:
        """Whose rows this visitor sees: ``None`` (everybody's) for an administrator, else its own."""
        return None if self.is_admin else self.user
