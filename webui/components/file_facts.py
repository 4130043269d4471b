"""The line below a chosen file: ``8 kHz · 立体声 · 12:34``."""

from html import escape

from domain.recognition import AudioInfo
from webui.components.units import length_clock, rate_text
from webui.i18n import Words


def facts_view(info: AudioInfo, words: Words, *, is_truncated: bool = False) -> str:
    """What is known of the file; nothing where nothing is."""
    parts = [rate_text(info.sample_rate), channels_text(info.channels, words)]
    if info.seconds:
        parts.append(length_clock(info.seconds))
    text = escape(" · ".join(part for part in parts if part))
    cut = f' · <b class="asr-damage">{words.html("facts_truncated")}</b>' if is_truncated else ""
    return f'<p class="asr-facts" role="status">{text}{cut}</p>' if text else ""


def unreadable_view(reason: str, *, is_hopeless: bool) -> str:
    """Why the file cannot be read, as plain text. What is hopeless is not sent at all (``form.js``)."""
    hopeless = " data-hopeless" if is_hopeless else ""
    return f'<p class="asr-facts unreadable" role="status"{hopeless}>{escape(reason)}</p>'


def channels_text(channels: int, words: Words) -> str:
    """单声道, 立体声, 6 声道; empty while unknown."""
    if not channels:
        return ""
    return words(f"channels_{channels}") if channels in (1, 2) else words("channels_n", count=channels)
