"""Reading plain data that others wrote: garbage raises ``TypeError`` or ``ValueError``, nothing else."""

from typing import Any, cast


def as_object(data: Any) -> dict[str, Any]:
    """``data``, which must be a JSON object. Raises ``TypeError``."""
    if not isinstance(data, dict):
        raise TypeError(f"an object was expected, not {type(data).__name__}")
    return cast("dict[str, Any]", data)


def as_whole(value: Any) -> int:
    """``value`` as an int. Raises ``TypeError`` and ``ValueError``; JSON's ``1e999`` is infinite."""
    try:
        return int(value)
    except OverflowError as error:
        raise ValueError(f"{value!r} is no whole number") from error


def as_number(value: Any) -> float:
    """``value`` as a float. Raises ``TypeError`` and ``ValueError``; a JSON number may have 400 digits."""
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("a number is too large") from error
