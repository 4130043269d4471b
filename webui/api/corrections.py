"""``{lines: {"0": "今天天气很好", "3": null}}``: what somebody writes over segments."""

from typing import Any, cast

from domain.errors import InvalidOptions
from webui.api.labels import line_number

#: Every line of many hours anew, each letter as ``\uXXXX``.
MAX_TEXTS_BYTES = 8 * 1024 * 1024


def corrections_from(body: Any) -> dict[int, str | None]:
    """The texts by number of the segment; ``None`` takes a correction back. Raises :class:`InvalidOptions`."""
    given = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    lines = given.get("lines")
    if not isinstance(lines, dict):
        raise InvalidOptions(
            'a JSON object is expected: {"lines": {"0": "…", "3": null}}', field="lines", reason="not_json"
        )
    for name in sorted(given.keys() - {"lines"}):
        raise InvalidOptions(f"there is no field {name[:40]!r}; lines is known", field=name[:40], reason="unknown")
    texts = cast("dict[str, Any]", lines)
    if any(text is not None and not isinstance(text, str) for text in texts.values()):
        raise InvalidOptions("lines holds texts, or null", field="lines", reason="not_text")
    return {line_number(number): text for number, text in texts.items()}
