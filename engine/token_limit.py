"""Which answers of an LLM recogniser stopped at the limit of tokens: FunASR returns the text and does not say."""

from typing import Any


class TokenWatch:
    """A stopping criterion of ``transformers`` that stops nothing and remembers how each answer ended.

    One for each call of ``AutoModel.generate``, which may call the LLM once for the batch or once for each segment.
    The criterion is called after each token with all tokens so far, ``(segments, tokens)``, the prompt not among them
    as it comes in as embeddings.
    """

    def __init__(self) -> None:
        self._calls: list[Any] = []

    def __call__(self, token_ids: Any, scores: Any, **_: Any) -> Any:
        """No segment is to stop, ``(segments,)``."""
        import torch

        if token_ids.shape[1] == 1:
            self._calls.append(token_ids)
        elif self._calls:
            self._calls[-1] = token_ids
        return torch.zeros(len(token_ids), dtype=torch.bool, device=token_ids.device)

    def cut_off(self, limit: int, ends: set[int]) -> list[bool]:
        """For each segment in order, whether it has ``limit`` tokens and the last of them is none of ``ends``."""
        return [
            call.shape[1] >= limit and last not in ends for call in self._calls for last in call[:, -1].cpu().tolist()
        ]


def end_tokens(config: Any) -> set[int]:
    """The tokens after which an LLM says no more, and those that fill up a batch, from its generation config."""
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    return {token for token in (*ends, config.pad_token_id) if token is not None}
