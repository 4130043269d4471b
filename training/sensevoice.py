"""The acoustic model: SenseVoiceSmall's encoder, taught which character is spoken in each frame.

Every second batch goes in as SenseVoice gets it, with the four queries in front (language, event, emotion, style),
the others as FunASRNano gives them to the same encoder, without. The known times of the synthetic speech teach
the frames (which converges fast and makes the times right), the CTC loss teaches what the whole must read.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from torch import nn
from torch.nn import functional

from training import datasets, folders, tokens
from training.batches import Features, batches, masked
from training.crew import Crew, descend, learning_rate
from training.features import frames_of, read_statistics
from training.recordings import Recording, is_mark

BLANK = 0
#: SenseVoice's numbers for what it is asked.
_LANGUAGE_QUERY, _ANY_LANGUAGE = {"zh": 3, "en": 4, "": 0}, 0
_STYLE_QUERY = {True: 14, False: 15}
_EVENT_AND_EMOTION = (1, 2)
QUERIES = 4
_LAST_FRAME_WEIGHT, _FRAME_WEIGHT_FALL = 0.15, 1.2


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast. ``budget``: frames in a worker's batch."""

    steps: int
    peak_rate: float = 2e-3
    budget: int = 1_800
    check_every: int = 400


@dataclass(frozen=True, slots=True)
class Target:
    """What one recording should give: ids in order, and an id (or blank) for each frame."""

    ids: list[int]
    frames: np.ndarray
    onsets: np.ndarray


class Acoustic(nn.Module):
    """SenseVoiceSmall and a head that names each unit at its first frame only, for FunASRNano's sake."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.model = folders.build_sensevoice(pieces)
        self.onset = nn.Linear(self.model.encoder.output_size(), pieces)

    def encode(
        self, features: torch.Tensor, lengths: torch.Tensor, queries: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``(items, frames, size)`` of the frames and ``(items, 4, size)`` of the queries (or nothing)."""
        count = 0 if queries is None else QUERIES
        if queries is not None:
            features = torch.cat((self.model.embed(queries), features), 1)
        encoded, _ = self.model.encoder(features.clone(), lengths + count)
        return encoded[:, count:], encoded[:, :count]


def target(pieces: Any, recording: Recording, frames: int, marks: bool) -> Target:
    """Ids and frame labels; two equal units next to each other keep a blank between them."""
    kept = [place for place, unit in enumerate(recording.units) if marks or not is_mark(unit)]
    all_ids = tokens.piece_ids(pieces, recording.units)
    ids = [all_ids[place] for place in kept]
    labels, onsets = np.zeros(frames, np.int64), np.zeros(frames, np.int64)
    spans = frames_of(tuple(recording.spans_ms[place] for place in kept), frames) if kept else []
    for place, (which, span) in enumerate(zip(ids, spans, strict=True)):
        labels[span.start : span.stop] = which
        onsets[span.start] = which
        if place + 1 < len(ids) and ids[place + 1] == which and len(span) > 1:
            labels[span.stop - 1] = BLANK
    return Target(ids, labels, onsets)


def queries_for(recordings: list[Recording], marks: list[bool], dice: np.random.Generator) -> torch.Tensor:
    """``(items, 4)``: half the time the language is told."""
    return torch.tensor(
        [
            [
                _LANGUAGE_QUERY[recording.language] if dice.random() < 0.5 else _ANY_LANGUAGE,
                *_EVENT_AND_EMOTION,
                _STYLE_QUERY[style],
            ]
            for recording, style in zip(recordings, marks, strict=True)
        ]
    )


def tags_for(pieces: Any, recordings: list[Recording], marks: list[bool]) -> torch.Tensor:
    """``(items, 4)``: language, emotion, event and style as the model should name them."""
    names = [
        (
            tokens.LANGUAGE_TAGS[recording.language],
            "<|NEUTRAL|>" if recording.units else "<|EMO_UNKNOWN|>",
            "<|Speech|>" if recording.units else "<|Event_UNK|>",
            "<|withitn|>" if style else "<|woitn|>",
        )
        for recording, style in zip(recordings, marks, strict=True)
    ]
    return torch.tensor([[pieces.PieceToId(name) for name in row] for row in names])


def train(crew: Crew, work: Path, folder: Path, plan: Plan) -> None:
    """Trains from ``work``'s sets for ``folder``'s tokenizer; keeps ``acoustic.pt`` in ``work``: the best by choose."""
    pieces = tokens.read_sentencepiece(folder / "bpe.model")
    mean, deviation = read_statistics(folder / "am.mvn")
    teaching = datasets.load(work, "train")
    features = Features(teaching, mean, deviation)
    torch.manual_seed(1)
    model = Acoustic(pieces.GetPieceSize())
    optimiser = torch.optim.AdamW(model.parameters(), lr=plan.peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
    dice = np.random.default_rng(crew.rank)
    lengths = [teaching.frames(place) for place in range(len(teaching.recordings))]
    feed = batches(lengths, plan.budget, 1, crew.rank, crew.size)
    best, began, shown = 1e9, time.monotonic(), []
    for step in range(plan.steps):
        places = next(feed)
        recordings = [teaching.recordings[place] for place in places]
        inputs, counts = features.batch(places)
        asked = (step + crew.rank) % 2 == 0
        loss = _loss(
            model, pieces, masked(inputs, dice), counts, recordings, asked, _frame_weight(step, plan.steps), dice
        )
        descend(crew, optimiser, loss, learning_rate(step, plan.steps, plan.peak_rate))
        shown.append(loss.item())
        if crew.leads and (step + 1) % 50 == 0:
            print(f"acoustic {step + 1}/{plan.steps} loss {np.mean(shown[-50:]):.3f} {time.monotonic() - began:.0f} s")
        if crew.leads and ((step + 1) % plan.check_every == 0 or step + 1 == plan.steps):
            wrong = error_rate(model, pieces, work, mean, deviation)
            print(f"acoustic {step + 1}/{plan.steps} choose: {wrong:.2%} of units wrong", flush=True)
            if wrong <= best:
                best = wrong
                torch.save(model.state_dict(), work / "acoustic.pt")


def _frame_weight(step: int, steps: int) -> float:
    """From 1 down: frames teach fast, but a model that names every frame stutters within long words."""
    return max(_LAST_FRAME_WEIGHT, 1 - _FRAME_WEIGHT_FALL * step / steps)


def _loss(
    model: Acoustic,
    pieces: Any,
    inputs: torch.Tensor,
    counts: torch.Tensor,
    recordings: list[Recording],
    asked: bool,
    frame_weight: float,
    dice: np.random.Generator,
) -> torch.Tensor:
    marks = [bool(dice.random() < 0.5) if asked else True for _ in recordings]
    goals = [
        target(pieces, recording, int(count), style)
        for recording, count, style in zip(recordings, counts, marks, strict=True)
    ]
    queries = queries_for(recordings, marks, dice) if asked else None
    encoded, heads = model.encode(inputs, counts, queries)
    logits = model.model.ctc.ctc_lo(encoded)
    loss = frame_weight * _frame_loss(logits, [goal.frames for goal in goals])
    loss = loss + _ctc_loss(logits, counts, [goal.ids for goal in goals])
    if not asked:
        return loss + _frame_loss(model.onset(encoded), [goal.onsets for goal in goals])
    tags = tags_for(pieces, recordings, marks)
    return loss + functional.cross_entropy(model.model.ctc.ctc_lo(heads).flatten(0, 1), tags.flatten())


def _frame_loss(logits: torch.Tensor, labels: list[np.ndarray]) -> torch.Tensor:
    padded = torch.nn.utils.rnn.pad_sequence(
        [torch.from_numpy(row) for row in labels], batch_first=True, padding_value=-100
    )
    return functional.cross_entropy(logits.flatten(0, 1), padded.flatten())


def _ctc_loss(logits: torch.Tensor, counts: torch.Tensor, ids: list[list[int]]) -> torch.Tensor:
    """Per unit; what does not fit into its frames is left out."""
    total = functional.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1),
        torch.tensor([which for row in ids for which in row], dtype=torch.long),
        counts,
        torch.tensor([len(row) for row in ids]),
        BLANK,
        reduction="sum",
        zero_infinity=True,
    )
    return total / max(1, sum(map(len, ids)))


@torch.no_grad()
def error_rate(model: Acoustic, pieces: Any, work: Path, mean: np.ndarray, deviation: np.ndarray) -> float:
    """Share of wrong units on the choose set, marks included, in both ways of asking."""
    chosen = datasets.load(work, "choose")
    features = Features(chosen, mean, deviation)
    lengths = [chosen.frames(place) for place in range(len(chosen.recordings))]
    wrong = count = 0
    model.eval()
    dice = np.random.default_rng(0)
    for asked in (True, False):
        for places in _once(lengths):
            recordings = [chosen.recordings[place] for place in places]
            inputs, frames = features.batch(places)
            queries = queries_for(recordings, [True] * len(places), dice) if asked else None
            best = model.model.ctc.ctc_lo(model.encode(inputs, frames, queries)[0]).argmax(-1)
            for row, length, recording in zip(best, frames, recordings, strict=True):
                heard = [int(i) for i in torch.unique_consecutive(row[:length]) if i != BLANK]
                meant = tokens.piece_ids(pieces, recording.units)
                wrong += Levenshtein.distance(heard, meant)
                count += len(meant)
    model.train()
    return wrong / count


def _once(lengths: list[int], budget: int = 6_000) -> list[list[int]]:
    feed, made, seen = batches(lengths, budget, 0), [], 0
    while seen < len(lengths):
        made.append(next(feed))
        seen += len(made[-1])
    return made
