"""The folded 详情: where, with what, how long, how fast, under which id."""

from html import escape

from domain.recognition import AudioInfo, Recognition
from webui.components.file_facts import channels_text
from webui.components.origin import recording_name
from webui.components.units import duration_text, length_text, rate_text, speed_text
from webui.i18n import Words

#: Enough of a fingerprint to compare two by eye.
FINGERPRINT_CHARS = 12


def details_view(row: Recognition, words: Words) -> str:
    """A ``<details>`` with one line per fact that is known."""
    facts = [
        ("detail_file", escape(recording_name(row.filename, words))),
        ("detail_audio", escape(audio_text(row.audio, words))),
        ("detail_created", moment(row.created_at.isoformat(), full=True)),
        ("detail_node", escape(node_name(row.node, words)) if row.node else ""),
        ("detail_model", escape(row.model or "")),
        ("detail_fingerprint", _code((row.fingerprint or "")[:FINGERPRINT_CHARS])),
        ("detail_elapsed", _elapsed(row, words)),
        ("detail_speed", _speed(row, words)),
        ("detail_cached_at", moment(row.cached_at.isoformat(), full=True) if row.cached_at else ""),
        ("detail_options", escape(options_text(row, words))),
        ("detail_hotwords", escape("、".join(row.options.hotwords))),
        ("detail_reference", _code(row.id)),
    ]
    rows = "".join(f"<div><dt>{words.html(key)}</dt><dd>{value}</dd></div>" for key, value in facts if value)
    return f'<details class="asr-details"><summary>{words.html("details")}</summary><dl>{rows}</dl></details>'


def audio_text(audio: AudioInfo, words: Words) -> str:
    """12 分 34 秒 · mp3 · 44.1 kHz · 立体声; empty while unknown."""
    if not audio.seconds:
        return ""
    parts = [
        length_text(audio.seconds, words),
        audio.codec or audio.container,
        rate_text(audio.sample_rate),
        channels_text(audio.channels, words),
    ]
    return " · ".join(part for part in parts if part)


def options_text(row: Recognition, words: Words) -> str:
    """The request's options in words."""
    return " · ".join(options_parts(row, words))


def options_parts(row: Recognition, words: Words) -> list[str]:
    """Each of them by itself."""
    options = row.options
    vad = words("option_vad_off")
    if options.vad.enabled:
        vad = words(
            "option_vad_on",
            longest=duration_text(options.vad.max_segment_ms / 1000, words),
            silence=duration_text(options.vad.end_silence_ms / 1000, words),
        )
    itn = words("option_itn_on" if options.itn else "option_itn_off")
    parts = [language_name(options.language, words), itn, vad]
    if row.audio.channels == 2:
        parts.append(words("option_channels", choice=words(f"channels_{options.channels}")))
    return parts


def language_name(code: str, words: Words) -> str:
    """A language by its name, or its code where we have none."""
    key = f"language_{code}"
    return words(key) if words.catalogue.has(key) else code


def node_name(name: str, words: Words) -> str:
    """本机 for the node that came with the program, else its own name."""
    return words("local_node") if name in ("local", "本机") else name


def moment(iso: str, *, full: bool = False) -> str:
    """A time in the reader's time zone: 今天 14:05, 11-20 14:05; ``full`` always names the date with its year."""
    return (
        f'<asr-time{" full" if full else ""} datetime="{escape(iso)}">{escape(iso[:16].replace("T", " "))}</asr-time>'
    )


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text else ""


def _elapsed(row: Recognition, words: Words) -> str:
    return escape(duration_text(row.elapsed_ms / 1000, words)) if row.elapsed_ms is not None else ""


def _speed(row: Recognition, words: Words) -> str:
    speed = row.real_time_speed
    return escape(words("real_time", speed=speed_text(speed))) if speed else ""
