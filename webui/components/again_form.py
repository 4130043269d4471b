"""重新识别 from the history: what to ask for this time, as it was asked for before."""

from collections.abc import Mapping
from html import escape

from domain.presets import Capabilities
from domain.recognition import Recognition
from webui.components.details import language_name
from webui.i18n import Words


def again_form(row: Recognition, offered: Mapping[str, Capabilities], words: Words) -> str:
    """Out of sight until the button is pressed (``asr.askForm``); what no model can do is not asked."""
    hotwords = _hotwords(row, offered, words) if any(one.hotwords for one in offered.values()) else ""
    return (
        f'<template data-again><form method="dialog"><h2>{words.html("again")}</h2>'
        f"{hotwords}{_languages(row, offered, words)}{_models(row, offered, words)}"
        f'<label class="asr-check"><input type="checkbox" name="itn"{" checked" if row.options.itn else ""}>'
        f"{words.html('itn_label')}</label>"
        f'<p class="asr-note">{words.html("again_note")}</p>'
        '<div class="asr-dialog-buttons">'
        f'<button type="button" class="asr-button quiet" data-close>{words.html("cancel")}</button>'
        f'<button type="submit" class="asr-button primary">{words.html("start")}</button></div></form></template>'
    )


def _hotwords(row: Recognition, offered: Mapping[str, Capabilities], words: Words) -> str:
    """Where another model may be chosen that takes none, it says so."""
    unused = ""
    if not all(one.hotwords for one in offered.values()):
        unused = f'<span class="asr-note">{words.html("again_no_hotwords")}</span>'
    return (
        f'<label data-hotwords>{words.html("hotwords_label")}{unused}<textarea name="hotwords" rows="3" '
        f'placeholder="{words.html("hotwords_placeholder")}">{escape("、".join(row.options.hotwords))}</textarea></label>'
    )


def _languages(row: Recognition, offered: Mapping[str, Capabilities], words: Words) -> str:
    # What was asked for then stays on offer only where a model knows it.
    codes = dict.fromkeys(code for one in offered.values() for code in one.languages)
    if len(codes) < 2:
        return ""
    options = "".join(
        f'<option value="{escape(code)}"{" selected" if code == row.options.language else ""}>'
        f"{escape(language_name(code, words))}</option>"
        for code in codes
    )
    return f'<label>{words.html("language_label")}<select name="language">{options}</select></label>'


def _models(row: Recognition, offered: Mapping[str, Capabilities], words: Words) -> str:
    """The one that recognised the row is chosen, so that nothing changes unasked."""
    if len(offered) < 2:
        return ""
    options = "".join(
        f'<option value="{escape(name)}"{" selected" if name == row.model else ""}'
        f"{'' if one.hotwords else ' data-no-hotwords'}>{escape(name)}</option>"
        for name, one in offered.items()
    )
    return f'<label>{words.html("detail_model")}<select name="model">{options}</select></label>'
