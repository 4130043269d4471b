"""Who asks."""

from collections.abc import Iterable
from dataclasses import dataclass

#: The request header by which a program says the administrators' token.
ADMIN_HEADER = "x-asr-admin-token"
#: A shorter API key can be guessed.
MIN_KEY_CHARS = 8


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person or program at the door. Until accounts exist, ``user`` comes from the signed cookie or the API key."""

    user: str
    is_admin: bool = False

    @property
    def scope(self) -> str | None:
        """Whose rows this visitor sees: ``None`` (everybody's) for an administrator, else its own."""
        return None if self.is_admin else self.user


def parse_api_keys(pairs: Iterable[str]) -> dict[str, str]:
    """``("name:key", …)`` as ``{name: key}``. Raises ``ValueError`` without repeating a key."""
    keys: dict[str, str] = {}
    for position, pair in enumerate(pairs, 1):
        name, _, key = (part.strip() for part in pair.partition(":"))
        if not name or len(key) < MIN_KEY_CHARS:
            raise ValueError(
                f"entry {position} is not of the form name:key with a key of at least {MIN_KEY_CHARS} characters"
            )
        if name in keys:
            raise ValueError(f"the name {name!r} occurs twice")
        keys[name] = key
    return keys
