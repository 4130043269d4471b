"""``auto``: the demo model at first; after the download the node comes back with the real one, without a restart.

No hub is asked here: the program that downloads is played by one that puts a small model of the same class where the
download would have put it (the download itself: ``test_node_download.py``).
"""

import asyncio
import sys
from pathlib import Path

import pytest

from domain.access import Visitor
from domain.options import RecognitionOptions
from domain.presets import PRESETS
from domain.recognition import Recognition, Source, Status
from engine.hub_cache import download_directory
from services.bundle import Services
from settings import load_settings
from tests.helpers.server import ROOT
from tests.helpers.speech import SPEECH_TEXT
from wiring import build

ADMIN = Visitor("admin", is_admin=True)
PROGRAM = """
import json, pathlib, shutil, sys
for done in (1, 2):
    print(json.dumps({"done_bytes": done, "total_bytes": 2}), flush=True)
shutil.copytree(sys.argv[1], sys.argv[2])
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "hub"
    monkeypatch.setenv("MODELSCOPE_CACHE", str(root))
    monkeypatch.setenv("HF_HOME", str(root))
    return root


async def recognise(services: Services, path: Path) -> Recognition:
    row = await services.transcription.submit(path, path.name, RecognitionOptions(), visitor=ADMIN, source=Source.WEB)
    done = await services.transcription.wait(row.id, visitor=ADMIN, timeout_seconds=120)
    assert done.status is Status.SUCCEEDED, done.error
    return done


@pytest.mark.long
async def test_the_downloaded_model_takes_over(tmp_path: Path, hub: Path, speech_wav: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "data", model="auto")
    async with build(settings).running() as services:
        before = await recognise(services, speech_wav)
        assert before.model == "demo" and services.nodes.is_demo()
        assert services.downloads.state().phase == "idle"

        hub_id = (PRESETS["fun-asr-nano"].hub_ids or {})["ms"]
        place = download_directory("ms", hub_id, "master", hub)
        services.downloads._command = [sys.executable, "-c", PROGRAM, str(ROOT / "models" / "demo-nano"), str(place)]
        await services.downloads.start(visitor=ADMIN)
        async with asyncio.timeout(120):
            while services.nodes.model() != "fun-asr-nano":
                assert services.downloads.state().phase != "failed", services.downloads.state().message
                await asyncio.sleep(0.1)

        after = await recognise(services, speech_wav)
        assert after.model == "fun-asr-nano" and not services.nodes.is_demo()
        assert after.cache == "miss", "another model's text must not answer"
        assert after.text.rstrip("？") == SPEECH_TEXT
        assert after.transcript.raw_text is None, "a model that writes by itself makes one track at a time"
        spoken = await services.transcription.spoken(after.id, visitor=ADMIN)
        assert spoken.transcript.raw_text and SPEECH_TEXT in spoken.transcript.raw_text
        assert services.downloads.state().phase == "done"
