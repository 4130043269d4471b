"""What a file is, told before anybody decodes it."""

from pathlib import Path

import numpy as np
import pytest

from domain.errors import BadAudio
from domain.recognition import AudioInfo
from speech import facts
from speech.facts import FileFacts, file_facts
from tests.helpers.sounds import ffmpeg, sox, tone, write_sound


def test_rate_channels_and_length_of_a_call(tmp_path: Path) -> None:
    sound = np.stack([tone(3, 8000), tone(3, 8000)], 1)
    ffmpeg("-i", write_sound(tmp_path / "in.wav", sound, 8000), "-c:a", "pcm_alaw", tmp_path / "x.wav")
    assert file_facts(tmp_path / "x.wav") == FileFacts(AudioInfo("wav", "pcm_alaw", 8000, 2, 3.0))


def test_the_length_of_a_browsers_recording_is_counted(tmp_path: Path) -> None:
    """Written live, as browsers do, webm does not say how long it is."""
    path = tmp_path / "x.webm"
    ffmpeg("-i", write_sound(tmp_path / "in.wav", tone(4)), "-c:a", "libopus", "-f", "webm", "-live", "1", path)
    assert file_facts(path).info.seconds == pytest.approx(4, abs=0.1)


def test_the_length_of_phones_recordings_is_counted_and_not_guessed(tmp_path: Path) -> None:
    sound = np.concatenate([tone(2, 8000), np.zeros(20 * 8000, np.int16), tone(2, 8000)])
    sox(write_sound(tmp_path / "in.wav", sound, 8000), tmp_path / "x.amr-nb")
    assert file_facts(tmp_path / "x.amr-nb").info.seconds == pytest.approx(24, abs=0.1)
    ffmpeg("-i", tmp_path / "in.wav", "-c:a", "libmp3lame", "-q:a", "9", "-write_xing", "0", tmp_path / "x.mp3")
    assert file_facts(tmp_path / "x.mp3").info.seconds == pytest.approx(24, abs=0.2)


def test_what_takes_too_long_to_count_stays_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.webm"
    ffmpeg("-i", write_sound(tmp_path / "in.wav", tone(4)), "-c:a", "libopus", "-f", "webm", "-live", "1", path)
    monkeypatch.setattr(facts, "COUNT_SECONDS", -1.0)
    assert file_facts(path).info.seconds == 0.0


def test_a_file_that_is_no_sound_says_why(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("hello, this is text\n" * 50)
    with pytest.raises(BadAudio) as caught:
        file_facts(tmp_path / "x.wav")
    assert caught.value.details["reason"] == "not_audio"


def test_a_file_that_was_cut_off_on_its_way_is_known_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_sound(tmp_path / "in.wav", tone(6))
    for name, codec in (("x.wav", "pcm_s16le"), ("x.ogg", "libopus"), ("x.mp3", "libmp3lame")):
        ffmpeg("-i", whole, "-c:a", codec, tmp_path / name)
        assert not file_facts(tmp_path / name).is_truncated
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        assert file_facts(tmp_path / name).is_truncated
    # Of an unknown length nothing is missing.
    monkeypatch.setattr(facts, "COUNT_SECONDS", -1.0)
    assert not file_facts(tmp_path / "x.mp3").is_truncated
