"""The same recording under other tags is the same; another recording never is."""

import threading
from pathlib import Path

import numpy as np
import pytest

from domain.errors import BadAudio, RecognitionCancelled, StorageUnavailable
from speech.identity import ContentDigests, content_digests, file_digest
from tests.helpers.sounds import ffmpeg, noise, tone, wav_bytes, write_sound
from tests.helpers.stopping import SetFromAnotherThread

NAMES = ["x.mp3", "x.m4a", "x.ogg", "x.opus", "x.flac", "x.webm", "x.wav"]


def packet_digest(path: Path) -> str | None:
    return content_digests(path).packets


def sample_digest(path: Path, **limit: float) -> str | None:
    return content_digests(path, decode=True, **limit).samples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity")


@pytest.fixture(scope="module")
def source(folder: Path) -> Path:
    return write_sound(folder / "source.wav", noise(3))


def test_the_file_digest_is_of_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    for size in (0, 1, 5_000_000):
        path.write_bytes(bytes(size))
        first = file_digest(path)
        assert first.startswith("file:") and len(first) == 5 + 64 and first == file_digest(path)
    path.write_bytes(bytes(4_999_999) + b"\x01")
    assert file_digest(path) != first
    with pytest.raises(StorageUnavailable):
        file_digest(tmp_path / "none")


@pytest.mark.parametrize("name", NAMES)
def test_changed_tags_change_nothing_but_the_file(name: str, source: Path, folder: Path) -> None:
    path, tagged = folder / name, folder / f"tagged_{name}"
    ffmpeg("-i", source, path)
    ffmpeg("-i", path, "-c", "copy", "-metadata", "title=会议", "-metadata", "artist=x" * 300, tagged)
    assert file_digest(path) != file_digest(tagged)
    digest = packet_digest(path)
    assert digest and digest.startswith("packets:") and digest == packet_digest(tagged)


def test_tags_put_around_an_mp3_by_hand(source: Path, folder: Path) -> None:
    path, tagged = folder / "plain.mp3", folder / "hand.mp3"
    ffmpeg("-i", source, "-id3v2_version", "0", path)
    ape = b"APETAGEX" + (2000).to_bytes(4, "little") + (32).to_bytes(4, "little") + bytes(16)
    for before, after in ((b"ID3\x03\0\0\0\0\x07\x68" + bytes(1000), b""), (b"", b"TAG" + bytes(125)), (b"", ape)):
        tagged.write_bytes(before + path.read_bytes() + after)
        assert packet_digest(tagged) == packet_digest(path)


def test_a_cover_picture_is_not_sound(source: Path, folder: Path) -> None:
    path, covered = folder / "bare.mp3", folder / "covered.mp3"
    ffmpeg("-i", source, path)
    ffmpeg("-f", "lavfi", "-i", "color=size=16x16:duration=0.1", "-frames:v", "1", folder / "cover.png")
    ffmpeg("-i", path, "-i", folder / "cover.png", "-map", "0", "-map", "1", "-c", "copy", covered)
    assert packet_digest(covered) == packet_digest(path)


@pytest.mark.parametrize("name", NAMES)
def test_other_sound_is_another_recording(name: str, folder: Path) -> None:
    digests = set()
    for seed in range(3):
        ffmpeg("-i", write_sound(folder / "other.wav", noise(1, seed=seed)), folder / f"other_{name}")
        digests.add(packet_digest(folder / f"other_{name}"))
    assert len(digests) == 3 and None not in digests


def test_the_same_bytes_at_another_rate_or_with_more_channels_are_another_recording(tmp_path: Path) -> None:
    digests: list[str | None] = []
    for rate, channels, bits in ((16_000, 1, 16), (8_000, 1, 16), (16_000, 2, 16), (16_000, 1, 8)):
        (tmp_path / "x.wav").write_bytes(wav_bytes(tone().tobytes(), rate, channels, bits))
        digests += [packet_digest(tmp_path / "x.wav"), sample_digest(tmp_path / "x.wav")]
    assert None not in digests and len(set(digests)) == len(digests)


def test_lossless_files_of_the_same_sound_are_one_recording(source: Path, folder: Path) -> None:
    digest = sample_digest(source)
    assert digest and digest.startswith("samples:")
    for name, arguments in {
        "y.flac": "", "y.m4a": "-c:a alac", "y.aiff": "", "y.w64": "", "y.caf": "", "y24.wav": "-c:a pcm_s24le",
        "y24.flac": "-sample_fmt s32",
    }.items():  # fmt: skip
        ffmpeg("-i", source, *arguments.split(), folder / name)
        assert sample_digest(folder / name) == digest, name


def test_one_changed_sample_is_another_recording(source: Path, tmp_path: Path) -> None:
    data = bytearray(source.read_bytes())
    data[-1] ^= 1
    (tmp_path / "x.wav").write_bytes(data)
    assert sample_digest(tmp_path / "x.wav") != sample_digest(source)
    write_sound(tmp_path / "y.wav", np.append(noise(3), np.int16(0)))
    assert sample_digest(tmp_path / "y.wav") != sample_digest(source)


def test_channels_keep_their_order(tmp_path: Path) -> None:
    left, right = tone(), tone(hertz=500)
    for name, pair in (("a.wav", (left, right)), ("b.wav", (right, left))):
        write_sound(tmp_path / name, np.stack(pair, 1))
    assert sample_digest(tmp_path / "a.wav") != sample_digest(tmp_path / "b.wav")
    ffmpeg("-i", tmp_path / "a.wav", tmp_path / "a.flac")
    assert sample_digest(tmp_path / "a.flac") == sample_digest(tmp_path / "a.wav")


def test_lossy_long_and_broken_files_have_no_sample_digest(source: Path, folder: Path) -> None:
    ffmpeg("-i", source, folder / "lossy.mp3")
    assert sample_digest(folder / "lossy.mp3") is None
    assert sample_digest(source, max_seconds=2.9) is None
    assert sample_digest(source, max_seconds=3.0) is not None
    (folder / "broken.wav").write_bytes(b"no sound")
    with pytest.raises(BadAudio, match="is text"):
        content_digests(folder / "broken.wav")


def test_samples_are_decoded_where_that_costs_nothing_or_is_asked_for(source: Path, folder: Path) -> None:
    for name in ("z.flac", "z.mp3"):
        ffmpeg("-i", source, folder / name)
    pcm, flac, mp3 = (content_digests(path) for path in (source, folder / "z.flac", folder / "z.mp3"))
    assert [one.hides_samples for one in (pcm, flac, mp3)] == [False, True, False]
    assert pcm == content_digests(source, decode=True)
    decoded = content_digests(folder / "z.flac", decode=True)
    assert flac == ContentDigests(decoded.packets, None, hides_samples=True)
    assert (decoded.samples, decoded.hides_samples, mp3.samples) == (pcm.samples, False, None)


@pytest.mark.parametrize("decode", [False, True])
def test_another_thread_stops_a_digest_at_the_next_packet(decode: bool, source: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    ffmpeg("-i", write_sound(tmp_path / "long.wav", noise(60)), path)
    assert content_digests(path, decode=decode, stop=threading.Event()) == content_digests(path, decode=decode)
    with SetFromAnotherThread(packet=20) as stop:
        # Not None: that would say that the file has no digest.
        with pytest.raises(RecognitionCancelled):
            content_digests(path, decode=decode, stop=stop)
        assert stop.packets == 20
