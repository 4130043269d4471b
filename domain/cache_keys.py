"""The names under which results are cached, and how long.

``alias:{digest} → audio id`` and ``result:{hash of schema, model, fingerprint, options, audio id, track}``.
"""

import hashlib
import json

from domain.options import RecognitionOptions
from domain.transcript import Track

#: Raise it when the cached value or the meaning of a key changes: old entries are then never read.
RESULT_SCHEMA = 4


def alias_key(digest: str) -> str:
    """The key that leads from one digest of a recording to its audio id."""
    return f"alias:{digest}"


def result_key(model: str, fingerprint: str, options: RecognitionOptions, audio_id: str, track: Track) -> str:
    """The key of one model's output for one recording. ITN is not in it (rules run on reading); the track is."""
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
    ]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return "result:" + hashlib.blake2b(text.encode(), digest_size=20).hexdigest()
