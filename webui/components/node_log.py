"""操作日志: who did what to which node, newest first."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from domain.access import Visitor
from domain.membership import NodeEvent
from webui.components.details import node_name
from webui.components.origin import person
from webui.i18n import Words

#: Details that people are told, in this order; the rest is for programs.
_TOLD = ("name", "weight", "slots", "backup", "fingerprint")
_FINGERPRINT_CHARS = 8


def log_view(events: Sequence[NodeEvent], words: Words, viewer: Visitor) -> str:
    """Folded; ``viewer``: who reads it, and is 我. the times are the reader's own (``assets/time.js``)."""
    lines = "".join(_line(event, words, viewer) for event in events)
    inner = f"<ol>{lines}</ol>" if lines else f'<p class="asr-empty">{words.html("nodes_log_empty")}</p>'
    title = f"<summary>{words.html('nodes_log')}</summary>"
    return f'<details class="asr-details asr-node-log">{title}{inner}</details>'


def _line(event: NodeEvent, words: Words, viewer: Visitor) -> str:
    told = words(f"node_did_{event.action}", node=node_name(event.node, words))
    return (
        f'<li data-key="{escape(event.id)}"><asr-time datetime="{event.at.isoformat()}"></asr-time>'
        f"<span>{escape(told)}{escape(_details(event.details, words))}</span>"
        f'<span class="who" title="{escape(event.user)}">{escape(person(event.user, words, viewer))}</span></li>'
    )


def _details(details: Mapping[str, Any], words: Words) -> str:
    known = [(key, details[key]) for key in _TOLD if details.get(key) is not None]
    return "".join(" · " + words(f"node_said_{key}", value=_value(key, value, words)) for key, value in known)


def _value(key: str, value: Any, words: Words) -> str:
    if isinstance(value, bool):
        return words("yes" if value else "no")
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)[:_FINGERPRINT_CHARS] if key == "fingerprint" else str(value)
