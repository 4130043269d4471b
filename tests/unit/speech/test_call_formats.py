"""One sentence in every format: as long as it was, and the same sound as far as the codec allows."""

from pathlib import Path

import numpy as np
import pytest

from speech.container import open_audio
from speech.decode import decode_to_wav
from tests.helpers.formats import ALL, make
from tests.helpers.sounds import read_sound
from tests.helpers.speech import SPEECH_TEXT, say, silence, write_wav

#: Codecs that model the voice keep its spectrum, not its wave.
LOW = {"gsm.wav": 0.8, "x.amr-nb": 0.8, "x.3gp": 0.8, "x.opus": 0.7}
#: How much earlier or later a codec may put the sound, in seconds.
MAX_LAG = 0.08


@pytest.fixture(scope="module")
def sentence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sound = np.concatenate([silence(0.5), say(SPEECH_TEXT), silence(0.5)])
    return write_wav(tmp_path_factory.mktemp("sentence") / "sentence.wav", sound)


def _telephone_band(sound: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(sound.astype(float))
    hertz = np.fft.rfftfreq(len(sound), 1 / 16_000)
    spectrum[(hertz < 200) | (hertz > 3400)] = 0
    return np.fft.irfft(spectrum, len(sound))


def _likeness(sound: np.ndarray, original: np.ndarray) -> tuple[float, float]:
    """The best correlation within the lags allowed, and its lag in seconds."""
    length = max(len(sound), len(original)) + 16_000
    a, b = (np.pad(_telephone_band(s), (0, length - len(s))) for s in (sound, original))
    products = np.fft.irfft(np.fft.rfft(a) * np.conj(np.fft.rfft(b)), length) / np.sqrt((a @ a) * (b @ b))
    reach = round(MAX_LAG * 16_000)
    near = np.concatenate([products[-reach:], products[: reach + 1]])
    best = int(near.argmax())
    return float(near[best]), (best - reach) / 16_000


@pytest.mark.parametrize("name", ALL)
def test_the_sentence_in_every_format(name: str, sentence: Path, tmp_path: Path) -> None:
    path, original = make(name, sentence, tmp_path), read_sound(sentence)
    decoded = decode_to_wav(path, tmp_path / "out.wav", max_seconds=60)
    assert decoded.warnings == () and not decoded.silent
    assert decoded.info.seconds == pytest.approx(len(original) / 16_000, abs=0.15)
    likeness, lag = _likeness(read_sound(tmp_path / "out.wav"), original)
    assert likeness > LOW.get(name, 0.95), (likeness, lag)
    with open_audio(path) as audio:
        assert audio.info.channels == 1
