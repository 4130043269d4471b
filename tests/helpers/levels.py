"""Sounds that nobody has sent yet, on a server that many tests share: else they come from its cache."""

from itertools import count

#: Each worker of pytest-xdist is a process, which counts for itself and has a server of its own.
_NUMBERS = count()


def fresh_level() -> float:
    """For ``talk``: a level of the faint noise that makes another recording than any before it."""
    return 31 + next(_NUMBERS) / 16
