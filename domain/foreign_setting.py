"""The mapping of a foreign app as settings say it. What is wrong is a ``ValueError`` that names key and value."""

from collections.abc import Mapping
from typing import Any, cast

from domain.foreign_app import SEPARATORS, ForeignApp, HotwordsAs
from domain.options import MAX_MODEL_CHARS
from domain.presets import PRESETS

#: The shape of the original Fun-ASR WebUI: four inputs in this order, the text as spoken, the text as written.
_FUN_ASR_WEBUI: dict[str, Any] = {
    "endpoint": "/transcribe",
    "inputs": {"audio": 0, "language": 1, "hotwords": 2, "itn": 3},
    "hotwords_as": "lines",
    "languages": {"auto": "自动", "zh": "中文", "en": "英文", "ja": "日文"},
    "outputs": {"text": 0, "normalized": 1},
}
PRESET_APPS: dict[str, dict[str, Any]] = {"fun-asr-webui": _FUN_ASR_WEBUI}

_KEYS = ("preset", "endpoint", "inputs", "hotwords_as", "languages", "outputs", "constants", "slots")
_INPUTS = ("audio", "hotwords", "language", "itn")
_OUTPUTS = ("text", "normalized")
_MAX_SLOTS = 256


def parse_app(item: object, model: object) -> ForeignApp:
    """``item``: the name of a preset, or a mapping, which may begin with a ``preset`` and say what differs.

    Raises ``ValueError``.
    """
    name = str(model or "").strip()
    if not name or len(name) > MAX_MODEL_CHARS:
        raise ValueError(f"model is {name[:40]!r}: an app needs the name of a model of its own, such as old-webui")
    if name in PRESETS:
        raise ValueError(f"model is {name!r}, which nodes of this program have: the app's needs a name of its own")
    said = _whole(item)
    inputs = _section(said, "inputs", _INPUTS)
    if "audio" not in inputs:
        raise ValueError("app.inputs names no audio: the parameter that takes the recording, by name or place")
    outputs = _section(said, "outputs", _OUTPUTS) or {"text": 0}
    places = {key: _place(f"app.inputs.{key}", value) for key, value in inputs.items()}
    return ForeignApp(
        name,
        _endpoint(said.get("endpoint")),
        places["audio"],
        places.get("hotwords"),
        places.get("language"),
        places.get("itn"),
        _hotwords_as(said.get("hotwords_as", "lines")),
        {key: _word(f"app.languages.{key}", value) for key, value in _section(said, "languages").items()},
        _place("app.outputs.text", outputs["text"]) if "text" in outputs else None,
        _place("app.outputs.normalized", outputs["normalized"]) if "normalized" in outputs else None,
        _section(said, "constants"),
        _slots(said.get("slots", 1)),
    )


def _whole(item: object) -> dict[str, Any]:
    """The mapping with its preset filled in."""
    if isinstance(item, str):
        return _preset(item)
    if not isinstance(item, Mapping):
        raise ValueError(f"app is {item!r}: a preset ({', '.join(PRESET_APPS)}) or a mapping is expected")
    said = {str(key): value for key, value in cast("Mapping[object, Any]", item).items()}
    if unknown := [key for key in said if key not in _KEYS]:
        raise ValueError(f"app.{unknown[0]} is not known; {', '.join(_KEYS)} are")
    preset = said.pop("preset", None)
    return {**(_preset(str(preset)) if preset is not None else {}), **said}


def _preset(name: str) -> dict[str, Any]:
    if name not in PRESET_APPS:
        raise ValueError(f"app is {name!r}: there is no such preset; there is {', '.join(PRESET_APPS)}")
    return PRESET_APPS[name]


def _section(said: Mapping[str, Any], key: str, known: tuple[str, ...] = ()) -> dict[str, Any]:
    value: object = said.get(key) or {}
    if not isinstance(value, Mapping):
        raise ValueError(f"app.{key} is {value!r}: a mapping is expected")
    found = {str(name): item for name, item in cast("Mapping[object, Any]", value).items()}
    if known and (unknown := [name for name in found if name not in known]):
        raise ValueError(f"app.{key}.{unknown[0]} is not known; {', '.join(known)} are")
    return found


def _endpoint(value: object) -> str:
    if not isinstance(value, str) or not value.strip("/ "):
        raise ValueError(f"app.endpoint is {value!r}: the name of an endpoint such as /transcribe is expected")
    return "/" + value.strip().lstrip("/")


def _place(key: str, value: object) -> str | int:
    # YAML's yes and no are numbers to Python.
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.strip():
        return int(value) if value.strip().isdecimal() else value.strip()
    raise ValueError(f"{key} is {value!r}: a name, or a place counted from 0, is expected")


def _word(key: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} is {value!r}: the app's word for that language is expected, in quotes")
    return value


def _hotwords_as(value: object) -> HotwordsAs:
    for word in SEPARATORS:
        if value == word:
            return word
    raise ValueError(f"app.hotwords_as is {value!r}: {', '.join(SEPARATORS)} are possible")


def _slots(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MAX_SLOTS:
        raise ValueError(f"app.slots is {value!r}: a whole number from 1 to {_MAX_SLOTS} is expected")
    return value
