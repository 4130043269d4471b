"""What the Nano's training counts as wrong: the answer, what the adaptor shows, what the first layer makes of it."""

import random
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from training import prompts
from training.features import frames_of
from training.recordings import Recording
from training.talk import Talk

#: Tokens of the answer so far that are replaced by others, so that one slip does not derail the rest.
_SLIP_SHARE = 0.04
_ONSET_WEIGHT = 0.3
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast. ``budget``: positions in a worker's batch."""

    steps: int
    peak_rate: float = 1.5e-3
    budget: int = 2_000
    check_every: int = 550
    #: How much more often recordings with names come, and how much their names weigh.
    name_copies: int = 1
    name_weight: float = 1.0
    #: Whether the adaptor shows a name in any of its spellings, so that they lie close together, and how much it
    #: counts that the LLM's first layer finds the one that the prompt asks for.
    any_spelling: bool = False
    first_layer_weight: float = 0.0
    #: How often a name that a hotword tells cannot be heard: then it can only be copied.
    drowned_share: float = 0.0


def loss_of(
    model: Any, talk: Talk, dice: random.Random, plan: Plan, recordings: list[Recording], sound: list[torch.Tensor]
) -> tuple[torch.Tensor, float]:
    """The loss and the share of answer tokens that were right."""
    lengths = torch.tensor([len(rows) for rows in sound])
    shown, _ = model.audio_adaptor(torch.nn.utils.rnn.pad_sequence(sound, batch_first=True), lengths)
    table = model.llm.get_input_embeddings()
    sequences, labels, weights, tasks, starts = [], [], [], [], []
    for item, recording in enumerate(recordings):
        asked = prompts.task(dice, recording)
        heard = shown[item, : lengths[item]]
        if asked.is_told and dice.random() < plan.drowned_share:
            heard = _drowned(dice, heard, recording, asked)
        before, answer = talk.before(asked), talk.answer(asked)
        given = torch.tensor([*before, *talk.after(), *_with_slips(dice, answer, table.num_embeddings)])
        text = table(given)
        sequences.append(torch.cat((text[: len(before)], heard, text[len(before) :])))
        labels.append(torch.tensor([_IGNORED] * (len(sequences[-1]) - len(answer)) + answer))
        weights += [plan.name_weight if named else 1.0 for named in (*asked.named, False)]
        tasks.append(asked)
        starts.append(len(before))
    inputs = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
    wanted = torch.nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=_IGNORED)[:, 1:]
    mask = (torch.arange(inputs.shape[1]) < torch.tensor([len(row) for row in sequences])[:, None]).long()
    passed = model.llm.model(
        inputs_embeds=inputs, attention_mask=mask, use_cache=False, output_hidden_states=plan.first_layer_weight > 0
    )
    states, scored = passed.last_hidden_state[:, :-1], wanted != _IGNORED
    logits, wanted = model.llm.lm_head(states[scored]), wanted[scored]
    onsets = [
        talk.onsets(item, prompts.any_spelling(dice, item) if plan.any_spelling else item.units, int(count))
        for item, count in zip(recordings, lengths, strict=True)
    ]
    onset_loss = functional.cross_entropy(
        (shown @ table.weight.T).flatten(0, 1),
        torch.nn.utils.rnn.pad_sequence(onsets, batch_first=True, padding_value=_IGNORED).flatten(),
    )
    loss = _weighted(logits, wanted, weights) + _ONSET_WEIGHT * onset_loss
    if plan.first_layer_weight:
        first = model.llm.model.norm(passed.hidden_states[1])
        loss = loss + plan.first_layer_weight * _first_layer_loss(
            model, talk, plan, first, recordings, tasks, starts, lengths.tolist()
        )
    return loss, float((logits.argmax(-1) == wanted).float().mean())


def _drowned(dice: random.Random, heard: torch.Tensor, recording: Recording, asked: prompts.Task) -> torch.Tensor:
    """The sound without the name; where several hotwords could be meant, without one unit of it."""
    places = list(asked.name_place)
    if len(asked.hotwords) > 1:
        places = [dice.choice(places)]
    spans = frames_of(recording.spans_ms, len(heard))
    kept = torch.ones(len(heard), 1)
    for place in places:
        kept[spans[place].start : spans[place].stop] = 0
    return heard * kept


def _first_layer_loss(
    model: Any,
    talk: Talk,
    plan: Plan,
    states: torch.Tensor,
    recordings: list[Recording],
    tasks: list[prompts.Task],
    starts: list[int],
    lengths: list[int],
) -> torch.Tensor:
    """At each unit's onset: the unit as the prompt spells it. The layers above then only copy."""
    rows, columns, wanted, weights = [], [], [], []
    for row, (recording, asked, start, length) in enumerate(zip(recordings, tasks, starts, lengths, strict=True)):
        if not asked.units:
            continue
        spans = frames_of(recording.spans_ms, length)
        wanted += talk.ids(asked.units)
        columns += [start + span.start for span in spans]
        rows += [row] * len(spans)
        weights += [plan.name_weight if place in asked.name_place else 1.0 for place in range(len(spans))]
    if not rows:
        return states.sum() * 0
    logits = model.llm.lm_head(states[rows, columns])
    return _weighted(logits, torch.tensor(wanted), weights)


def _weighted(logits: torch.Tensor, wanted: torch.Tensor, weights: list[float]) -> torch.Tensor:
    weight = torch.tensor(weights)
    return (functional.cross_entropy(logits, wanted, reduction="none") * weight).sum() / weight.sum()


def _with_slips(dice: random.Random, answer: list[int], vocabulary: int) -> list[int]:
    return [dice.randrange(vocabulary) if dice.random() < _SLIP_SHARE else token for token in answer]
