"""Where the LLM's attention is taught to look.

Some heads have a task while the model learns. In the first layer two of them look from a unit's sound at the hotword
that spells it, and two look back by one and by two units, so that every place knows what came before it. The second
layer looks further back. By that context two heads of each upper layer find, from the answer so far, the sound of
the unit that comes next. Without such guidance the same heads are found by chance, which takes several times as many
steps; once they work they are what the answers need, so nothing pulls the other way.
"""

from collections.abc import Sequence

import torch

#: Distances of the looks back.
_BACK = (1, 2, 3)
#: What is looked at, by layer, and the heads that share the task.
_TASKS: tuple[tuple[str, int, tuple[int, ...]], ...] = (
    ("hotword", 0, (0, 1)),
    ("back 1", 0, (2,)),
    ("back 2", 0, (3,)),
    ("back 1", 1, (2,)),
    ("back 3", 1, (3,)),
    ("next", 1, (0, 1)),
    ("next", 2, (0, 1)),
)
#: The heads of the first layer that copy what their place resembles.
COPYING_HEADS = next(heads for name, layer, heads in _TASKS if (name, layer) == ("hotword", 0))
_LEAST = 1e-4


def looks(
    onsets: Sequence[int], last_sound: int, kept: Sequence[int], answer: int, told: Sequence[tuple[int, int]]
) -> dict[str, list[tuple[int, int]]]:
    """From where to where to look, by task, as places of one sequence.

    ``onsets``: where each unit begins to sound; ``kept``: which of them the answer writes; ``answer``: the place that
    predicts its first unit; ``told``: the onsets of the name and the tokens of the hotword that spell it.
    """
    found: dict[str, list[tuple[int, int]]] = {"hotword": list(told)}
    heard = [*onsets, last_sound] if not onsets or last_sound > onsets[-1] else list(onsets)
    written = range(answer + 1, answer + 1 + len(kept))
    for distance in _BACK:
        pairs = [*_apart(heard, distance), *_apart(written, distance)]
        found[f"back {distance}"] = [(later, earlier) for earlier, later in pairs if later > earlier]
    found["next"] = [(answer + place, onsets[unit]) for place, unit in enumerate(kept)]
    # Where the sound ends, so does the answer.
    found["next"].append((answer + len(kept), last_sound))
    return found


def guidance_loss(attentions: Sequence[torch.Tensor], asked: list[dict[str, list[tuple[int, int]]]]) -> torch.Tensor:
    """How far the heads are from looking where they should.

    ``attentions``: by layer ``(items, heads, places, places)``; ``asked``: :func:`looks` of each item.
    """
    loss = attentions[0].new_zeros(())
    for name, layer, heads in _TASKS:
        wanted = [(item, *pair) for item, found in enumerate(asked) for pair in found[name]]
        if wanted:
            items, sources, goals = torch.tensor(wanted)[:, :, None].unbind(1)
            share = attentions[layer][items, torch.tensor(heads)[None], sources, goals].mean(1)
            loss = loss - torch.log(share + _LEAST).mean()
    return loss


def _apart(places: Sequence[int], distance: int) -> list[tuple[int, int]]:
    return list(zip(places, places[distance:], strict=False))
