"""Decoding that may turn out not to be needed."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from domain.errors import BadAudio, RecognitionCancelled
from services import decoding as module
from services.decoding import Decoder
from tests.helpers.sounds import tone, write_sound


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_sound(tmp_path / "a.wav", tone(2))


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def test_the_sound_is_there_until_the_block_ends(work_dir: Path, recording: Path) -> None:
    decoder = Decoder(work_dir, max_audio_seconds=60)
    async with decoder.of(recording, "a.wav", "auto") as decoding:
        decoding.begin()
        decoded = await decoding.result()
        assert await decoding.result() is decoded
        assert [sound.path.is_file() for sound in decoded.sounds] == [True]
    assert list(work_dir.iterdir()) == []


async def test_what_nobody_began_is_decoded_when_it_is_wanted(work_dir: Path, recording: Path) -> None:
    async with Decoder(work_dir, max_audio_seconds=60).of(recording, "a.wav", "auto") as decoding:
        assert files(work_dir) == []
        assert (await decoding.result()).info.seconds == 2


async def test_what_is_given_up_leaves_nothing_and_can_begin_anew(work_dir: Path, recording: Path) -> None:
    async with Decoder(work_dir, max_audio_seconds=60).of(recording, "a.wav", "auto") as decoding:
        await decoding.give_up()
        await decoding.result()
        assert files(work_dir) == ["audio.wav"]
        await decoding.give_up()
        assert files(work_dir) == []
        assert (await decoding.result()).sounds[0].path.is_file()


async def test_what_is_given_up_in_the_middle_ends_its_thread(
    work_dir: Path, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(*_: object, stop: threading.Event, **__: object) -> Any:
        begun.set()
        assert stop.wait(60)
        ended.set()
        raise RecognitionCancelled("stopped")

    monkeypatch.setattr(module, "decode_to_wav", endless)
    async with Decoder(work_dir, max_audio_seconds=60).of(recording, "a.wav", "auto") as decoding:
        decoding.begin()
        await asyncio.to_thread(begun.wait, 60)
    assert ended.is_set()
    assert list(work_dir.iterdir()) == []


async def test_what_ends_just_as_it_is_given_up_leaves_nothing_either(
    work_dir: Path, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def finishing(_: Path, out: Path, *, stop: threading.Event, **__: object) -> Any:
        begun.set()
        assert stop.wait(60)
        out.write_bytes(b"decoded, past the last look at stop")

    monkeypatch.setattr(module, "decode_to_wav", finishing)
    async with Decoder(work_dir, max_audio_seconds=60).of(recording, "a.wav", "auto") as decoding:
        decoding.begin()
        await asyncio.to_thread(begun.wait, 60)
        await decoding.give_up()
        assert files(work_dir) == []


async def test_why_it_failed_is_said_to_who_wants_it_and_to_nobody_else(work_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_bytes(b"no sound at all")
    decoder = Decoder(work_dir, max_audio_seconds=60)
    async with decoder.of(tmp_path / "b.wav", "b.wav", "auto") as decoding:
        decoding.begin()
        with pytest.raises(BadAudio):
            await decoding.result()
    async with decoder.of(tmp_path / "b.wav", "b.wav", "auto") as decoding:
        decoding.begin()


async def test_who_is_cancelled_while_waiting_ends_only_his_wait(work_dir: Path, recording: Path) -> None:
    async with Decoder(work_dir, max_audio_seconds=60).of(recording, "a.wav", "auto") as decoding:
        waiting = asyncio.create_task(decoding.result())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert (await decoding.result()).info.seconds == 2
