"""The demo models that ship: small enough, described, and as good as the project says of them."""

import pytest

from tests.helpers.server import ROOT
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
