"""Segments in, texts out: the one place that calls the recogniser's ``generate()``."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.families import Decoding, Heard, ModelFamily
from engine.families.word_times import words_of
from engine.loading import LoadedModels
from engine.samples import as_floats
from engine.token_limit import TokenWatch, end_tokens

_log = logging.getLogger(__name__)


class Decoder:
    """A loaded model and its family. Not thread-safe: ``generate()`` changes shared state (FACTS)."""

    def __init__(self, models: LoadedModels, family: ModelFamily) -> None:
        self._models = models
        self._family = family

    def decode(self, segments: Sequence[np.ndarray], decoding: Decoding) -> list[Heard]:
        """One :class:`Heard` per segment of ``(samples,)`` int16, in order. Raises what FunASR raises."""
        import torch

        arguments = self._family.arguments(decoding)
        if self._models.llm_dtype:
            arguments["llm_dtype"] = self._models.llm_dtype
        watch = TokenWatch()
        if "max_length" in arguments:
            arguments["llm_kwargs"] = {"stopping_criteria": [watch]}
        answers = self._models.recogniser.generate(
            # Tensors: FunASRNano knows nothing of numpy, and no model can take them for a path or an address.
            input=[torch.from_numpy(as_floats(item)) for item in segments],
            batch_size=len(segments),
            **arguments,
        )
        if len(answers) != len(segments):
            # Paraformer leaves out a segment without words, and the answers do not say which.
            if len(segments) == 1:
                return [Heard("")]
            return [self.decode([item], decoding)[0] for item in segments]
        cut_off = self._cut_off(watch, arguments)
        return [
            replace(self._punctuated(self._family.heard(answer)), cut_off=number < len(cut_off) and cut_off[number])
            for number, answer in enumerate(answers)
        ]

    def _cut_off(self, watch: TokenWatch, arguments: dict[str, Any]) -> list[bool]:
        if "max_length" not in arguments:
            return []
        return watch.cut_off(arguments["max_length"], end_tokens(self._models.recogniser.model.llm.generation_config))

    def free_memory(self) -> None:
        """Gives cached GPU memory back to the driver."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _punctuated(self, heard: Heard) -> Heard:
        model = self._models.punctuation
        if model is None or not heard.text or _could_be_fetched(heard.text):
            return heard
        answer: list[dict[str, Any]] = model.generate(input=[heard.text])
        text = str(answer[0].get("text") or heard.text) if answer else heard.text
        return replace(heard, text=text, words=words_of(text, [(w.text, w.start_ms, w.end_ms) for w in heard.words]))


def _could_be_fetched(text: str) -> bool:
    """FunASR opens a text that names a file and fetches one that is an address: what was said must do neither."""
    try:
        return "://" in text or text.startswith("http") or Path(text).exists()
    except OSError:
        return False


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is the GPU's out-of-memory error."""
    import torch

    return isinstance(error, torch.OutOfMemoryError)
