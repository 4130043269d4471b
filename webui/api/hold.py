"""``{reason: "客户投诉"}``: why a recording is kept past its time."""

from typing import Any, cast

from domain.errors import InvalidOptions


def reason_from(body: Any) -> str:
    """The reason; an empty one where none is given. Raises :class:`InvalidOptions`."""
    if not isinstance(body, dict):
        raise InvalidOptions('a JSON object is expected: {"reason": "…"}', field="reason", reason="not_json")
    given = cast("dict[str, Any]", body)
    for name in sorted(given.keys() - {"reason"}):
        raise InvalidOptions(f"there is no field {name[:40]!r}; reason is known", field=name[:40], reason="unknown")
    reason = given.get("reason")
    if not isinstance(reason, (str, type(None))):
        raise InvalidOptions("reason is a text", field="reason", reason="not_text")
    return reason or ""
