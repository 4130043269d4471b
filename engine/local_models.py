"""Which model a setting means, and in which directory of this machine it lies. Needs no torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from domain.errors import InvalidOptions, RecognitionFailed
from domain.presets import FALLBACK, PRESETS, RECOMMENDED, Capabilities, Family, Hub, Preset
from engine.hub_cache import cache_root, cached_directories

#: The models that ship with the program.
SHIPPED = Path(__file__).resolve().parent.parent / "models"
SHIPPED_VAD = SHIPPED / "demo-vad"
SHIPPED_SPEAKER = SHIPPED / "demo-speakers"
#: The speech detector of the downloaded models, by hub; its 1.7 MB come with every download.
VAD_IDS: dict[Hub, str] = {"ms": "iic/speech_fsmn_vad_zh-cn-16k-common-pytorch", "hf": "funasr/fsmn-vad"}
#: Punctuation models by FunASR's short name.
PUNCTUATION_IDS: dict[str, dict[Hub, str]] = {
    "ct-punc": {"ms": "iic/punc_ct-transformer_cn-en-common-vocab471067-large", "hf": "funasr/ct-punc"}
}
#: Speaker models by FunASR's short name.
SPEAKER_IDS: dict[str, dict[Hub, str]] = {
    "cam++": {"ms": "iic/speech_campplus_sv_zh-cn_16k-common", "hf": "funasr/campplus"}
}
#: The class in a directory's config.yaml, and the family that can run it.
FAMILY_OF_CLASS: dict[str, Family] = {
    "FunASRNano": "nano",
    "SenseVoiceSmall": "sensevoice",
    "Paraformer": "paraformer",
    "SeacoParaformer": "paraformer",
    "ContextualParaformer": "paraformer",
    "BiCifParaformer": "paraformer",
}
_WITHOUT_HOTWORDS = frozenset({"Paraformer", "BiCifParaformer"})
_WITHOUT_TIMES = frozenset({"Paraformer", "ContextualParaformer"})
_LOCAL_CAPABILITIES: dict[Family, Capabilities] = {
    "nano": PRESETS["fun-asr-mlt-nano"].capabilities,
    "sensevoice": PRESETS["sensevoice-small"].capabilities,
    "paraformer": PRESETS["paraformer-zh"].capabilities,
}


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model on this machine: everything that loading and the fingerprint need."""

    preset: Preset
    directory: Path
    vad_directory: Path
    punctuation_directory: Path | None = None
    speaker_directory: Path | None = None


def resolve_model(model_setting: str, hub: str = "ms") -> str:
    """The preset name or directory that ``ASR_MODEL`` means. Raises :class:`InvalidOptions` for an unknown name.

    ``auto`` takes the recommended model where it has been downloaded, else the one that is always there.
    """
    setting = model_setting.strip()
    if setting == "auto":
        return RECOMMENDED if find_preset(PRESETS[RECOMMENDED], _hub(hub)) else FALLBACK
    if setting in PRESETS or (setting and Path(setting).is_dir()):
        return setting
    raise InvalidOptions(
        f"ASR_MODEL is {model_setting!r}: a directory that exists, auto, or one of {', '.join(PRESETS)} is expected",
        field="model",
        reason="unknown",
    )


def find_model(model_setting: str, hub: str = "ms") -> LocalModel:
    """Where the model lies. Raises :class:`InvalidOptions`, or :class:`RecognitionFailed` when it is not here yet."""
    name = resolve_model(model_setting, hub)
    if name not in PRESETS:
        directory = Path(name).absolute()
        return _with_companions(_local_preset(directory), directory, _hub(hub))
    preset = PRESETS[name]
    directory = find_preset(preset, _hub(hub))
    if directory is None:
        raise RecognitionFailed(
            f"the model {name} is not on this machine: download it first, or set ASR_MODEL=auto",
            reason="model_missing",
            model=name,
        )
    return _with_companions(preset, directory, _hub(hub))


def find_preset(preset: Preset, hub: Hub) -> Path | None:
    """The directory of a preset, or ``None`` where it was not downloaded; the other hub's cache will do as well."""
    if preset.hub_ids is None:
        return SHIPPED / (preset.folder or preset.name)
    return _find_cached(preset.hub_ids, hub)


def is_complete(directory: Path) -> bool:
    """Whether a directory holds a model: its configuration and its weights, none of them half downloaded."""
    weights = directory / _meta(directory).get("init_param", "model.pt")
    return (directory / "config.yaml").is_file() and weights.is_file()


def _with_companions(preset: Preset, directory: Path, hub: Hub) -> LocalModel:
    vad = SHIPPED_VAD if preset.folder else _find_cached(VAD_IDS, hub) or SHIPPED_VAD
    punctuation = preset.punctuation and _find_cached(PUNCTUATION_IDS[preset.punctuation], hub)
    if preset.punctuation and not punctuation:
        preset = replace(preset, capabilities=replace(preset.capabilities, punctuates=False))
    speaker = _find_speaker(preset, hub)
    preset = replace(preset, capabilities=replace(preset.capabilities, speakers=speaker is not None))
    return LocalModel(preset, directory, vad, punctuation or None, speaker)


def _find_speaker(preset: Preset, hub: Hub) -> Path | None:
    if preset.folder:
        return SHIPPED_SPEAKER if preset.speaker and is_complete(SHIPPED_SPEAKER) else None
    return _find_cached(SPEAKER_IDS[preset.speaker], hub) if preset.speaker else None


def _find_cached(hub_ids: Mapping[Hub, str], hub: Hub) -> Path | None:
    others: tuple[Hub, ...] = tuple(other for other in hub_ids if other != hub)
    for candidate in (hub, *others):
        root = cache_root(candidate)
        for directory in cached_directories(candidate, hub_ids[candidate], root):
            if is_complete(directory):
                return directory
    return None


def _local_preset(directory: Path) -> Preset:
    config = directory / "config.yaml"
    if not config.is_file():
        raise InvalidOptions(f"{directory} has no config.yaml: it is no FunASR model", field="model", reason="no_model")
    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidOptions(f"{config} cannot be read: {error}", field="model", reason="no_model") from error
    kind = str(content.get("model", "")) if isinstance(content, dict) else ""
    family = FAMILY_OF_CLASS.get(kind)
    if family is None:
        raise InvalidOptions(
            f"{directory} holds a {kind or 'nameless model'}; {', '.join(FAMILY_OF_CLASS)} can be run",
            field="model",
            reason="unknown_class",
        )
    abilities = _LOCAL_CAPABILITIES[family]
    if kind in _WITHOUT_HOTWORDS:
        abilities = replace(abilities, hotwords=False)
    if kind in _WITHOUT_TIMES or (family == "nano" and not content.get("ctc_decoder")):
        abilities = replace(abilities, times="none")
    punctuation = "ct-punc" if family == "paraformer" else None
    return Preset(directory.name, directory.name, family, abilities, None, punctuation, "cam++")


def _meta(directory: Path) -> dict[str, Any]:
    try:
        content = json.loads((directory / "configuration.json").read_text(encoding="utf-8"))
        metas = content["file_path_metas"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return cast("dict[str, Any]", metas) if isinstance(metas, dict) else {}


def _hub(hub: str) -> Hub:
    if hub not in ("ms", "hf"):
        raise InvalidOptions(f"ASR_MODEL_HUB is {hub!r}: ms or hf is expected", field="model_hub", reason="unknown")
    return cast("Hub", hub)
