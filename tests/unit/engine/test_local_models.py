import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import InvalidOptions, RecognitionFailed
from domain.presets import PRESETS, Hub
from engine import local_models
from engine.fingerprint import fingerprint
from engine.hub_cache import cached_directories, download_directory
from engine.local_models import SHIPPED, SPEAKER_IDS, find_model, find_preset, is_complete, resolve_model
from tests.helpers.model_hub import put_speaker_model

NANO = "FunAudioLLM/Fun-ASR-Nano-2512"


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty hub caches."""
    monkeypatch.setattr(local_models, "cache_root", lambda hub: tmp_path / hub)
    return tmp_path


def put_nano(directory: Path) -> Path:
    return Path(shutil.copytree(SHIPPED / "demo-nano", directory))


def test_auto_is_the_demo_until_the_real_model_is_there(caches: Path) -> None:
    assert resolve_model("auto", "ms") == "demo"
    put_nano(download_directory("ms", NANO, "master", caches / "ms"))
    assert resolve_model("auto", "ms") == "fun-asr-nano"
    assert resolve_model("auto", "hf") == "fun-asr-nano"


@pytest.mark.parametrize(
    ("hub", "folder"),
    [
        ("ms", "models/FunAudioLLM--Fun-ASR-Nano-2512/snapshots/master"),
        ("ms", "models/FunAudioLLM--Fun-ASR-Nano-2512/snapshots/v1"),
        ("ms", "models/FunAudioLLM/Fun-ASR-Nano-2512"),
        ("ms", "hub/models/FunAudioLLM/Fun-ASR-Nano-2512"),
        ("hf", "models--FunAudioLLM--Fun-ASR-Nano-2512/snapshots/0123abc"),
    ],
)
def test_every_layout_of_the_hubs_is_found(caches: Path, hub: Hub, folder: str) -> None:
    put_nano(caches / hub / folder)
    assert find_preset(PRESETS["fun-asr-nano"], hub) == caches / hub / folder


def test_half_a_download_is_no_model(caches: Path) -> None:
    directory = put_nano(download_directory("ms", NANO, "master", caches / "ms"))
    (directory / "model.pt").rename(directory / "model.pt.part")
    assert not is_complete(directory)
    assert resolve_model("auto", "ms") == "demo"


def test_modelscopes_own_library_agrees_on_the_folder(tmp_path: Path) -> None:
    from modelscope_hub._download import DownloadManager
    from modelscope_hub.config import HubConfig

    manager = DownloadManager.__new__(DownloadManager)
    manager._config = HubConfig(cache_dir=tmp_path)
    theirs = manager._repo_cache_dir_path(NANO, "model") / "snapshots" / "master"
    assert download_directory("ms", NANO, "master", tmp_path) == theirs
    assert next(iter(cached_directories("ms", NANO, tmp_path))) == theirs


@pytest.mark.parametrize("hub", ["ms", "hf"])
def test_speakers_are_told_apart_only_where_the_speaker_model_is(caches: Path, hub: Hub) -> None:
    put_nano(download_directory(hub, NANO, "master", caches / hub))
    without = find_model("fun-asr-nano", hub)
    assert (without.speaker_directory, without.preset.capabilities.speakers) == (None, False)
    folder = download_directory(hub, SPEAKER_IDS["cam++"][hub], "master", caches / hub)
    put_speaker_model(folder)
    found = find_model("fun-asr-nano", hub)
    assert (found.speaker_directory, found.preset.capabilities.speakers) == (folder, True)
    memory = caches / "digests.json"
    assert fingerprint(without, memory).value != fingerprint(found, memory).value
    before = fingerprint(found, memory)
    (folder / "campplus_cn_common.bin").write_bytes(b"other weights")
    assert fingerprint(found, memory).value != before.value


def test_the_demo_models_bring_their_own(caches: Path) -> None:
    for name in ("demo", "demo-sensevoice"):
        local = find_model(name, "ms")
        assert local.speaker_directory == SHIPPED / "demo-speakers"
        assert local.preset.capabilities.speakers


def test_a_named_model_that_is_not_here_says_so(caches: Path) -> None:
    assert resolve_model("sensevoice-small", "ms") == "sensevoice-small"
    with pytest.raises(RecognitionFailed, match="download it first") as caught:
        find_model("sensevoice-small", "ms")
    assert caught.value.details["reason"] == "model_missing"


@pytest.mark.parametrize("setting", ["whisper", "/no/such/directory", ""])
def test_an_unknown_setting_is_refused(setting: str) -> None:
    with pytest.raises(InvalidOptions, match="ASR_MODEL"):
        resolve_model(setting, "ms")


@pytest.mark.parametrize(("folder", "family"), [("demo-nano", "nano"), ("demo-sensevoice", "sensevoice")])
def test_a_directory_is_known_by_its_class(caches: Path, folder: str, family: str) -> None:
    local = find_model(str(SHIPPED / folder), "ms")
    assert (local.preset.family, local.preset.name, local.directory) == (family, folder, SHIPPED / folder)


@pytest.mark.parametrize(
    ("config", "hotwords", "times"),
    [
        ("model: SeacoParaformer", True, "character"),
        ("model: Paraformer", False, "none"),
        ("model: FunASRNano", True, "none"),
        ("model: FunASRNano\nctc_decoder: Transformer", True, "word"),
    ],
)
def test_a_directory_can_what_its_class_can(
    caches: Path, tmp_path: Path, config: str, hotwords: bool, times: str
) -> None:
    (tmp_path / "config.yaml").write_text(config)
    abilities = find_model(str(tmp_path), "ms").preset.capabilities
    assert (abilities.hotwords, abilities.times) == (hotwords, times)
    # Paraformer's punctuation model is not in the empty cache.
    assert abilities.punctuates is ("FunASRNano" in config)


@pytest.mark.parametrize("config", ["model: Whisper\n", "- a\n- b\n", "model: [", None])
def test_a_directory_of_something_else_is_refused(tmp_path: Path, config: str | None) -> None:
    if config is not None:
        (tmp_path / "config.yaml").write_text(config)
    with pytest.raises(InvalidOptions):
        find_model(str(tmp_path), "ms")


def test_looking_for_models_needs_no_torch() -> None:
    code = (
        "import sys, engine.download; from engine.local_models import resolve_model; resolve_model('auto');"
        "assert not {'torch', 'funasr', 'transformers', 'modelscope'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
