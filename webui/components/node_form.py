"""What administrators may say of a node, in a window over the page: the page is drawn anew every two seconds."""

from html import escape

from domain.membership import MAX_NAME_CHARS, MAX_SLOTS, MAX_WEIGHT
from domain.node import Availability, NodeStatus, Origin
from webui.i18n import Words


def node_form(node: NodeStatus, name: str, words: Words) -> str:
    """Out of sight until ⋯ is pressed (``asr.askForm``). Its buttons are named after what they have done."""
    intent = node.intent
    is_own = intent.origin is Origin.OWN
    # What the node itself says may be promoted only where that is what keeps it from working.
    differs = node.availability is Availability.QUARANTINED and bool(node.report and node.report.fingerprint)
    more = _button("test", words)
    if differs:
        more += _button("promote", words, question=words("nodes_confirm_promote", name=name))
    if not is_own:
        more += _button("remove", words, "danger", words("nodes_confirm_remove", name=name))
    fields = _fields(
        words, None if is_own else intent.name, f"{intent.weight:g}", str(intent.slots or ""), intent.backup
    )
    return (
        f'<template data-form><form method="dialog"><h2>{escape(name)}</h2>{fields}{_buttons(words, "change")}'
        f'<div class="asr-form-more">{more}</div></form></template>'
    )


def adding_form(words: Words) -> str:
    """添加节点: its button, and the window."""
    fields = (
        f'<label>{words.html("node_address")}<input name="url" type="url" required maxlength="500" '
        f'placeholder="http://10.0.0.5:7861" autocomplete="off"></label>'
        + _fields(words, "", "1", "", False)
        + f'<label>{words.html("node_token")}<input name="token" type="password" autocomplete="off" '
        f'placeholder="{words.html("node_token_note")}"></label>'
    )
    return (
        f'<div class="asr-add-node"><button type="button" class="asr-button" data-event="add_node" data-opens>'
        f"{words.html('node_add')}</button>"
        f'<template data-form><form method="dialog"><h2>{words.html("node_add")}</h2>{fields}'
        f'<p class="asr-note">{words.html("node_add_note")}</p>{_buttons(words, "add")}</form></template></div>'
    )


def _fields(words: Words, name: str | None, weight: str, slots: str, backup: bool) -> str:
    named = ""
    if name is not None:
        named = (
            f'<label>{words.html("node_name")}<input name="name" maxlength="{MAX_NAME_CHARS}" autocomplete="off" '
            f'value="{escape(name)}"></label>'
        )
    return (
        f"{named}"
        f'<label>{words.html("node_weight")}<input name="weight" type="number" min="0.01" max="{MAX_WEIGHT:g}" '
        f'step="any" required value="{escape(weight)}"></label>'
        f'<p class="asr-note">{words.html("node_weight_note")}</p>'
        f'<label>{words.html("node_slots_label")}<input name="slots" type="number" min="1" max="{MAX_SLOTS}" '
        f'placeholder="{words.html("node_slots_note")}" value="{escape(slots)}"></label>'
        f'<label class="asr-check"><input type="checkbox" name="backup"{" checked" if backup else ""}>'
        f"{words.html('node_backup_label')}</label>"
    )


def _buttons(words: Words, action: str) -> str:
    return (
        '<div class="asr-dialog-buttons">'
        f'<button type="button" class="asr-button quiet" data-close>{words.html("cancel")}</button>'
        f'<button type="submit" class="asr-button primary" value="{action}_node">'
        f"{words.html(f'node_form_{action}')}</button>"
        "</div>"
    )


def _button(action: str, words: Words, kind: str = "", question: str = "") -> str:
    """``formnovalidate``: what stands in the fields is not what it sends."""
    asked = f' data-question="{escape(question)}"' if question else ""
    return (
        f'<button type="submit" formnovalidate class="asr-button {kind}" value="{action}_node"{asked}>'
        f"{words.html(f'node_form_{action}')}</button>"
    )
