"""The text through the whole path is the text of ``AutoModel`` called directly with the same options."""

from pathlib import Path

import pytest

from benchmarks.faithful import PRESETS, long_clip, whole_path
from tests.helpers.direct import Clip, comparable, load_direct, varied_clips
from tests.helpers.speech import write_wav


async def differences(preset: str, clips: list[Clip], folder: Path) -> list[tuple[str, str]]:
    paths = [write_wav(folder / f"{number}.wav", clip.samples) for number, clip in enumerate(clips)]
    direct = load_direct(preset)
    wanted = [comparable(direct(path, clip.options)) for path, clip in zip(paths, clips, strict=True)]
    assert all(wanted), "the recogniser hears something in every clip"
    heard = await whole_path(preset, clips, paths, folder / "data")
    return [(a, b) for a, b in zip(wanted, heard, strict=True) if a != b]


@pytest.mark.parametrize("preset", [PRESETS[0], *(pytest.param(name, marks=pytest.mark.long) for name in PRESETS[1:])])
async def test_clips(preset: str, tmp_path: Path) -> None:
    clips = list(varied_clips(12, preset))
    assert {clip.options.language for clip in clips} == {"auto", "zh", "en"}
    assert any(clip.options.hotwords for clip in clips) == (preset == "demo")
    assert await differences(preset, clips, tmp_path) == []


@pytest.mark.long
@pytest.mark.parametrize("preset", PRESETS)
async def test_two_hundred_clips_and_an_hour(preset: str, tmp_path: Path) -> None:
    clips = list(varied_clips(200, preset))
    hour = long_clip(clips, 3600)
    assert len(hour.samples) == 3600 * 16_000
    assert await differences(preset, [*clips, hour], tmp_path) == []
