"""What the Nano is asked and what it shall answer, as token ids."""

from typing import Any

import torch

from training import prompts, tokens

_BEFORE, _AFTER = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"


class Chat:
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

    def told(self, asked: prompts.Task) -> list[int]:
        """The places in :meth:`before` of the hotword that spells the name, one for each unit."""
        if not asked.is_told:
            return []
        before, name = self.before(asked), asked.units[asked.name_place.start : asked.name_place.stop]
        # Behind another hotword an English one has a space before it.
        for tokens_of_name in (self.ids(name), self._tokenizer.encode(" " + "".join(name))):
            for start in range(len(before) - len(tokens_of_name) + 1):
                if before[start : start + len(tokens_of_name)] == tokens_of_name:
                    return list(range(start, start + len(tokens_of_name)))
        raise ValueError(f"no hotword spells {name}: {asked.hotwords}")

    def onsets(self, units: tuple[str, ...], starts: list[int], frames: int) -> torch.Tensor:
        """``(frames,)``: each unit's token at its first frame, padding elsewhere."""
        shown = torch.full((frames,), self._tokenizer.pad_token_id)
        if units:
            shown[starts] = torch.tensor(self.ids(units))
        return shown
