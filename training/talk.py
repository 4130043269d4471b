"""What the Nano is asked and what it shall answer, as token ids."""

from typing import Any

import torch

from training import prompts, tokens
from training.features import frames_of
from training.recordings import Recording

_BEFORE, _AFTER = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"


class Talk:
    """Prompts and answers as token ids."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._after = tokenizer.encode(_AFTER)
        self._end = tokenizer.encode(tokens.ANSWER_END)

    def before(self, asked: prompts.Task) -> list[int]:
        """What stands before the sound."""
        prompt = self._model.get_prompt(list(asked.hotwords), asked.language, asked.itn)
        return self._tokenizer.encode(_BEFORE + prompt)

    def after(self) -> list[int]:
        """What stands between the sound and the answer."""
        return self._after

    def answer(self, asked: prompts.Task) -> list[int]:
        """The answer and its end."""
        return [*(tokens.llm_ids(self._tokenizer, asked.answer) if asked.answer else []), *self._end]

    def ids(self, units: tuple[str, ...]) -> list[int]:
        """One token for each unit."""
        return tokens.llm_ids(self._tokenizer, units)

    def onsets(self, recording: Recording, units: tuple[str, ...], frames: int) -> torch.Tensor:
        """``(frames,)``: each unit's token at its first frame, padding elsewhere."""
        shown = torch.full((frames,), self._tokenizer.pad_token_id)
        if units:
            ids = tokens.llm_ids(self._tokenizer, units)
            for token, span in zip(ids, frames_of(recording.spans_ms, frames), strict=True):
                shown[span.start] = token
        return shown
