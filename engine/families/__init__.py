"""The model families: how options become the arguments of ``generate()``, and its answer becomes text with times."""

from domain.presets import Preset
from engine.families.base import Decoding, Heard, ModelFamily
from engine.families.nano import Nano
from engine.families.paraformer import Paraformer
from engine.families.sensevoice import SenseVoice

__all__ = ["Decoding", "Heard", "ModelFamily", "family_of"]


def family_of(preset: Preset) -> ModelFamily:
    """The family that runs a preset."""
    kinds: dict[str, type[Nano] | type[SenseVoice] | type[Paraformer]] = {
        "nano": Nano,
        "sensevoice": SenseVoice,
        "paraformer": Paraformer,
    }
    return kinds[preset.family](preset)
