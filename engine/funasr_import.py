"""Imports FunASR without the sixty models that nobody here runs.

``import funasr`` imports every model of the package, and with them modelscope, numba and more: twice the time and
115 MB over what a recognition needs. A part that is missing after all is no failure: everything is imported then.
"""

import importlib
import pkgutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from domain.presets import Family

_T = TypeVar("_T")
_ALWAYS = (
    "funasr.frontends.wav_frontend",
    "funasr.models.fsmn_vad_streaming.encoder",
    "funasr.models.fsmn_vad_streaming.model",
    "funasr.models.sense_voice.model",
    "funasr.tokenizer.sentencepiece_tokenizer",
)
#: The modules that register what a family's config.yaml names. Paraformer's variants need too many to list.
_NEEDED: dict[Family, tuple[str, ...] | None] = {
    "nano": (
        *_ALWAYS,
        "funasr.models.fun_asr_nano.model",
        "funasr.models.llm_asr.adaptor",
        "funasr.tokenizer.hf_tokenizer",
        "funasr.tokenizer.whisper_tokenizer",
    ),
    "sensevoice": _ALWAYS,
    "paraformer": None,
}
_SPEAKERS = "funasr.models.campplus.model"


def import_funasr(family: Family, *, speakers: bool = False) -> Any:
    """``AutoModel``, with what this family needs registered; ``speakers``: the speaker model too."""
    needed = _NEEDED[family]
    if needed is not None and speakers:
        needed = (*needed, _SPEAKERS)
    with _quietly():
        if needed is None:
            import_everything()
        else:
            with _without_walking():
                importlib.import_module("funasr")
            for name in needed:
                importlib.import_module(name)
        from funasr.auto.auto_model import AutoModel
    return AutoModel


def import_everything() -> None:
    """All of FunASR's models."""
    with _quietly():
        importlib.import_module("funasr").import_submodules("funasr")


def with_everything_if_needed(build: Callable[[], _T]) -> _T:
    """What ``build`` returns, tried once more with all of FunASR when it fails."""
    try:
        return build()
    # An unregistered part shows as almost any error; a real fault comes again.
    except Exception:
        import_everything()
        return build()


@contextmanager
def _without_walking() -> Iterator[None]:
    walk = pkgutil.walk_packages
    pkgutil.walk_packages = lambda *args, **kwargs: iter(())
    try:
        yield
    finally:
        pkgutil.walk_packages = walk


@contextmanager
def _quietly() -> Iterator[None]:
    """The dependencies warn about each other while they are imported; nobody here can act on that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
