"""FunASRNano: the acoustic model's encoder, an adaptor, and a tiny Qwen3 that writes what it is shown.

The adaptor is taught to show each unit at its onset as that unit's own embedding. So the LLM need not discover what
the sound means: it learns to copy, and where names sound alike, to let the prompt decide.
"""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from torch.nn import functional

from training import datasets, folders, prompts, tokens
from training.batches import Features, batches, masked
from training.crew import Crew, descend, learning_rate
from training.datasets import Dataset
from training.features import frames_of, read_statistics
from training.recordings import Recording
from training.sentences import says

_BEFORE, _AFTER = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"
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


def encode_all(crew: Crew, work: Path, folder: Path, name: str) -> None:
    """Writes what the encoder makes of the set ``name``: ``(all frames, size)`` float16, a share by each worker."""
    model, dataset = load(folder), datasets.load(work, name)
    features = Features(dataset, *read_statistics(folder / "am.mvn"))
    size = model.audio_encoder.output_size()
    path = work / f"{name}.encoded.f16"
    if crew.leads:
        np.memmap(path, "<f2", "w+", shape=(int(dataset.offsets[-1]), size)).flush()
    crew.meet()
    encoded = np.memmap(path, "<f2", "r+", shape=(int(dataset.offsets[-1]), size))
    order = sorted(range(len(dataset.recordings)), key=dataset.frames)
    dice = np.random.default_rng(crew.rank)
    for places in [order[start : start + 24] for start in range(24 * crew.rank, len(order), 24 * crew.size)]:
        inputs, lengths = features.batch(places)
        # The encoder knows these recordings by heart: masks let it err as it will with new ones.
        if name == "train":
            inputs = masked(inputs, dice)
        with torch.no_grad():
            found, _ = model.encode(inputs, lengths)
        for place, row, length in zip(places, found, lengths, strict=True):
            start = int(dataset.offsets[place])
            encoded[start : start + int(length)] = row[: int(length)].half().numpy()
    encoded.flush()
    crew.meet()


def load(folder: Path) -> Any:
    """The model of a folder, in full precision, and nothing frozen."""
    model = folders.build_nano(folder)
    model.load_state_dict(torch.load(folder / "model.pt", map_location="cpu"))
    return model.requires_grad_(True).eval()


def read_tokenizer(folder: Path) -> Any:
    """The LLM's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder / "Qwen3-tiny")


def train(crew: Crew, work: Path, folder: Path, plan: Plan, name: str) -> None:
    """Teaches adaptor and LLM of ``folder``; keeps ``{name}.pt`` in ``work``: the best by the choose set."""
    model, tokenizer = load(folder), read_tokenizer(folder)
    talk, teaching = Talk(model, tokenizer), datasets.load(work, "train")
    encoded = open_encoded(work, "train", model)
    parts = [*model.audio_adaptor.parameters(), *model.llm.parameters()]
    optimiser = torch.optim.AdamW(parts, lr=plan.peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
    dice = random.Random(crew.rank)
    lengths = [teaching.frames(place) + 10 + len(item.units) for place, item in enumerate(teaching.recordings)]
    order = [
        place for place, item in enumerate(teaching.recordings) for _ in range(plan.name_copies if item.name else 1)
    ]
    feed = batches([lengths[place] for place in order], plan.budget, 2, crew.rank, crew.size)
    best, began, shown = 1e9, time.monotonic(), []
    for step in range(plan.steps):
        places = [order[which] for which in next(feed)]
        sound = [sound_of(teaching, encoded, place) for place in places]
        recordings = [teaching.recordings[place] for place in places]
        loss, right = _loss(model, talk, dice, plan, recordings, sound)
        descend(crew, optimiser, loss, learning_rate(step, plan.steps, plan.peak_rate), clip=1.0)
        shown.append((loss.item(), right))
        if crew.leads and (step + 1) % 50 == 0:
            mean, hit = np.mean(shown[-50:], axis=0)
            spent = time.monotonic() - began
            print(f"{name} {step + 1}/{plan.steps} loss {mean:.3f} tokens right {hit:.2%} {spent:.0f} s", flush=True)
        if crew.leads and ((step + 1) % plan.check_every == 0 or step + 1 == plan.steps):
            wrong, named = check(model, talk, tokenizer, work)
            print(f"{name} {step + 1}/{plan.steps} choose: {wrong:.2%} wrong, names {named:.2%} right", flush=True)
            # A name that its hotword did not bring counts as much as a wrong sentence of its length.
            if wrong + (1 - named) / 10 <= best:
                best = wrong + (1 - named) / 10
                torch.save(model.state_dict(), work / f"{name}.pt")


def open_encoded(work: Path, name: str, model: Any) -> np.ndarray:
    """What :func:`encode_all` wrote."""
    path = work / f"{name}.encoded.f16"
    return np.memmap(path, "<f2", "r").reshape(-1, model.audio_encoder.output_size())


def sound_of(dataset: Dataset, encoded: np.ndarray, place: int) -> torch.Tensor:
    """``(frames, size)`` float32."""
    rows = encoded[dataset.offsets[place] : dataset.offsets[place + 1]]
    return torch.from_numpy(np.array(rows, np.float32))


def _loss(
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
        loss = loss + plan.first_layer_weight * _first_layer_loss(model, talk, plan, first, recordings, tasks, starts)
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
) -> torch.Tensor:
    """At each unit's onset: the unit as the prompt spells it. The layers above then only copy."""
    rows, columns, wanted, weights = [], [], [], []
    for row, (recording, asked, start) in enumerate(zip(recordings, tasks, starts, strict=True)):
        if not asked.units:
            continue
        spans = frames_of(recording.spans_ms, states.shape[1])
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


@torch.no_grad()
def check(model: Any, talk: Talk, tokenizer: Any, work: Path) -> tuple[float, float]:
    """On the choose set: the share of wrong units without hotwords, and of names right by their hotword."""
    chosen = datasets.load(work, "choose")
    encoded = open_encoded(work, "choose", model)
    order = sorted(range(len(chosen.recordings)), key=chosen.frames)
    named = [place for place in order if (name := chosen.recordings[place].name) and name.others]
    plain = [prompts.Task((), None, True, chosen.recordings[place].units) for place in order]
    spelled = [
        prompts.Task((name.others[0],), None, True, prompts.spelled(chosen.recordings[place], name.others[0]))
        for place in named
        if (name := chosen.recordings[place].name)
    ]
    wrong = 0
    for asked, answer in zip(plain, _answers(model, talk, tokenizer, chosen, encoded, order, plain), strict=True):
        wrong += Levenshtein.distance(answer, tokens.llm_ids(tokenizer, asked.answer) if asked.answer else [])
    found = _answers(model, talk, tokenizer, chosen, encoded, named, spelled)
    hits = [says(tokenizer.decode(answer), asked.hotwords[0]) for asked, answer in zip(spelled, found, strict=True)]
    return wrong / sum(len(asked.answer) for asked in plain), float(np.mean(hits)) if hits else 1.0


def _answers(
    model: Any,
    talk: Talk,
    tokenizer: Any,
    dataset: Dataset,
    encoded: np.ndarray,
    places: list[int],
    asked: list[prompts.Task],
    together: int = 24,
) -> list[list[int]]:
    """Token ids of the greedy answers, without their ends."""
    made: list[list[int]] = []
    table = model.llm.get_input_embeddings()
    for start in range(0, len(places), together):
        rows = []
        for place, question in zip(places[start : start + together], asked[start : start + together], strict=True):
            sound = sound_of(dataset, encoded, place)
            shown, _ = model.audio_adaptor(sound[None], torch.tensor([len(sound)]))
            rows.append(
                torch.cat((table(torch.tensor(talk.before(question))), shown[0], table(torch.tensor(talk.after()))))
            )
        longest = max(map(len, rows))
        inputs = torch.stack([functional.pad(row, (0, 0, longest - len(row), 0)) for row in rows])
        mask = torch.stack([(torch.arange(longest) >= longest - len(row)).long() for row in rows])
        limit = longest // 2 + 4
        found = model.llm.generate(inputs_embeds=inputs, attention_mask=mask, max_new_tokens=limit, do_sample=False)
        ends = (tokenizer.eos_token_id, tokenizer.pad_token_id)
        made += [[int(token) for token in row if token not in ends] for row in found]
    return made
