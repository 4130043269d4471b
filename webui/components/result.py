"""A finished recognition: badge, actions, tracks, player, lines, details. And one that failed."""

from html import escape
from typing import Literal
from urllib.parse import quote

from domain.labels import keys_of, name_of, plain_text
from domain.presets import PRESETS
from domain.recognition import Recognition, Status
from webui.components.badge import cache_badge
from webui.components.details import details_view
from webui.components.origin import recording_name
from webui.components.transcript import TRACKS, lines
from webui.i18n import Words
from webui.sentences import sentence

Shown = Literal["written", "spoken", "both"]
_FORMATS = ("txt", "json", "srt", "vtt")
#: The warnings that have a sentence.
WARNINGS = ("no_speech", "silent", "truncated", "damaged", "suspect", "speakers_failed")


def result_view(row: Recognition, words: Words, *, shown: Shown | None = None, search: str = "") -> str:
    """The panel of a row in a final state."""
    if row.status is not Status.SUCCEEDED:
        return _unfinished_view(row, words, shown, search) if row.transcript.segments else failure_view(row, words)
    shown = shown or ("written" if row.options.itn else "spoken")
    name = escape(recording_name(row.filename, words))
    heading = f"<strong>{name}</strong>{cache_badge(row, words)}{_demo_mark(row, words)}"
    # What leaves no trace cannot be changed either.
    changes = "" if row.no_trace else f"{_swap(row, words)}{_hint(row, words)}"
    return (
        f'<section class="asr-result" data-id="{escape(row.id)}" data-track="{shown}" '
        f'data-seen="{len(row.corrections)}">'
        f'<header><div class="asr-marks">{heading}</div>{_actions(row, shown, words)}</header>'
        f"{_warnings(row, words)}{player_view(row, words)}"
        f'<div class="asr-choices">{_tracks(row, shown, words)}{changes}</div>'
        f'<div data-slot="comparison"></div>'
        f"{lines(row.transcript.segments, words, search=search, labels=row.labels, can_change=not row.no_trace)}"
        f"{_whole_texts(row, words)}{details_view(row, words)}</section>"
    )


def _unfinished_view(row: Recognition, words: Words, shown: Shown | None, search: str) -> str:
    """A recognition that ended before its end: why, and the text that it had by then."""
    shown = shown or ("written" if row.options.itn else "spoken")
    kind = "cancelled" if row.status is Status.CANCELLED else "failed"
    badge = f'<span class="asr-badge unfinished">{words.html("unfinished")}</span>'
    tracks = _tracks(row, shown, words) if row.transcript.raw_text is not None else ""
    # Names can be given, and lines corrected, once the whole text is there.
    said = lines(row.transcript.segments, words, search=search, labels=row.labels, can_change=False)
    return (
        f'<section class="asr-result unfinished" data-id="{escape(row.id)}" data-track="{shown}">'
        f'<header><div class="asr-marks"><strong>{escape(recording_name(row.filename, words))}</strong>{badge}</div>'
        f'<div class="asr-actions">{_copy(words)}{_download(row, shown, words)}{_retry(row, words)}</div></header>'
        f'<div class="asr-failure {kind}" role="alert"><p>{_reason(row, words)}</p>{_side_missing(row, words)}</div>'
        f'{player_view(row, words)}{tracks}<div data-slot="comparison"></div>{said}'
        f"{_whole_texts(row, words)}{details_view(row, words)}</section>"
    )


def _reason(row: Recognition, words: Words) -> str:
    error = row.error or {"code": row.status.value}
    return escape(sentence(error, words.language, reference=row.id, catalogue=words.catalogue))


def _side_missing(row: Recognition, words: Words) -> str:
    """That one side of a call has no text at all, where the recognition was cancelled: it may not have begun."""
    sides = {segment.channel for segment in row.transcript.segments}
    if row.status is not Status.CANCELLED or len(sides) != 1 or None in sides:
        return ""
    other = "channel1" if sides == {0} else "channel0"
    return f"<p>{words.html('side_missing', name=name_of(other, row.labels, words.language))}</p>"


def _retry(row: Recognition, words: Words) -> str:
    """重新识别, where that could help."""
    hopeless = (row.error or {}).get("code") in ("bad_audio", "audio_too_long")
    return _again(words) if row.audio_key and not hopeless else ""


def failure_view(row: Recognition, words: Words) -> str:
    """What went wrong, the reference id, and the way to try again."""
    kind = "cancelled" if row.status is Status.CANCELLED else "failed"
    return (
        f'<section class="asr-failure {kind}" data-id="{escape(row.id)}" role="alert">'
        f"<p><strong>{escape(recording_name(row.filename, words))}</strong>{cache_badge(row, words)}</p>"
        f"<p>{_reason(row, words)}</p>"
        f"{_retry(row, words)}</section>"
    )


def error_view(text: str) -> str:
    """A sentence (plain text) about something that failed before there was a row."""
    return f'<section class="asr-failure failed" role="alert"><p>{escape(text)}</p></section>'


def player_view(row: Recognition, words: Words) -> str:
    """The player, or a word that the recording has gone."""
    if row.no_trace:
        return f'<p class="asr-note asr-no-trace" role="note">{words.html("no_trace_result")}</p>'
    if row.audio_key is None:
        return f'<p class="asr-note">{words.html("audio_gone")}</p>'
    return (
        f'<asr-player src="{recording_url(row.id)}" duration="{row.audio.seconds:.3f}" '
        f'filename="{escape(row.filename)}" aria-label="{words.html("player")}"></asr-player>'
    )


def recording_url(recognition_id: str) -> str:
    """Where the browser gets the sound, relative to the page."""
    return f"./v1/recognitions/{quote(recognition_id)}/audio"


def _actions(row: Recognition, shown: Shown, words: Words) -> str:
    again = _again(words) if row.audio_key else ""
    return f'<div class="asr-actions">{_copy(words)}{_download(row, shown, words)}{again}</div>'


def _download(row: Recognition, shown: Shown, words: Words) -> str:
    track = "spoken" if shown == "spoken" else "written"
    links = "".join(
        f'<a role="menuitem" data-export="{name}" download '
        f'href="./v1/recognitions/{quote(row.id)}/export?format={name}&amp;track={track}&amp;language={words.language}">{name}</a>'
        for name in _FORMATS
    )
    return (
        f'<details class="asr-menu"><summary class="asr-button">{words.html("download")}</summary>'
        f'<div role="menu">{links}</div></details>'
    )


def _copy(words: Words) -> str:
    return f'<button type="button" class="asr-button" data-copy>{words.html("copy")}</button>'


def _again(words: Words) -> str:
    return f'<button type="button" class="asr-button" data-event="again">{words.html("again")}</button>'


def _tracks(row: Recognition, shown: Shown, words: Words) -> str:
    """规整文本 / 原始文本 / 对照. Where the spoken track was not made, asking for it makes it, of the recording."""
    if not row.transcript.segments or (row.transcript.raw_text is None and row.audio_key is None):
        return ""
    missing = ' data-event="spoken"' if row.transcript.raw_text is None else ""
    buttons = "".join(
        f'<button type="button" role="radio" data-track="{track}" tabindex="{0 if track == shown else -1}" '
        f'aria-checked="{"true" if track == shown else "false"}"{missing if track != "written" else ""}>'
        f"{words.html('track_' + track)}</button>"
        for track in ("written", "spoken", "both")
    )
    return f'<div class="asr-switch" role="radiogroup" aria-label="{words.html("track_choice")}">{buttons}</div>'


def _swap(row: Recognition, words: Words) -> str:
    """坐席 ⇄ 客户, where each has a channel."""
    if not {"channel0", "channel1"} <= set(keys_of(row.transcript.segments)):
        return ""
    first, second = (name_of(key, row.labels, words.language) for key in ("channel0", "channel1"))
    return (
        f'<button type="button" class="asr-button" data-event="swap" title="{words.html("who_swap_title")}">'
        f"{words.html('who_swap', first=first, second=second)}</button>"
    )


def _hint(row: Recognition, words: Words) -> str:
    return f'<span class="asr-note">{words.html("corrected_hint")}</span>' if row.transcript.segments else ""


def whole_texts(row: Recognition, words: Words) -> dict[str, str]:
    """What 复制 takes, by track."""
    return {track: plain_text(row.transcript.segments, row.labels, track, words.language) for track in TRACKS}


def _whole_texts(row: Recognition, words: Words) -> str:
    """The same, kept out of sight."""
    texts = whole_texts(row, words).items()
    return "".join(f'<template data-text="{track}">{escape(text)}</template>' for track, text in texts)


def _warnings(row: Recognition, words: Words) -> str:
    """Warnings in words; silence says already that nobody spoke."""
    names = [name for name in row.transcript.warnings if name != "no_speech" or "silent" not in row.transcript.warnings]
    if not row.transcript.segments and not names:
        names = ["no_speech"]
    texts = [words(f"warning_{n}") if n in WARNINGS else words("warning_other", warning=n) for n in names]
    return "".join(f'<p class="asr-warning" role="note">{escape(text)}</p>' for text in texts)


def _demo_mark(row: Recognition, words: Words) -> str:
    preset = PRESETS.get(row.model or "")
    if preset is None or preset.hub_ids is not None:
        return ""
    hint = words.html("demo_result_hint")
    return f'<span class="asr-badge demo" title="{hint}">{words.html("demo_result")}</span>'
