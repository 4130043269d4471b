"""Which rows of the history a caller means: the same fields for the list and for an export."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from domain.errors import InvalidOptions
from domain.recognition import CacheOutcome, Source, Status
from services.history import Filters
from webui.api.fields import Fields, language_code

#: ``heard``, since the ``language`` of an export is that of its headings.
FILTER_FIELDS = ("text", "status", "source", "cache", "node", "model", "heard", "speaker", "hold", "since", "until")
#: Values of one field.
_MAX_VALUES = 100

Word = TypeVar("Word", bound=StrEnum)


def filters_from(fields: Fields) -> Filters:
    """What ``services.history.history_query`` takes of a caller. Raises :class:`InvalidOptions`."""
    return {
        "text": fields.text("text"),
        "statuses": _words(fields, "status", Status),
        "sources": _words(fields, "source", Source),
        "caches": _words(fields, "cache", CacheOutcome),
        # These may have commas in them: several are given one by one.
        "nodes": _texts(fields, "node"),
        "models": _texts(fields, "model"),
        "languages": [language_code(name) for name in _parts(fields, "heard")],
        "speaker": fields.text("speaker"),
        "held": fields.flag("hold"),
        "since": _moment(fields, "since"),
        "until": _moment(fields, "until"),
    }


def _words(fields: Fields, name: str, words: type[Word]) -> list[Word]:
    allowed = tuple(word.value for word in words)
    return [words(Fields([(name, part)]).choice(name, allowed, "")) for part in _parts(fields, name)]


def _parts(fields: Fields, name: str) -> list[str]:
    """Given one by one, or with commas between them."""
    return [part.strip().lower() for text in _texts(fields, name) for part in text.split(",") if part.strip()]


def _texts(fields: Fields, name: str) -> list[str]:
    values = [Fields([(name, value)]).text(name) for value in fields.all(name)]
    if len(values) > _MAX_VALUES:
        raise InvalidOptions(f"{name}: {_MAX_VALUES} at most", field=name, reason="too_many", limit=_MAX_VALUES)
    return [value for value in values if value.strip()]


def _moment(fields: Fields, name: str) -> datetime | None:
    value = fields.text(name)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value.replace(" ", "+"))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    # The first and the last days have no name in every zone.
    except (ValueError, OverflowError):
        message = f"{name} is not a time such as 2026-11-20T08:00:00+08:00"
        raise InvalidOptions(message, field=name, reason="not_a_time") from None
