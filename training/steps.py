"""The steps of ``make demo-models``, each from files to files."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training import crew, datasets, evaluate, folders, nano, sensevoice, tokens, vad
from training.encoded import encode_all
from training.features import FRAME_MS, write_statistics
from training.first_nano import write_first_nano

#: Every so-manieth frame counts for the mean and deviation.
_STATISTICS_STRIDE = 11


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    teaching: int
    choosing: int
    acoustic: sensevoice.Plan
    nano: nano.Plan
    #: Of the untouched test: utterances, names, sounds without speech of each kind, talks for the speech detector.
    questions: int
    name_questions: int
    sounds: int
    talks: int


FULL = Size(
    teaching=12_000,
    choosing=400,
    acoustic=sensevoice.Plan(2_400, check_every=480),
    nano=nano.Plan(2_600, check_every=520),
    questions=240,
    name_questions=100,
    sounds=50,
    talks=40,
)
SMALL = Size(
    teaching=300,
    choosing=40,
    acoustic=sensevoice.Plan(10, check_every=10),
    nano=nano.Plan(10, check_every=10),
    questions=4,
    name_questions=4,
    sounds=2,
    talks=2,
)


def make_sets(work: Path, size: Size, processes: int) -> None:
    """The recordings that teach and those that choose."""
    datasets.make(work, "choose", size.choosing, 2, processes)
    datasets.make(work, "train", size.teaching, 1, processes)


def make_sensevoice(work: Path, size: Size, processes: int) -> None:
    """The acoustic model, as SenseVoiceSmall's folder."""
    folder = work / "models" / "demo-sensevoice"
    folders.write_sensevoice_configuration(folder)
    tokens.write_sentencepiece(folder / "bpe.model")
    sample = datasets.load(work, "train").features[::_STATISTICS_STRIDE].astype(np.float32)
    write_statistics(folder / "am.mvn", sample.mean(0), sample.std(0) + 1e-3)
    pieces = tokens.read_sentencepiece(folder / "bpe.model").GetPieceSize()
    count = sum(part.numel() for part in sensevoice.Acoustic(pieces).parameters())
    crew.run(sensevoice.train, processes, count, work, folder, size.acoustic)
    state = torch.load(work / "acoustic.pt")
    prefix = "model."
    folders.write_weights(folder, {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})


def make_nano(work: Path, size: Size, processes: int) -> None:
    """The Nano's folder, from the acoustic model's encoder."""
    source, folder = work / "models" / "demo-sensevoice", work / "models" / "demo-nano"
    (folder / folders.LLM_FOLDER).mkdir(parents=True, exist_ok=True)
    for name in ("bpe.model", "am.mvn"):
        shutil.copy(source / name, folder / name)
    pieces = tokens.read_sentencepiece(folder / "bpe.model").GetPieceSize()
    folders.write_nano_configuration(folder, pieces, tokens.write_llm_tokenizer(folder / folders.LLM_FOLDER))
    acoustic = torch.load(work / "acoustic.pt")
    write_first_nano(folder, acoustic)
    for name in ("choose", "train"):
        crew.run(encode_all, processes, 1, work, folder, name)
    count = sum(part.numel() for part in folders.load_nano(folder).parameters())
    crew.run(nano.train, processes, count, work, folder, size.nano)
    folders.write_weights(folder, torch.load(work / "nano.pt"))


def make_vad(work: Path) -> None:
    """The speech detector's folder."""
    vad.train(work / "models" / "demo-vad")


def run_test(work: Path, size: Size) -> None:
    """Reads the untouched test; keeps the figures of each model in ``figures.json``."""
    found: dict[str, Any] = {
        name: evaluate.measure(work / "models", name, size.questions, size.name_questions, size.sounds)
        for name in ("demo", "demo-sensevoice")
    }
    teaching = datasets.load(work, "train")
    found["asked"] = {
        "recordings": size.teaching,
        "hours": float(teaching.offsets[-1]) * FRAME_MS / 3_600_000,
        "questions": size.questions,
        "names": size.name_questions,
        "sounds": size.sounds,
        "talks": size.talks,
    }
    found["demo-vad"] = vad.measure(work / "models" / "demo-vad", size.talks)
    (work / "figures.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(json.dumps(found, indent=1), flush=True)
