"""The text through the whole path is the text of ``AutoModel`` called directly with the same options."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.faithful import PRESETS, whole_path
from tests.helpers.direct import comparable, load_direct, varied_clips
from tests.helpers.speech import write_wav


async def differences(preset: str, recordings: list[np.ndarray], folder: Path) -> list[tuple[str, str]]:
    paths = [write_wav(folder / f"{number}.wav", sound) for number, sound in enumerate(recordings)]
    direct = load_direct(preset)
    wanted = [comparable(direct(path)) for path in paths]
    assert all(wanted), "the recogniser hears something in every clip"
    heard = await whole_path(preset, paths, folder / "data")
    return [(a, b) for a, b in zip(wanted, heard, strict=True) if a != b]


@pytest.mark.parametrize("preset", PRESETS)
async def test_clips(preset: str, tmp_path: Path) -> None:
    assert await differences(preset, list(varied_clips(12)), tmp_path) == []


@pytest.mark.long
@pytest.mark.parametrize("preset", PRESETS)
async def test_two_hundred_clips_and_an_hour(preset: str, tmp_path: Path) -> None:
    clips = list(varied_clips(200))
    hour = np.tile(np.concatenate(clips), 12)[: 3600 * 16_000]
    assert len(hour) == 3600 * 16_000
    assert await differences(preset, [*clips, hour], tmp_path) == []
