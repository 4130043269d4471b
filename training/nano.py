"""FunASRNano: the acoustic model's encoder, an adaptor, and a tiny Qwen3 that writes what it is shown.

The adaptor is taught to show each unit at its onset as that unit's own embedding. So the LLM need not discover what
the sound means: it learns to copy, and where names sound alike, to let the prompt decide.
"""

import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training import datasets, folders, tokens
from training.batches import batches
from training.chat import Chat
from training.crew import Crew, descend, learning_rate
from training.encoded import open_encoded, sound_of
from training.nano_check import check
from training.nano_loss import loss_of


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast. ``budget``: places in a worker's batch."""

    steps: int
    peak_rate: float = 1.5e-3
    budget: int = 2_000
    check_every: int = 600


#: How often a recording with a name comes for each time that another comes.
_NAME_COPIES = 3


def train(crew: Crew, work: Path, folder: Path, plan: Plan) -> None:
    """Teaches adaptor and LLM of ``folder``; keeps ``nano.pt`` in ``work``: the best by the choose set."""
    model, tokenizer = folders.load_nano(folder), tokens.read_llm_tokenizer(folder / folders.LLM_FOLDER)
    # The fast ways of computing attention do not tell where it looked.
    model.llm.set_attn_implementation("eager")
    chat, teaching = Chat(model, tokenizer), datasets.load(work, "train")
    encoded = open_encoded(work, "train", model)
    parts = [*model.audio_adaptor.parameters(), *model.llm.parameters()]
    optimiser = torch.optim.AdamW(parts, lr=plan.peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
    dice = random.Random(crew.rank)
    lengths = [teaching.frames(place) + 10 + len(item.units) for place, item in enumerate(teaching.recordings)]
    order = [place for place, item in enumerate(teaching.recordings) for _ in range(_NAME_COPIES if item.name else 1)]
    feed = batches([lengths[place] for place in order], plan.budget, 2, crew.rank, crew.size)
    best, began, shown = 1e9, time.monotonic(), []
    for step in range(plan.steps):
        places = [order[which] for which in next(feed)]
        sound = [sound_of(teaching, encoded, place) for place in places]
        recordings = [teaching.recordings[place] for place in places]
        loss, right = loss_of(model, chat, dice, recordings, sound)
        descend(crew, optimiser, loss, learning_rate(step, plan.steps, plan.peak_rate), clip=1.0)
        shown.append((loss.item(), right))
        if crew.leads and (step + 1) % 50 == 0:
            mean, hit = np.mean(shown[-50:], axis=0)
            spent = time.monotonic() - began
            print(f"nano {step + 1}/{plan.steps} loss {mean:.3f} tokens right {hit:.2%} {spent:.0f} s", flush=True)
        if crew.leads and ((step + 1) % plan.check_every == 0 or step + 1 == plan.steps):
            wrong, named = check(model, chat, tokenizer, work)
            print(f"nano {step + 1}/{plan.steps} choose: {wrong:.2%} wrong, names {named:.2%} right", flush=True)
            # A name that its hotword did not bring counts as much as a wrong sentence of its length.
            if wrong + (1 - named) / 10 <= best:
                best = wrong + (1 - named) / 10
                torch.save(model.state_dict(), work / "nano.pt")
