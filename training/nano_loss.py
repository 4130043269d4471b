"""What the Nano's training counts as wrong: the answer, what the adaptor shows, what the first layer makes of it."""

import random
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from training import prompts
from training.chat import Chat
from training.features import frames_of
from training.guidance import guidance_loss, looks
from training.recordings import Recording, is_mark

#: Tokens of the answer so far that are replaced by others, so that one slip does not derail the rest.
_SLIP_SHARE = 0.04
#: How much a name weighs among the other units, and how often one that a hotword tells is taken out of the sound:
#: then it can only be copied.
_NAME_WEIGHT, _DROWNED_SHARE = 3.0, 0.3
_ONSET_WEIGHT, _FIRST_LAYER_WEIGHT, _GUIDANCE_WEIGHT = 0.3, 0.5, 0.3
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class _Item:
    """One recording, asked for in one way. ``spans``: the frames of each unit; ``start``: where the sound begins."""

    recording: Recording
    asked: prompts.Task
    spans: list[range]
    before: list[int]
    frames: int
    answer: list[int]
    after: list[int]

    @property
    def start(self) -> int:
        return len(self.before)

    @property
    def onsets(self) -> list[int]:
        """The place of each unit's first frame in the sequence."""
        return [self.start + span.start for span in self.spans]

    @property
    def first(self) -> int:
        """The place that predicts the first unit of the answer."""
        return self.start + self.frames + len(self.after) - 1


def loss_of(
    model: Any, chat: Chat, dice: random.Random, recordings: list[Recording], sound: list[torch.Tensor]
) -> tuple[torch.Tensor, float]:
    """The loss and the share of answer tokens that were right."""
    lengths = torch.tensor([len(rows) for rows in sound])
    shown, _ = model.audio_adaptor(torch.nn.utils.rnn.pad_sequence(sound, batch_first=True), lengths)
    items = [_item(chat, dice, recording, len(rows)) for recording, rows in zip(recordings, sound, strict=True)]
    sequences = [_sequence(model, dice, item, shown[place, : item.frames]) for place, item in enumerate(items)]
    mask = (torch.arange(max(map(len, sequences))) < torch.tensor([len(row) for row in sequences])[:, None]).long()
    passed = model.llm.model(
        inputs_embeds=torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True),
        attention_mask=mask,
        use_cache=False,
        output_hidden_states=True,
        output_attentions=True,
    )
    rows = torch.tensor([row for row, item in enumerate(items) for _ in item.answer])
    places = torch.tensor([item.first + place for item in items for place in range(len(item.answer))])
    wanted = torch.tensor([token for item in items for token in item.answer])
    logits = model.llm.lm_head(passed.last_hidden_state[rows, places])
    weights = [_NAME_WEIGHT if named else 1.0 for item in items for named in (*item.asked.named, False)]
    first = model.llm.model.norm(passed.hidden_states[1])
    loss = (
        _weighted(logits, wanted, weights)
        + _ONSET_WEIGHT * _onset_loss(model, chat, dice, items, shown)
        + _FIRST_LAYER_WEIGHT * _first_layer_loss(model, chat, items, first)
        + _GUIDANCE_WEIGHT * guidance_loss(passed.attentions, [_looks(chat, item) for item in items])
    )
    return loss, float((logits.argmax(-1) == wanted).float().mean())


def _item(chat: Chat, dice: random.Random, recording: Recording, frames: int) -> _Item:
    asked = prompts.task(dice, recording)
    spans = frames_of(recording.spans_ms, frames)
    return _Item(recording, asked, spans, chat.before(asked), frames, chat.answer(asked), chat.after())


def _sequence(model: Any, dice: random.Random, item: _Item, heard: torch.Tensor) -> torch.Tensor:
    """``(places, size)``: prompt, sound, and the answer so far, as the LLM gets them."""
    table = model.llm.get_input_embeddings()
    if item.asked.is_told and dice.random() < _DROWNED_SHARE:
        heard = _drowned(dice, heard, item)
    slipped = [dice.randrange(table.num_embeddings) if dice.random() < _SLIP_SHARE else t for t in item.answer]
    text = table(torch.tensor([*item.before, *item.after, *slipped]))
    return torch.cat((text[: item.start], heard, text[item.start :]))


def _drowned(dice: random.Random, heard: torch.Tensor, item: _Item) -> torch.Tensor:
    """The sound without the name; where several hotwords could be meant, without one unit of it."""
    places = list(item.asked.name_place)
    if len(item.asked.hotwords) > 1:
        places = [dice.choice(places)]
    kept = torch.ones(len(heard), 1)
    for place in places:
        kept[item.spans[place].start : item.spans[place].stop] = 0
    return heard * kept


def _looks(chat: Chat, item: _Item) -> dict[str, list[tuple[int, int]]]:
    asked, onsets = item.asked, item.onsets
    kept = [place for place, unit in enumerate(asked.units) if asked.itn or not is_mark(unit)]
    told = [(onsets[place], token) for place, token in zip(asked.name_place, chat.told(asked), strict=False)]
    return looks(onsets, item.start + item.frames - 1, kept, item.first, told)


def _onset_loss(model: Any, chat: Chat, dice: random.Random, items: list[_Item], shown: torch.Tensor) -> torch.Tensor:
    """At each unit's first frame the adaptor shows the unit, a name in any of its spellings, elsewhere nothing."""
    onsets = [
        chat.onsets(prompts.any_spelling(dice, item.recording), [span.start for span in item.spans], item.frames)
        for item in items
    ]
    wanted = torch.nn.utils.rnn.pad_sequence(onsets, batch_first=True, padding_value=_IGNORED)
    scores = shown @ model.llm.get_input_embeddings().weight.T
    return functional.cross_entropy(scores.flatten(0, 1), wanted.flatten())


def _first_layer_loss(model: Any, chat: Chat, items: list[_Item], states: torch.Tensor) -> torch.Tensor:
    """At each unit's onset: the unit as the prompt spells it. The layers above then only copy."""
    rows = [row for row, item in enumerate(items) for _ in item.spans]
    if not rows:
        return states.sum() * 0
    places = [place for item in items for place in item.onsets]
    wanted = torch.tensor([token for item in items if item.spans for token in chat.ids(item.asked.units)])
    weights = [
        _NAME_WEIGHT if place in item.asked.name_place else 1.0 for item in items for place in range(len(item.spans))
    ]
    return _weighted(model.llm.lm_head(states[rows, places]), wanted, weights)


def _weighted(logits: torch.Tensor, wanted: torch.Tensor, weights: list[float]) -> torch.Tensor:
    weight = torch.tensor(weights)
    return (functional.cross_entropy(logits, wanted, reduction="none") * weight).sum() / weight.sum()
