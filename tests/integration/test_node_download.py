"""Downloading a model from a hub on loopback; what comes is the demo model under the real one's name."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import InvalidOptions, StorageUnavailable
from domain.presets import PRESETS, Hub
from engine import download, local_models
from engine.download import DownloadProgress, download_model
from engine.local_models import SHIPPED, find_model, resolve_model
from tests.helpers.model_hub import COMMIT, ModelHub, put_speaker_model, running_hub

NANO = "FunAudioLLM/Fun-ASR-Nano-2512"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ModelHub]:
    nano = Path(shutil.copytree(SHIPPED / "demo-nano", tmp_path / "upstream"))
    (nano / "README.md").write_text("read me")
    (nano / "model.py").write_text("raise SystemExit")
    (nano / "example").mkdir()
    (nano / "example" / "zh.wav").write_bytes(b"RIFF")
    vad = dict.fromkeys(local_models.VAD_IDS.values(), SHIPPED / "demo-vad")
    speaker = dict.fromkeys(local_models.SPEAKER_IDS["cam++"].values(), put_speaker_model(tmp_path / "campplus"))
    with running_hub({NANO: nano, **vad, **speaker}) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, the same for both hubs."""
    monkeypatch.setattr(local_models, "cache_root", lambda hub: tmp_path / "cache")
    return tmp_path / "cache"


def fetch(hub: ModelHub, root: Path, name: Hub = "ms", tell: download.Tell = lambda progress: None) -> Path:
    return download_model("fun-asr-nano", name, tell, endpoint=hub.url, root=root, pause_seconds=0.01)


@pytest.mark.parametrize("name", ["ms", "hf"])
def test_it_lands_where_the_model_is_looked_for(hub: ModelHub, root: Path, name: Hub) -> None:
    assert resolve_model("auto", name) == "demo"
    told: list[DownloadProgress] = []
    directory = fetch(hub, root, name, told.append)
    assert resolve_model("auto", name) == "fun-asr-nano"
    local = find_model("fun-asr-nano", name)
    assert local.directory == directory
    assert local.vad_directory.is_relative_to(root)
    assert local.speaker_directory is not None
    assert local.speaker_directory.is_relative_to(root)
    assert local.preset.capabilities.speakers
    assert (directory / "model.pt").read_bytes() == (SHIPPED / "demo-nano" / "model.pt").read_bytes()
    assert sorted(path.name for path in directory.iterdir()) == sorted(
        path.name for path in (SHIPPED / "demo-nano").iterdir() if path.suffix != ".md"
    )
    assert told[-1].done_bytes == told[-1].total_bytes > 6_000_000
    assert [item.done_bytes for item in told] == sorted(item.done_bytes for item in told)
    if name == "hf":
        assert directory.name == COMMIT


def test_a_broken_connection_is_taken_up_where_it_stopped(hub: ModelHub, root: Path) -> None:
    hub.breaks = [3_000_000, 1_000_000]
    fetch(hub, root)
    assert [asked for name, asked in hub.requests if name == "model.pt"][-2:] == ["bytes=3000000-", "bytes=4000000-"]


def test_a_later_call_resumes(hub: ModelHub, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_TELL_SECONDS", 0)

    def stop(progress: DownloadProgress) -> None:
        if progress.done_bytes > 3_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(hub, root, tell=stop)
    assert resolve_model("auto", "ms") == "demo"
    hub.requests.clear()
    told: list[DownloadProgress] = []
    fetch(hub, root, tell=told.append)
    assert [name for name, _ in hub.requests] == ["model.pt"]
    assert int(hub.requests[0][1].removeprefix("bytes=").rstrip("-")) > 2_000_000
    assert told[0].done_bytes > 3_000_000
    assert resolve_model("auto", "ms") == "fun-asr-nano"


def test_a_server_without_ranges_starts_again(hub: ModelHub, root: Path) -> None:
    hub.breaks, hub.honours_range = [3_000_000], False
    directory = fetch(hub, root)
    assert (directory / "model.pt").read_bytes() == (SHIPPED / "demo-nano" / "model.pt").read_bytes()


def test_what_is_there_is_not_fetched_again(hub: ModelHub, root: Path) -> None:
    fetch(hub, root)
    hub.requests.clear()
    fetch(hub, root)
    assert hub.requests == []


def test_damage_is_noticed_and_tried_once_more(hub: ModelHub, root: Path) -> None:
    hub.damaged = {"model.pt": 1}
    directory = fetch(hub, root)
    assert (directory / "model.pt").read_bytes() == (SHIPPED / "demo-nano" / "model.pt").read_bytes()


def test_lasting_damage_is_an_error_and_leaves_no_model(hub: ModelHub, root: Path) -> None:
    hub.damaged = {"model.pt": 99}
    with pytest.raises(StorageUnavailable) as caught:
        fetch(hub, root)
    assert caught.value.details == {"reason": "damaged", "file": "model.pt"}
    assert resolve_model("auto", "ms") == "demo"


def test_a_full_disk_is_told_before_anything_comes(hub: ModelHub, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_SPARE_BYTES", 1 << 60)
    with pytest.raises(StorageUnavailable) as caught:
        fetch(hub, root)
    assert caught.value.details["reason"] == "disk_full"
    assert hub.requests == []


def test_a_hub_that_is_not_there(root: Path) -> None:
    with pytest.raises(StorageUnavailable) as caught:
        download_model("fun-asr-nano", "ms", endpoint="http://127.0.0.1:9", root=root)
    assert caught.value.details["reason"] == "hub_unreachable"


def test_a_hub_that_names_files_outside_is_refused(hub: ModelHub, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "files", lambda hub_id: [("../../escape.pt", b"x")])
    with pytest.raises(StorageUnavailable) as caught:
        fetch(hub, root)
    assert caught.value.details["reason"] == "hub_answer"


def test_two_downloads_at_once(hub: ModelHub, root: Path) -> None:
    def again(progress: DownloadProgress) -> None:
        fetch(hub, root)

    with pytest.raises(StorageUnavailable) as caught:
        fetch(hub, root, tell=again)
    assert caught.value.details["reason"] == "already_running"
    fetch(hub, root)


@pytest.mark.parametrize("name", ["demo", "whisper"])
def test_only_models_of_the_hub_can_be_downloaded(name: str, root: Path) -> None:
    assert name not in PRESETS or PRESETS[name].hub_ids is None
    with pytest.raises(InvalidOptions):
        download_model(name, "ms", root=root)
