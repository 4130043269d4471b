"""The one place where a typed error becomes a sentence in the reader's language."""

from collections.abc import Mapping
from typing import Any

from domain.errors import SpeechError
from domain.sizes import size_limit_text
from webui.components.units import length_limit_text
from webui.i18n import Catalogue, Language, Words


def sentence(
    error: SpeechError | Mapping[str, Any],
    language: Language,
    *,
    reference: str | None = None,
    catalogue: Catalogue | None = None,
) -> str:
    """What went wrong and what to do, as plain text, with the reference id (编号) where there is one.

    ``error``: the exception or its JSON (``{code, message, details}``).
    """
    words = Words(catalogue or Catalogue(), language)
    data = error.to_json() if isinstance(error, SpeechError) else error
    code, details = str(data.get("code") or "internal_error"), dict(data.get("details") or {})
    text = _filled(words, code, details)
    reference = reference or details.get("recognition_id") or details.get("id")
    return text + words("reference", reference=reference) if reference else text


def _filled(words: Words, code: str, details: dict[str, Any]) -> str:
    values = _values(words, details)
    named = f"error_{code}_{details.get('reason') or details.get('part')}"
    for key in (f"{named}_command", named, f"error_{code}_limit", f"error_{code}"):
        if not words.catalogue.has(key):
            continue
        if words.catalogue.placeholders(words.language, key) <= set(values):
            return words(key, **values)
    return words("error_internal_error")


def _values(words: Words, details: dict[str, Any]) -> dict[str, Any]:
    """The details as people read them: limits with their unit, fields by their name on the page."""
    values = {name: value for name, value in details.items() if isinstance(value, (str, int, float))}
    field = str(details.get("field") or "")
    if field:
        values["field"] = words(f"field_{field}") if words.catalogue.has(f"field_{field}") else field
    if "limit_seconds" in details:
        values["limit"] = length_limit_text(float(details["limit_seconds"]), words)
    if "limit_bytes" in details:
        values["limit"] = size_limit_text(int(details["limit_bytes"]))
    return values
