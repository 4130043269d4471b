"""Speech with known word times, from libespeak-ng in this process.

The library's C interface is that of ``speak_lib.h`` of espeak-ng; its callback tells where each word starts.
"""

import ctypes
import ctypes.util
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import soxr

RATE = 16_000
_OWN_RATE = 22_050
_RETRIEVAL, _CHARACTERS_UTF8, _CHARACTER_POSITION = 1, 1, 1
_SPEED, _PITCH = 1, 3
_END_OF_LIST, _WORD = 0, 1
#: |sample| of 16-bit speech above which something is heard.
_AUDIBLE = 60


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is spoken: ``variant`` of the voice, ``accent`` of its English, words a minute, pitch 0 to 99.

    ``throat`` above 1 plays it so much faster, which raises the formants as well: another speaker.
    """

    variant: str
    accent: str = "en-us"
    speed: int = 160
    pitch: int = 50
    throat: float = 1.0

    def voice(self, english: bool) -> str:
        """``cmn-latn-pinyin`` reads Chinese characters rightly, plain ``cmn`` does not."""
        return f"{self.accent if english else 'cmn-latn-pinyin'}+{self.variant}"


@dataclass(frozen=True, slots=True)
class Speech:
    """``samples``: ``(n,)`` float32 at 16 kHz; ``spans_ms``: start and end of each unit."""

    samples: np.ndarray
    spans_ms: tuple[tuple[float, float], ...]


class Espeak:
    """One per process: the library keeps global state. Raises ``RuntimeError`` where espeak-ng is missing."""

    def __init__(self) -> None:
        path = ctypes.util.find_library("espeak-ng")
        if path is None:
            raise RuntimeError("espeak-ng is missing: apt-get install espeak-ng")
        self._library = ctypes.CDLL(path)
        if self._library.espeak_Initialize(_RETRIEVAL + 1, 0, None, 0) != _OWN_RATE:
            raise RuntimeError("this espeak-ng does not speak at 22 050 Hz")
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._sound: list[bytes] = []
        self._words: list[tuple[int, float]] = []
        self._callback = _Callback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, units: tuple[str, ...], english: bool, manner: Manner, ending: str = "") -> Speech:
        """Speaks units of one language; the silence around them is cut off. ``ending``: a mark, for the melody."""
        self._sound.clear()
        self._words.clear()
        self._choose(manner.voice(english))
        self._library.espeak_SetParameter(_SPEED, manner.speed, 0)
        self._library.espeak_SetParameter(_PITCH, manner.pitch, 0)
        text = (" " if english else "").join(units) + ending
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, _CHARACTER_POSITION, 0, _CHARACTERS_UTF8, None, None)
        self._library.espeak_Synchronize()
        whole = np.frombuffer(b"".join(self._sound), "<i2")
        loud = np.flatnonzero(np.abs(whole.astype(np.int32)) > _AUDIBLE)
        if not len(loud):
            raise RuntimeError(f"{manner.voice(english)} says nothing for {text!r}")
        first, last = int(loud[0]), int(loud[-1]) + 1
        starts = _unit_starts(units, 1 if english else 0, self._words)
        start_ms, end_ms = first * 1_000 / _OWN_RATE, last * 1_000 / _OWN_RATE
        edges = (np.clip([*starts, end_ms], start_ms, end_ms) - start_ms) / manner.throat
        samples = soxr.resample(whole[first:last].astype(np.float32) / 32_768, _OWN_RATE * manner.throat, RATE, "MQ")
        return Speech(samples, tuple((float(a), float(b)) for a, b in pairwise(edges)))

    def phonemes(self, text: str, english: bool) -> str:
        """How espeak-ng pronounces the text."""
        self._choose(Manner("m1").voice(english))
        buffer = ctypes.create_string_buffer(text.encode())
        pointer = ctypes.c_void_p(ctypes.addressof(buffer))
        return (self._library.espeak_TextToPhonemes(ctypes.byref(pointer), _CHARACTERS_UTF8, 0) or b"").decode()

    def _choose(self, voice: str) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise RuntimeError(f"espeak-ng has no voice {voice!r}")

    def _receive(self, samples: int | None, count: int, events: "ctypes._Pointer[_Event]") -> int:
        place = 0
        while events[place].type != _END_OF_LIST:
            if events[place].type == _WORD and events[place].text_position > 0:
                self._words.append((events[place].text_position - 1, float(events[place].audio_ms)))
            place += 1
        if samples and count > 0:
            self._sound.append(ctypes.string_at(samples, count * 2))
        return 0


def _unit_starts(units: tuple[str, ...], gap: int, words: list[tuple[int, float]]) -> list[float]:
    """Start of each unit in ms. espeak-ng joins some words ("on the"): theirs are spread between the known ones."""
    places = np.cumsum([0, *(len(unit) + gap for unit in units)])
    known = {int(np.searchsorted(places, where, side="right")) - 1: start for where, start in reversed(words)}
    known.setdefault(0, 0.0)
    known = {unit: start for unit, start in known.items() if unit < len(units)}
    known_units = sorted(known)
    times = [known[unit] for unit in known_units]
    # An unknown unit after the last known one: a share of the time is not known, so letters tell.
    return [float(t) for t in np.interp(places[:-1], places[known_units], np.maximum.accumulate(times))]
