"""A small run of ``make demo-models``: every step works, and the engine loads what comes out."""

from pathlib import Path

import pytest

from training.__main__ import build
from training.cards import FOLDERS
from training.evaluate import Listener
from training.exam import Line, sentences
from training.steps import SMALL

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]


def test_a_small_run_makes_folders_that_the_engine_loads(tmp_path: Path) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    build(work, out, SMALL, processes=2)
    for name in FOLDERS:
        assert {"README.md", "config.yaml", "configuration.json", "model.pt", "am.mvn"} <= {
            path.name for path in (out / name).iterdir()
        }
        assert "## Limits" in (out / name / "README.md").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) <= 16_000_000
    question = sentences(1)[0]
    for preset in ("demo", "demo-sensevoice"):
        text, _ = Listener(out, preset).hear(question.sounds[Line.CLEAN], detect=False)
        assert isinstance(text, str)
    before = (out / "demo-nano" / "model.pt").stat().st_mtime_ns
    build(work, out, SMALL, processes=2)
    assert (work / "models" / "demo-nano" / "model.pt").stat().st_mtime_ns <= before
