"""Which rows of the history a caller means: the same fields for the list and for an export."""

from datetime import UTC, datetime
from typing import Any

from domain.errors import InvalidOptions
from domain.recognition import Status
from webui.api.fields import Fields

FILTER_FIELDS = ("text", "status", "since", "until")


def filters_from(fields: Fields) -> dict[str, Any]:
    """What ``services.history.history_query`` takes of a caller. Raises :class:`InvalidOptions`."""
    return {
        "text": fields.text("text"),
        "statuses": _statuses(fields),
        "since": _moment(fields, "since"),
        "until": _moment(fields, "until"),
    }


def _statuses(fields: Fields) -> list[Status]:
    names = [name for value in fields.all("status") for name in str(value).split(",") if name]
    for name in names:
        Fields([("status", name)]).choice("status", tuple(Status), "")
    return [Status(name.strip().lower()) for name in names]


def _moment(fields: Fields, name: str) -> datetime | None:
    value = fields.text(name)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        message = f"{name} is not a time such as 2026-11-20T08:00:00+08:00"
        raise InvalidOptions(message, field=name, reason="not_a_time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
