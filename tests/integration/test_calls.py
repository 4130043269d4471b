"""Telephone calls through the real program: who said what, and when, from one upload."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file

from tests.helpers.calls import TURNS, two_people
from tests.helpers.formats import make
from tests.helpers.server import ROOT
from tests.helpers.sounds import ffmpeg
from tests.helpers.speech import SPEECH_TEXT, say, silence, write_wav

HEARD = [(channel, text) for channel, _, text in TURNS]


@pytest.fixture(scope="module")
def stereo() -> np.ndarray:
    return two_people()


@pytest.fixture(scope="module")
def recording(stereo: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("calls") / "call.wav", stereo)


def recognise(url: str, path: Path, **form: str) -> dict[str, Any]:
    with path.open("rb") as file:
        answer = httpx.post(f"{url}/v1/recognitions?wait=60", files={"file": (path.name, file)}, data=form, timeout=90)
    row = answer.json()
    assert answer.status_code == 200 and row["status"] == "succeeded", row
    return row


def turns(row: dict[str, Any]) -> list[tuple[int | None, str]]:
    return [(segment["channel"], segment["raw_text"]) for segment in row["segments"]]


def test_each_channel_is_heard_by_itself_and_merged_by_time(server_url: str, recording: Path) -> None:
    row = recognise(server_url, recording, language="zh")
    assert turns(row) == HEARD
    starts = [segment["start_ms"] for segment in row["segments"]]
    assert starts == sorted(starts)
    words = [word["start_ms"] for segment in row["segments"] for word in segment["words"]]
    assert words == sorted(words) and words, "the times are those of the recording"
    assert row["audio"]["channels"] == 2 and row["options"]["channels"] == "auto"
    assert row["raw_text"] == "".join(text for _, text in HEARD)


def test_the_split_result_is_cached_as_one_and_mixing_is_another_question(server_url: str, recording: Path) -> None:
    first = recognise(server_url, recording, language="zh", use_cache="false")
    again = recognise(server_url, recording, language="zh")
    assert again["cache"] == "hit" and again["segments"] == first["segments"]
    mixed = recognise(server_url, recording, language="zh", channels="mix")
    assert mixed["cache"] == "miss" and {channel for channel, _ in turns(mixed)} == {None}
    split = recognise(server_url, recording, language="zh", channels="split")
    assert split["cache"] == "miss" and turns(split) == HEARD


def test_with_the_channels_swapped_so_are_the_numbers(server_url: str, stereo: np.ndarray, tmp_path: Path) -> None:
    row = recognise(server_url, write_wav(tmp_path / "swapped.wav", stereo[:, ::-1]), language="zh")
    assert turns(row) == [(1 - channel, text) for channel, text in HEARD]


@pytest.mark.parametrize("channels", ["auto", "split", "mix"])
@pytest.mark.parametrize("sign", [1, -1], ids=["dual mono", "opposite phase"])
def test_the_same_sound_on_both_channels_is_heard_once(
    server_url: str, channels: str, sign: int, tmp_path: Path
) -> None:
    voice = np.concatenate([silence(0.5), say(SPEECH_TEXT), silence(0.5)])
    path = write_wav(tmp_path / "x.wav", np.stack([voice, sign * voice], 1))
    row = recognise(server_url, path, channels=channels, speakers="1")
    assert turns(row) == [(None, f"{SPEECH_TEXT}？")]


def test_a_silent_channel_says_nothing(server_url: str, stereo: np.ndarray, tmp_path: Path) -> None:
    sound = stereo.copy()
    sound[:, 0] = 0
    row = recognise(server_url, write_wav(tmp_path / "x.wav", sound), language="zh", channels="split")
    assert turns(row) == [(1, text) for channel, text in HEARD if channel == 1]
    assert row["warnings"] == []


def test_a_call_as_telephones_record_it(server_url: str, tmp_path: Path) -> None:
    """8 kHz, µ-law, both channels: told apart as well."""
    recording = write_wav(tmp_path / "call.wav", two_people(line_noise=0))
    ffmpeg("-i", recording, "-ar", "8000", "-c:a", "pcm_mulaw", tmp_path / "x.wav")
    row = recognise(server_url, tmp_path / "x.wav", language="zh")
    assert [channel for channel, _ in turns(row)] == [channel for channel, _ in HEARD]
    assert row["audio"] | {"seconds": 0} == {
        "container": "wav", "codec": "pcm_mulaw", "sample_rate": 8000, "channels": 2, "seconds": 0,
    }  # fmt: skip


@pytest.mark.parametrize("channels", ["auto", "split"])
@pytest.mark.parametrize(
    "echo",
    [
        {"leak_db": -20},
        {"leak_db": -26, "leak_ms": 80, "narrow": True},
        {"leak_db": -26, "leak_ms": 200, "right_gain_db": -20},
    ],
    ids=["20 dB", "26 dB, late and narrow", "26 dB, and the customer is quiet"],
)
def test_what_leaks_to_the_other_side_is_written_once(
    server_url: str, echo: dict[str, Any], channels: str, tmp_path: Path
) -> None:
    recording = write_wav(tmp_path / "call.wav", two_people(**echo))
    assert turns(recognise(server_url, recording, language="zh", channels=channels)) == HEARD


def test_both_at_once_with_an_echo_are_both_written(server_url: str, tmp_path: Path) -> None:
    recording = write_wav(tmp_path / "call.wav", two_people(-0.6, leak_db=-34, right_gain_db=-20))
    assert sorted(turns(recognise(server_url, recording, language="zh"))) == sorted(HEARD)


def test_an_agent_whom_nobody_answers_is_the_agent(server_url: str, tmp_path: Path) -> None:
    sound = two_people(line_noise=0)
    sound[:, 1] = 0
    ffmpeg("-i", write_wav(tmp_path / "in.wav", sound), "-ar", "8000", tmp_path / "x.wav")
    row = recognise(server_url, tmp_path / "x.wav", language="zh")
    assert turns(row) == [(channel, text) for channel, text in HEARD if channel == 0]


def test_exports_say_who_spoke(server_url: str, recording: Path) -> None:
    row = recognise(server_url, recording, language="zh")
    address = f"{server_url}/v1/recognitions/{row['id']}/export"
    srt = httpx.get(address, params={"format": "srt", "track": "spoken"}, timeout=60).text
    assert "坐席：今天天气怎么样？" in srt and "客户：打开空调。" in srt
    exported = json.loads(httpx.get(address, params={"format": "json"}, timeout=60).text)
    assert [segment["channel"] for segment in exported["segments"]] == [channel for channel, _ in HEARD]


@pytest.mark.parametrize(
    "name", ["alaw.wav", "ima.wav", "gsm.wav", "x.amr-nb", "mulaw.au", "x.m4a", "x.webm", "x.mp4", "x.mpg"]
)
def test_formats_reach_the_node(server_url: str, name: str, tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "in.wav", np.concatenate([silence(0.5), say("任务已经完成"), silence(0.5)]))
    (folder := tmp_path / "made").mkdir()
    row = recognise(server_url, make(name, sound, folder), language="zh", speakers="1")
    assert row["raw_text"] == "任务已经完成。"


def test_a_word_that_is_no_choice_is_refused(server_url: str, recording: Path) -> None:
    with recording.open("rb") as file:
        answer = httpx.post(
            f"{server_url}/v1/recognitions", files={"file": file}, data={"channels": "left"}, timeout=60
        )
    assert answer.status_code == 400 and answer.json()["error"]["details"]["field"] == "channels"


def test_every_door_takes_the_choice(server_url: str, recording: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "app.py"), "transcribe", str(recording), "--server", server_url, "--json"]
    env = {**os.environ, "ASR_CONFIG": os.devnull, "ASR_DATA_DIR": str(tmp_path / "data")}
    shell = subprocess.run([*command, "--channels", "mix"], env=env, capture_output=True, text=True, timeout=120)
    mixed = json.loads(shell.stdout)
    assert mixed["options"]["channels"] == "mix" and {channel for channel, _ in turns(mixed)} == {None}
    with closing(Client(server_url, verbose=False)) as client:
        row = client.predict(audio=handle_file(recording), language="zh", channels="split", api_name="/recognize")
    assert turns(row) == HEARD
    with recording.open("rb") as file:
        form = {"model": "any", "response_format": "srt", "language": "zh", "channels": "split"}
        answer = httpx.post(f"{server_url}/v1/audio/transcriptions", files={"file": file}, data=form, timeout=90)
    assert "客户" in answer.text
    again = httpx.post(
        f"{server_url}/v1/recognitions/{mixed['id']}/again", json={"channels": "split"}, timeout=60
    ).json()
    done = httpx.get(f"{server_url}/v1/recognitions/{again['id']}", params={"wait": 60}, timeout=90).json()
    assert {channel for channel, _ in turns(done)} == {0, 1}
