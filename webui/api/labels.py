"""``{labels: {speaker1: "王经理"}, lines: {"3": "speaker2"}}``: who is called what, and who speaks in which line."""

from typing import Any, cast

from domain.errors import InvalidOptions

#: Names for everybody, and another speaker for each line of many hours.
MAX_BODY_BYTES = 1024 * 1024


def labels_from(body: Any) -> tuple[dict[str, str], dict[int, str]]:
    """The names by key and the keys by number of the segment. Raises :class:`InvalidOptions`."""
    if not isinstance(body, dict):
        raise InvalidOptions(
            'a JSON object is expected: {"labels": {"speaker1": "…"}, "lines": {"3": "speaker2"}}',
            field="labels",
            reason="not_json",
        )
    given = cast("dict[str, Any]", body)
    for name in sorted(given.keys() - {"labels", "lines"}):
        raise InvalidOptions(
            f"there is no field {name[:40]!r}; labels and lines are known", field=name[:40], reason="unknown"
        )
    lines = _texts(given, "lines")
    return _texts(given, "labels"), {line_number(number): key for number, key in lines.items()}


def line_number(text: str) -> int:
    """The number of a segment, as it stands in JSON. Raises :class:`InvalidOptions`."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidOptions(f"{text[:40]!r} is no number of a line", field="lines", reason="not_a_number")
    return int(text)


def _texts(given: dict[str, Any], field: str) -> dict[str, str]:
    found = given.get(field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidOptions(f"{field} is a JSON object", field=field, reason="not_text")
    texts = cast("dict[str, Any]", found)
    # null takes a name back, as the empty text does.
    if any(not isinstance(text, (str, type(None))) for text in texts.values()):
        raise InvalidOptions(f"{field} holds texts", field=field, reason="not_text")
    return {key: text or "" for key, text in texts.items()}
