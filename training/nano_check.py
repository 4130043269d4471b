"""How well the Nano does on the choose set, with and without hotwords."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from torch.nn import functional

from training import datasets, prompts, tokens
from training.chat import Chat
from training.datasets import Dataset
from training.encoded import open_encoded, sound_of
from training.sentences import says


@torch.no_grad()
def check(model: Any, chat: Chat, tokenizer: Any, work: Path) -> tuple[float, float]:
    """On the choose set: the share of wrong units without hotwords, and of names right by their hotword."""
    chosen = datasets.load(work, "choose")
    encoded = open_encoded(work, "choose", model)
    order = sorted(range(len(chosen.recordings)), key=chosen.frames)
    pairs = [(place, other) for place in order if (name := chosen.recordings[place].name) for other in name.others]
    plain = [prompts.Task((), None, True, chosen.recordings[place].units) for place in order]
    spelled = [
        prompts.Task((other,), None, True, prompts.spelled(chosen.recordings[place], other)) for place, other in pairs
    ]
    wrong = 0
    for asked, answer in zip(plain, _answers(model, chat, tokenizer, chosen, encoded, order, plain), strict=True):
        wrong += Levenshtein.distance(answer, tokens.llm_ids(tokenizer, asked.answer) if asked.answer else [])
    found = _answers(model, chat, tokenizer, chosen, encoded, [place for place, _ in pairs], spelled)
    hits = [says(tokenizer.decode(answer), asked.hotwords[0]) for asked, answer in zip(spelled, found, strict=True)]
    return wrong / sum(len(asked.answer) for asked in plain), float(np.mean(hits)) if hits else 1.0


def _answers(
    model: Any,
    chat: Chat,
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
                torch.cat((table(torch.tensor(chat.before(question))), shown[0], table(torch.tensor(chat.after()))))
            )
        longest = max(map(len, rows))
        inputs = torch.stack([functional.pad(row, (0, 0, longest - len(row), 0)) for row in rows])
        mask = torch.stack([(torch.arange(longest) >= longest - len(row)).long() for row in rows])
        limit = longest // 2 + 4
        found = model.llm.generate(inputs_embeds=inputs, attention_mask=mask, max_new_tokens=limit, do_sample=False)
        ends = (tokenizer.eos_token_id, tokenizer.pad_token_id)
        made += [[int(token) for token in row if token not in ends] for row in found]
    return made
