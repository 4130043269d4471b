"""Half an hour through the whole path: nothing is left out, and the whole says what its parts say."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from domain.transcript import join_texts
from tests.helpers.speech import RATE, noise, say, silence, write_wav

#: Sentences, each with its pauses about 4.4 s long.
COUNT = 420
#: Where the recording is cut, by sentence: parts of very different length.
CUTS = (0, 1, 20, 21, 90, 160, 300, COUNT)
_DIGITS = "零一二三四五六七八九"


def number(value: int) -> str:
    """10 to 99 as it is said."""
    tens = "" if value < 20 else _DIGITS[value // 10]
    return f"{tens}十{_DIGITS[value % 10] if value % 10 else ''}"


def sentence(place: int) -> str:
    """A sentence that stands nowhere else."""
    many, few = 10 + place % 90, 10 + place // 90
    return (
        f"会议{number(few)}点{number(many)}分开始",
        f"号码是{number(many)}到{number(few)}",
        f"把空调从{number(few)}度调到{number(many)}度",
    )[place % 3]


def utterance(place: int) -> np.ndarray:
    """The sentence between two pauses, whole frames of 10 ms long, so that a cut moves no frame."""
    sound = say(sentence(place), voice=("f3", "m6")[place % 2], speed=(150, 160, 170)[place % 3])
    return np.concatenate([silence(0.8), sound, np.zeros(-len(sound) % (RATE // 100), np.int16), silence(0.8)])


@pytest.fixture
def http(server_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server_url, timeout=1_000) as client:
        yield client


def recognised(http: httpx.Client, path: Path, samples: np.ndarray) -> dict[str, Any]:
    with write_wav(path, samples).open("rb") as file:
        answer = http.post("/v1/recognitions", files={"file": (path.name, file)}, params={"wait": 900})
    assert answer.status_code == 200, answer.text
    row = answer.json()
    assert row["status"] == "succeeded"
    return row


@pytest.mark.long
@pytest.mark.timeout(2_000)
def test_half_an_hour_says_what_its_parts_say(http: httpx.Client, tmp_path: Path) -> None:
    assert len({sentence(place) for place in range(COUNT)}) == COUNT
    spoken = [utterance(place) for place in range(COUNT)]
    starts = np.cumsum([0, *map(len, spoken)])
    quiet = np.concatenate(spoken).astype(np.int32)
    sound = np.clip(quiet + noise(len(quiet) / RATE, 30)[: len(quiet)], -32_768, 32_767).astype(np.int16)
    assert len(sound) / RATE >= 30 * 60

    whole = recognised(http, tmp_path / "whole.wav", sound)
    parts = [
        recognised(http, tmp_path / f"part{first}.wav", sound[starts[first] : starts[last]])
        for first, last in itertools.pairwise(CUTS)
    ]

    assert whole["raw_text"] == join_texts([part["raw_text"] for part in parts])
    assert whole["normalized_text"] == join_texts([part["normalized_text"] for part in parts])
    middles = [(segment["start_ms"] + segment["end_ms"]) / 2 for segment in whole["segments"]]
    heard = {int(np.searchsorted(starts, middle * RATE / 1_000)) - 1 for middle in middles}
    assert heard == set(range(COUNT)), "every sentence has its text"
