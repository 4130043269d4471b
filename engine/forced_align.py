"""CTC forced alignment in numpy, for where torchaudio is absent.

FunASRNano asks torchaudio for ``functional.forced_align`` to time its words; torchaudio's builds break with other
builds of torch, so the one function stands here. Definition: the most probable path through the CTC trellis
(A. Graves et al., "Connectionist Temporal Classification", ICML 2006, §4.1), with torchaudio's arguments and results.
"""

import importlib.util
import types
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

#: A score that no path of real log probabilities reaches.
_IMPOSSIBLE = -1e30


def best_path(log_probs: np.ndarray, targets: np.ndarray, blank: int) -> np.ndarray:
    """The token of each frame, ``(frames,)``, on the best path that spells ``targets``.

    ``log_probs``: ``(frames, tokens)``; ``targets``: ``(length,)`` without blanks. Raises ``ValueError`` when the
    targets do not fit into the frames.
    """
    frames = len(log_probs)
    repeats = int(np.count_nonzero(targets[1:] == targets[:-1]))
    if frames < len(targets) + repeats or frames == 0:
        raise ValueError(f"{len(targets)} targets with {repeats} repeats do not fit into {frames} frames")
    # Blanks before, between and after: state 2i+1 is target i.
    states = np.full(2 * len(targets) + 1, blank, dtype=np.int64)
    states[1::2] = targets
    # A path may leave out the blank between two different tokens, never that between two equal ones.
    may_skip = np.zeros(len(states), dtype=bool)
    may_skip[3::2] = targets[1:] != targets[:-1]

    score = np.full(len(states), _IMPOSSIBLE)
    score[:2] = log_probs[0, states[:2]]
    came_from = np.zeros((frames, len(states)), dtype=np.int8)
    for frame in range(1, frames):
        stay = score
        step = np.concatenate(([_IMPOSSIBLE], score))[: len(states)]
        skip = np.where(may_skip, np.concatenate(([_IMPOSSIBLE] * 2, score))[: len(states)], _IMPOSSIBLE)
        choices = np.stack((stay, step, skip))
        came_from[frame] = choices.argmax(axis=0)
        score = choices.max(axis=0) + log_probs[frame, states]

    state = len(states) - 1
    if state and score[state - 1] > score[state]:
        state -= 1
    path = np.empty(frames, dtype=np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = states[state]
        state -= came_from[frame, state]
    return path


def forced_align(
    log_probs: "torch.Tensor",
    targets: "torch.Tensor",
    input_lengths: "torch.Tensor | None" = None,
    target_lengths: "torch.Tensor | None" = None,
    blank: int = 0,
) -> "tuple[torch.Tensor, torch.Tensor]":
    """As ``torchaudio.functional.forced_align`` for a batch of one: tokens and log scores, each ``(1, frames)``."""
    import torch

    if log_probs.shape[0] != 1:
        raise ValueError("only a batch of one is supported")
    frames = int(input_lengths[0]) if input_lengths is not None else log_probs.shape[1]
    length = int(target_lengths[0]) if target_lengths is not None else targets.shape[1]
    scores = log_probs[0, :frames].detach().float().cpu().numpy()
    path = best_path(scores, targets[0, :length].cpu().numpy(), blank)
    return torch.from_numpy(path)[None], torch.from_numpy(scores[np.arange(frames), path])[None]


def install() -> None:
    """Gives FunASRNano the function above where it asks for torchaudio's; does nothing when torchaudio is there."""
    if importlib.util.find_spec("torchaudio") is not None:
        return
    from funasr.models.fun_asr_nano.tools import utils

    stand_in = types.SimpleNamespace(functional=types.SimpleNamespace(forced_align=forced_align))
    original: Any = utils.require_torchaudio
    if getattr(original, "stands_in", False):
        return

    def require(feature: str = "This operation") -> Any:
        return stand_in if feature == "forced_align" else original(feature)

    require.stands_in = True  # pyright: ignore[reportFunctionMemberAccess]
    utils.require_torchaudio = require
