"""The names under which results are cached, and how long.

``alias:{digest} → audio id`` (or why the file holds no sound) and ``result:{hash of schema, model, fingerprint,
options, audio id, track, user}``; of a recording that is recognised in parts also ``speech:…`` and ``part:…``. The user
is in the key of results that are not shared between people. Aliases are everybody's: which bytes are the same recording
tells nobody who had it, and nothing is answered by an alias alone.
"""

import hashlib
import json
from collections.abc import Sequence

from domain.options import RecognitionOptions, VadOptions
from domain.transcript import Track

#: Raise it when the cached value or the meaning of a key changes: old entries are then never read.
RESULT_SCHEMA = 6


def alias_key(digest: str) -> str:
    """The key that leads from one digest of a recording to its audio id."""
    return f"alias:{digest}"


def result_key(
    model: str, fingerprint: str, options: RecognitionOptions, audio_id: str, track: Track, user: str = ""
) -> str:
    """The key of one model's output for one recording. ITN is not in it (rules run on reading); the track is.

    ``user``: whose alone it is; empty: everybody's.
    """
    vad = options.vad
    parts = [
        RESULT_SCHEMA,
        model,
        fingerprint,
        options.language,
        list(options.hotwords),
        # With VAD off the recording is still cut into stretches of the longest segment; only pauses end nothing then.
        [vad.enabled, vad.max_segment_ms, *([vad.end_silence_ms] if vad.enabled else [])],
        options.channels,
        options.speakers,
        audio_id,
        track,
        *([user] if user else []),
    ]
    return "result:" + _digest(parts)


def speech_key(model: str, fingerprint: str, vad: VadOptions, sound: str, user: str = "") -> str:
    """The key of where somebody speaks in one sound of a recording that is recognised in parts."""
    asked = [vad.enabled, vad.max_segment_ms, vad.end_silence_ms]
    return "speech:" + _digest([RESULT_SCHEMA, model, fingerprint, asked, sound, user])


def part_key(
    model: str,
    fingerprint: str,
    options: RecognitionOptions,
    sound: str,
    track: Track,
    user: str,
    places: Sequence[tuple[int, int]],
    noise_db: float,
) -> str:
    """The key of what was recognised at ``places`` (in ms) of one sound; nobody is told apart in it."""
    asked = [options.language, list(options.hotwords), track, noise_db, *places]
    return "part:" + _digest([RESULT_SCHEMA, model, fingerprint, asked, sound, user])


def _digest(parts: Sequence[object]) -> str:
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()
