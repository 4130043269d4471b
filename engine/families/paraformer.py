"""Paraformer and SeACo-Paraformer: no punctuation of their own, hotwords as one string."""

from typing import Any

from domain.presets import Preset
from domain.transcript import join_texts
from engine.families.base import Decoding, Heard
from engine.families.word_times import words_of


class Paraformer:
    """``Paraformer``, ``SeacoParaformer`` and their like."""

    def __init__(self, preset: Preset) -> None:
        self._hotwords = preset.capabilities.hotwords

    def arguments(self, decoding: Decoding) -> dict[str, Any]:
        """SeACo opens a hotword string that ends in ``.txt`` and fetches one that starts with ``http``.

        The spaces around it rule out both, whatever the words are; the model strips them.
        """
        if not decoding.hotwords or not self._hotwords:
            return {}
        return {"hotword": f" {' '.join(decoding.hotwords)} "}

    def heard(self, answer: dict[str, Any]) -> Heard:
        """Words come divided by spaces, with their times in ms in the same order where the model gives them."""
        units = str(answer.get("text") or "").split()
        text = join_texts(units)
        spans = answer.get("timestamp") or ()
        if len(spans) != len(units):
            return Heard(text)
        return Heard(text, words_of(text, [(unit, int(s[0]), int(s[1])) for unit, s in zip(units, spans, strict=True)]))
