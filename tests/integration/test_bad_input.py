"""The bad-input table: each gets a typed error, or a warning beside the text, and an id that history and log know."""

import gzip
import json
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
import psutil
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


def silent_flac(seconds: int, *, says_so: bool) -> bytes:
    """Silence at 8 kHz, 15 bytes for every 8 seconds; the header may keep its length to itself."""
    rate, block = 8_000, 65_535
    count = seconds * rate // block
    length = count * block if says_so else 0
    info = bytes(2 * [255, 255] + 6 * [0]) + (rate << 44 | 15 << 36 | length).to_bytes(8) + bytes(16)
    frames = [b"fLaC" + bytes([0x80, 0, 0, len(info)]) + info]
    for number in range(count):
        head = b"\xff\xf8\x74\x08" + chr(number).encode() + (block - 1).to_bytes(2)
        frame = head + checksum(head, 8, 0x07) + bytes(3)
        frames.append(frame + checksum(frame, 16, 0x8005))
    return b"".join(frames)


def checksum(data: bytes, bits: int, polynomial: int) -> bytes:
    value = 0
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> (bits - 1) else 0)
            value &= (1 << bits) - 1
    return value.to_bytes(bits // 8)


def day_flac(path: Path) -> None:
    path.write_bytes(silent_flac(86_400, says_so=True))


def endless_flac(path: Path) -> None:
    path.write_bytes(silent_flac(86_400, says_so=False))


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
    ("day.flac", day_flac, "audio_too_long", ""),
    ("endless.flac", endless_flac, "audio_too_long", ""),
]


#: A refusal comes in seconds; this only tells that it comes at all.
LONGEST_SECONDS = 60
#: What the web UI process may need beyond what it has, whatever a file claims to hold.
MOST_BYTES = 200_000_000


class Growth:
    """How much memory the web UI process took at most while the block ran, beyond what it had before: ``bytes``."""

    def __init__(self, server: Server) -> None:
        assert server.process
        self._process = psutil.Process(server.process.pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.bytes = 0

    def __enter__(self) -> Self:
        self._before = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.bytes = max(self.bytes, self._process.memory_info().rss - self._before)


def node_instances(server: Server) -> list[str]:
    """Which node processes there are; one that was started anew has another name for itself."""
    nodes = httpx.get(f"{server.url}/v1/nodes", timeout=60).json()["nodes"]
    return [node["report"]["instance"] for node in nodes]


@pytest.fixture(autouse=True)
def nothing_crashed(server: Server) -> Iterator[None]:
    """After each of these tests web UI and node are the processes that they were before."""
    assert server.process
    before = node_instances(server)
    assert len(before) == 1 and before[0]
    yield
    assert server.process.poll() is None
    assert node_instances(server) == before


def recognise(url: str, path: Path, name: str, **form: str) -> httpx.Response:
    with path.open("rb") as file:
        return httpx.post(f"{url}/v1/recognitions?wait=100", files={"file": (name, file)}, data=form, timeout=120)


@pytest.mark.parametrize(("name", "make", "outcome", "detail"), TABLE, ids=[row[0] for row in TABLE])
def test_bad_files(
    server: Server, tmp_path: Path, name: str, make: Callable[[Path], None], outcome: str, detail: str
) -> None:
    path = tmp_path / "upload"
    make(path)
    started = time.monotonic()
    with Growth(server) as growth:
        row = recognise(server.url, path, name).json()
    assert time.monotonic() - started < LONGEST_SECONDS
    assert growth.bytes < MOST_BYTES
    if outcome == "succeeded":
        assert row["status"] == "succeeded", row["error"]
        assert detail in row["warnings"]
    else:
        assert (row["status"], row["error"]["code"]) == ("failed", outcome), row
        assert detail in (row["error"]["details"].get("reason"), "")
        assert row["error"]["message"]
    assert row["id"] in server.output(), "the log must know the id"
    again = httpx.get(f"{server.url}/v1/recognitions/{row['id']}", timeout=60).json()
    assert (again["filename"], again["status"]) == (name, row["status"])
    if name == "playlist.wav":
        assert "密码" not in json.dumps(row, ensure_ascii=False), "another file was read"
    if name == "silence.wav":
        assert row["text"] == ""


def test_after_a_refusal_all_goes_on(server: Server, speech_wav: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    many_channels(bad)
    assert recognise(server.url, bad, "bad.wav").json()["status"] == "failed"
    row = recognise(server.url, speech_wav, "after.wav", hotwords="复查").json()
    assert row["text"] == "今天天气怎么样？"
    assert row["id"] in server.output()
    assert httpx.get(f"{server.url}/readyz", timeout=60).status_code == 200


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
    before = httpx.get(f"{server.url}/v1/recognitions?limit=1", timeout=60).text
    answer = recognise(server.url, speech_wav, "a.wav", hotwords=hotwords)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["details"]["reason"]) == ("invalid_options", reason)
    assert httpx.get(f"{server.url}/v1/recognitions?limit=1", timeout=60).text == before
