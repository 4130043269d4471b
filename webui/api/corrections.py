"""``{lines: {"0": "今天天气很好", "3": null}, based_on: 2}``: what somebody writes over segments."""

from typing import Any, NamedTuple, cast

from domain.errors import InvalidOptions
from webui.api.labels import line_number

#: Every line of many hours anew, each letter as ``\uXXXX``.
MAX_TEXTS_BYTES = 8 * 1024 * 1024


class Written(NamedTuple):
    """The texts by number of the segment, ``None`` to take a correction back; and how many corrections their writer
    had seen, where that is told."""

    lines: dict[int, str | None]
    based_on: int | None


def corrections_from(body: Any) -> Written:
    """What a caller or a page sends. Raises :class:`InvalidOptions`."""
    given = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    lines = given.get("lines")
    if not isinstance(lines, dict):
        raise InvalidOptions(
            'a JSON object is expected: {"lines": {"0": "…", "3": null}}', field="lines", reason="not_json"
        )
    for name in sorted(given.keys() - {"lines", "based_on"}):
        raise InvalidOptions(
            f"there is no field {name[:40]!r}; lines, based_on are known", field=name[:40], reason="unknown"
        )
    based_on = given.get("based_on")
    if based_on is not None and (type(based_on) is not int or based_on < 0):
        raise InvalidOptions("based_on is how many corrections there were", field="based_on", reason="not_a_number")
    texts = cast("dict[str, Any]", lines)
    if any(text is not None and not isinstance(text, str) for text in texts.values()):
        raise InvalidOptions("lines holds texts, or null", field="lines", reason="not_text")
    return Written({line_number(number): text for number, text in texts.items()}, based_on)
