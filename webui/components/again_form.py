"""重新识别 from the history: what to ask for this time, as it was asked for before."""

from html import escape

from domain.presets import Capabilities
from domain.recognition import Recognition
from webui.components.details import language_name
from webui.i18n import Words


def again_form(row: Recognition, offered: Capabilities, words: Words) -> str:
    """Out of sight until the button is pressed (``asr.askAgain``); what the model cannot do is not asked."""
    return (
        f'<template data-again><form method="dialog"><h2>{words.html("again")}</h2>'
        f"{_hotwords(row, words) if offered.hotwords else ''}{_languages(row, offered, words)}"
        f'<label class="asr-check"><input type="checkbox" name="itn"{" checked" if row.options.itn else ""}>'
        f"{words.html('itn_label')}</label>"
        f'<p class="asr-note">{words.html("again_note")}</p>'
        '<div class="asr-dialog-buttons">'
        f'<button type="button" class="asr-button quiet" data-close>{words.html("cancel")}</button>'
        f'<button type="submit" class="asr-button primary">{words.html("start")}</button></div></form></template>'
    )


def _hotwords(row: Recognition, words: Words) -> str:
    return (
        f'<label>{words.html("hotwords_label")}<textarea name="hotwords" rows="3" '
        f'placeholder="{words.html("hotwords_placeholder")}">{escape("、".join(row.options.hotwords))}</textarea></label>'
    )


def _languages(row: Recognition, offered: Capabilities, words: Words) -> str:
    # What was asked for then stays on offer only where the model knows it.
    if len(offered.languages) < 2:
        return ""
    options = "".join(
        f'<option value="{escape(code)}"{" selected" if code == row.options.language else ""}>'
        f"{escape(language_name(code, words))}</option>"
        for code in offered.languages
    )
    return f'<label>{words.html("language_label")}<select name="language">{options}</select></label>'
