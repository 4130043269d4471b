"""The demo models that ship: small enough, described, and as good as the project says of them."""

from typing import Any

import numpy as np
import pytest

from domain.options import VadOptions
from domain.presets import PRESETS
from engine.loading import load_models
from engine.local_models import LocalModel
from engine.speech_detection import SpeechDetector
from tests.helpers.server import ROOT
from tests.helpers.speech import say
from training import sounds
from training.evaluate import measure

MODELS = ROOT / "models"
MAX_BYTES = 16_000_000


def test_all_of_them_are_small_and_described() -> None:
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) <= MAX_BYTES
    folders = [folder for folder in MODELS.iterdir() if folder.is_dir()]
    assert len(folders) == 4
    for folder in folders:
        card = (folder / "README.md").read_text(encoding="utf-8")
        assert "## Limits" in card and "## How it was made" in card and "## Reached" in card, folder


@pytest.fixture(scope="module")
def detector() -> SpeechDetector:
    models = LocalModel(PRESETS["demo-sensevoice"], MODELS / "demo-sensevoice", MODELS / "demo-vad")
    return SpeechDetector(load_models(models, "cpu").vad)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("line", ["whole", "telephone"])
@pytest.mark.parametrize(("quieter", "hiss"), [(1, 0), (1, 100), (10, 30), (100, 0), (100, 3)])
def test_pauses_are_found_on_any_line(detector: SpeechDetector, quieter: float, hiss: float, line: str) -> None:
    said: list[tuple[int, int]] = []
    pieces: list[Any] = [np.zeros(8_000)]
    for sentence in (say("今天天气怎么样"), say("请打开空调", voice="m6"), say("会议现在开始")):
        start = sum(map(len, pieces))
        said.append((start // 16, (start + len(sentence)) // 16))
        pieces += [sentence / quieter, np.zeros(40_000)]
    sound = np.concatenate(pieces)
    sound = (sound + np.random.default_rng(0).standard_normal(len(sound)) * hiss).astype(np.float32) / 32_768
    samples = np.round((sounds.by_telephone(sound) if line == "telephone" else sound) * 32_768).astype(np.int16)
    found = detector.detect(samples, VadOptions())
    assert len(found) == len(said), found
    for (start, end), (first, last) in zip(found, said, strict=True):
        assert first - 400 <= start <= first + 400 and last - 800 <= end <= last + 400, (found, said)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(("preset", "worst"), [("demo", 0.03), ("demo-sensevoice", 0.04)])
def test_they_hear_what_nobody_taught_them(preset: str, worst: float) -> None:
    """Voices of the untouched test; the questions of the model cards, fewer names."""
    found = measure(MODELS, preset, count=240, name_count=40, sound_count=10)
    for line in ("clean", "15 dB"):
        assert found[line]["CER"] <= worst, line
        assert found[line]["CER with marks"] <= worst, line
        assert abs(found[line]["CER en"] - found[line]["CER zh"]) <= 0.02, line
    assert found["times"]["start within 100 ms"] >= 0.95 and found["times"]["end within 100 ms"] >= 0.9
    assert not any(found["invented"].values())
    if preset == "demo":
        told = {case: share for case, share in found["hotwords"].items() if "told" in case and "other spelling" in case}
        assert len(told) == 4 and min(told.values()) >= 0.9, told
        assert found["hotwords"]["other spelling among four"] >= 0.9
        assert found["harm"]["CER"] <= found["clean"]["CER"] + 0.01
