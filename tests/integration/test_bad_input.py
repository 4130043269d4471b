"""The bad-input table: each gets a typed error, or a warning beside the text, and an id that history and log know."""

import gzip
import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.helpers.server import Server
from tests.helpers.speech import noise, say, silence, talk, write_wav


def wav_header(rate: int, channels: int, data: bytes = b"\0" * 3200) -> bytes:
    block = channels * 2
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, channels, rate, min(rate * block, 2**32 - 1), block % 65536, 16)
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )


def empty(path: Path) -> None:
    path.write_bytes(b"")


def short(path: Path) -> None:
    write_wav(path, noise(0.02, 3000))


def pure_silence(path: Path) -> None:
    write_wav(path, silence(5))


def text(path: Path) -> None:
    path.write_text("this is no sound, whatever its name says\n" * 50)


def truncated_mp3(path: Path) -> None:
    whole = path.with_suffix(".whole.mp3")
    source = write_wav(path.with_suffix(".source.wav"), talk(say("今天天气怎么样"), say("会议现在开始"), gap_seconds=3))
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(source), "-write_xing", "1", str(whole)], check=True)
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])


def ffconcat(path: Path) -> None:
    secret = write_wav(path.with_name("secret.wav"), talk(say("密码错误")))
    path.write_text(f"ffconcat version 1.0\nfile '{secret}'\n")


def four_gigahertz(path: Path) -> None:
    path.write_bytes(wav_header(4_000_000_000, 1))


def many_channels(path: Path) -> None:
    path.write_bytes(wav_header(16_000, 65_535))


def headerless(path: Path) -> None:
    path.write_bytes(say("今天天气怎么样").tobytes())


def random_bytes(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(200_000))


def gzipped(path: Path) -> None:
    path.write_bytes(gzip.compress(b"\0" * 1_000_000))


def long_flac(path: Path) -> None:
    lavfi = ["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono:d=86400", "-compression_level", "0"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *lavfi, "-f", "flac", str(path)], check=True, timeout=120)


TABLE: list[tuple[str, Callable[[Path], None], str, str]] = [
    # name of the file, how it is made, error code or "succeeded", reason or warning
    ("empty.wav", empty, "bad_audio", "empty"),
    ("short.wav", short, "bad_audio", "too_short"),
    ("silence.wav", pure_silence, "succeeded", "no_speech"),
    ("text.wav", text, "bad_audio", "not_audio"),
    ("cut.mp3", truncated_mp3, "succeeded", "truncated"),
    ("playlist.wav", ffconcat, "bad_audio", "not_audio"),
    ("4ghz.wav", four_gigahertz, "bad_audio", "bad_header"),
    ("channels.wav", many_channels, "bad_audio", "bad_header"),
    ("call.pcm", headerless, "bad_audio", "headerless_pcm"),
    ("random.mp3", random_bytes, "bad_audio", ""),
    ("bomb.wav.gz", gzipped, "bad_audio", ""),
    ("day.flac", long_flac, "audio_too_long", ""),
]


def recognise(url: str, path: Path, name: str, **form: str) -> httpx.Response:
    with path.open("rb") as file:
        return httpx.post(f"{url}/v1/recognitions?wait=100", files={"file": (name, file)}, data=form, timeout=120)


@pytest.mark.parametrize(("name", "make", "outcome", "detail"), TABLE, ids=[row[0] for row in TABLE])
def test_bad_files(
    server: Server, tmp_path: Path, name: str, make: Callable[[Path], None], outcome: str, detail: str
) -> None:
    path = tmp_path / "upload"
    make(path)
    row = recognise(server.url, path, name).json()
    if outcome == "succeeded":
        assert row["status"] == "succeeded", row["error"]
        assert detail in row["warnings"]
    else:
        assert (row["status"], row["error"]["code"]) == ("failed", outcome), row
        assert detail in (row["error"]["details"].get("reason"), "")
        assert row["error"]["message"]
        assert row["id"] in server.output(), "the log must know the id"
    again = httpx.get(f"{server.url}/v1/recognitions/{row['id']}", timeout=30).json()
    assert (again["filename"], again["status"]) == (name, row["status"])
    if name == "playlist.wav":
        assert "密码" not in json.dumps(row, ensure_ascii=False), "another file was read"
    if name == "silence.wav":
        assert row["text"] == ""


def test_nothing_crashed(server: Server, speech_wav: Path) -> None:
    """A node that all of this had ended would be another process by now; and it still recognises."""
    node = httpx.get(f"{server.url}/v1/nodes", timeout=30).text
    row = recognise(server.url, speech_wav, "after.wav", hotwords="复查").json()
    assert row["text"] == "今天天气怎么样？"
    assert httpx.get(f"{server.url}/readyz", timeout=30).status_code == 200
    assert "restart" not in server.output()
    assert node


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../etc/passwd.wav", "passwd.wav"),
        ("..\\..\\boot.wav", "boot.wav"),
        ("😀 录音.wav", "😀 录音.wav"),
        ("a" * 400 + ".wav", None),
        ("<img src=x onerror=alert(1)>.wav", "<img src=x onerror=alert(1)>.wav"),
    ],
)
def test_names_are_shown_and_never_used(server: Server, speech_wav: Path, name: str, kept: str | None) -> None:
    row: dict[str, Any] = recognise(server.url, speech_wav, name).json()
    assert row["status"] == "succeeded"
    assert len(row["filename"]) <= 200
    if kept:
        assert row["filename"] == kept
    stored = [path.name for path in (server.data_dir / "audio").rglob("*") if path.is_file()]
    assert not any("passwd" in item or "boot" in item or "img" in item for item in stored)


@pytest.mark.parametrize(
    ("hotwords", "reason"),
    [
        ("\n".join(f"词{i}" for i in range(10_000)), "too_many"),
        ("http://127.0.0.1/words.txt", "not_a_word"),
        ("/etc/passwd", "not_a_word"),
        ("x" * 1000, "too_long"),
    ],
)
def test_bad_hotwords_are_refused_before_anything_is_stored(
    server: Server, speech_wav: Path, hotwords: str, reason: str
) -> None:
    before = httpx.get(f"{server.url}/v1/recognitions?limit=1", timeout=30).text
    answer = recognise(server.url, speech_wav, "a.wav", hotwords=hotwords)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["details"]["reason"]) == ("invalid_options", reason)
    assert httpx.get(f"{server.url}/v1/recognitions?limit=1", timeout=30).text == before
