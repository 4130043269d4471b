"""What the finished models hear of the untouched test, through the engine that the program itself uses."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from domain.options import VadOptions
from domain.presets import PRESETS
from domain.words import Word
from engine.decoder import Decoder
from engine.families import Decoding, family_of
from engine.loading import load_models
from engine.local_models import LocalModel
from engine.samples import stretch
from engine.speech_detection import SpeechDetector
from training import exam, prompts
from training.exam import Line, Question
from training.names import is_held_out
from training.recordings import is_mark
from training.sentences import is_english, says

_NEAR_MS = 100
_NO_SPEECH_SECONDS = (0.1, 0.5, 3.0)


class Listener:
    """A model folder as a node runs it."""

    def __init__(self, models: Path, preset: str) -> None:
        known = PRESETS[preset]
        local = LocalModel(known, models / (known.folder or known.name), models / "demo-vad")
        loaded = load_models(local, "cpu")
        self._decoder = Decoder(loaded, family_of(known))
        self._detector = SpeechDetector(loaded.vad)
        self.takes_hotwords = known.capabilities.hotwords

    def hear(self, samples: np.ndarray, hotwords: Iterable[str] = (), detect: bool = True) -> tuple[str, list[Word]]:
        """Text and timed words of ``(samples,)`` int16, with speech detection or whole."""
        decoding = Decoding("auto", tuple(hotwords), "spoken")
        texts, words = [], []
        for start, end in self._detector.detect(samples, VadOptions(enabled=detect)):
            heard = self._decoder.decode([stretch(samples, start, end)], decoding)[0]
            texts.append(heard.text)
            words += [Word(word.text, start + word.start_ms, start + word.end_ms) for word in heard.words]
        return " ".join(filter(None, texts)), words


@dataclass(frozen=True, slots=True)
class Errors:
    """Counts of wrong units and of all units."""

    wrong: int = 0
    all: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(self.wrong + other.wrong, self.all + other.all)

    @property
    def share(self) -> float:
        """Wrong units by all units."""
        return self.wrong / max(1, self.all)


def characters(text: str, marks: bool) -> str:
    """The text as character error rates count it: no spaces, one sort of comma, with or without the marks."""
    kept = "".join(char for char in text if not char.isspace() and (marks or not is_mark(char)))
    return kept.lower()


def char_errors(heard: str, meant: str, marks: bool = False) -> Errors:
    """Wrong characters."""
    a, b = characters(heard, marks), characters(meant, marks)
    return Errors(Levenshtein.distance(a, b), len(b))


def word_errors(heard: str, meant: str) -> Errors:
    """Wrong words of a language with spaces."""
    a, b = (["".join(c for c in word if not is_mark(c)).lower() for word in text.split()] for text in (heard, meant))
    return Errors(Levenshtein.distance(a, b), len(b))


def measure(models: Path, preset: str, count: int, name_count: int, sound_count: int) -> dict[str, dict[str, float]]:
    """All figures of one model: so many utterances, names, and sounds without speech of each kind."""
    listener = Listener(models, preset)
    questions = exam.sentences(count)
    found: dict[str, dict[str, float]] = {}
    for line in Line:
        heard = [listener.hear(question.sounds[line]) for question in questions]
        found[line.value] = accuracy(questions, [text for text, _ in heard])
        if line is Line.CLEAN:
            found["times"] = times(questions, [words for _, words in heard])
    whole = [listener.hear(question.sounds[Line.CLEAN], detect=False)[0] for question in questions]
    found["clean, no detection"] = accuracy(questions, whole)
    found["invented"] = _invented(listener, sound_count)
    if listener.takes_hotwords:
        found["hotwords"] = _names(listener, exam.names(name_count))
        found["harm"] = _harm(listener, questions)
    return found


def accuracy(questions: list[Question], texts: list[str]) -> dict[str, float]:
    """Error rates of what was heard, by language."""
    plain = {"zh": Errors(), "en": Errors()}
    marked, words = Errors(), Errors()
    for question, heard in zip(questions, texts, strict=True):
        language, meant = question.recording.language, question.recording.text()
        plain[language] += char_errors(heard, meant)
        marked += char_errors(heard, meant, marks=True)
        if language == "en":
            words += word_errors(heard, meant)
    return {
        "CER": (plain["zh"] + plain["en"]).share,
        "CER zh": plain["zh"].share,
        "CER en": plain["en"].share,
        "WER en": words.share,
        "CER with marks": marked.share,
    }


def times(questions: list[Question], heard: list[list[Word]]) -> dict[str, float]:
    """Of recordings heard rightly: how far words lie from where they were spoken, in ms."""
    off: dict[str, list[float]] = {"start": [], "end": []}
    for question, words in zip(questions, heard, strict=True):
        said = [
            (unit, span)
            for unit, span in zip(question.recording.units, question.recording.spans_ms, strict=True)
            if not is_mark(unit)
        ]
        if [word.text for word in words] == [unit for unit, _ in said]:
            for word, (_, (start, end)) in zip(words, said, strict=True):
                off["start"].append(abs(word.start_ms - start))
                off["end"].append(abs(word.end_ms - end))
    found = {"words": float(len(off["start"]))}
    for edge, distances in off.items():
        if distances:
            found[f"{edge} p50"], found[f"{edge} p95"] = (float(np.percentile(distances, p)) for p in (50, 95))
            found[f"{edge} within 100 ms"] = float(np.mean(np.array(distances) <= _NEAR_MS))
    return found


def _invented(listener: Listener, count: int) -> dict[str, float]:
    """Of sounds without speech, the share that gives a text. What is silent or too short never reaches the model."""
    found: dict[str, float] = {}
    silent = np.zeros(16_000, np.int16)
    for hotwords in ((), ("杭州", "John")) if listener.takes_hotwords else ((),):
        told = ", hotwords" if hotwords else ""
        found[f"20 ms, not handed to the model{told}"] = float(
            bool(listener.hear(exam.without_speech(1, 0.02)[0], hotwords, False)[0])
        )
        found[f"silence, not handed to the model{told}"] = float(bool(listener.hear(silent, hotwords, False)[0]))
        for seconds in _NO_SPEECH_SECONDS:
            for detect in (True, False):
                heard = [listener.hear(s, hotwords, detect)[0] for s in exam.without_speech(count, seconds)]
                way = "detection" if detect else "whole"
                found[f"{seconds} s, {way}{told}"] = float(np.mean([bool(text) for text in heard]))
    return found


def _names(listener: Listener, questions: list[Question]) -> dict[str, float]:
    """How often a name is written as its hotword says; apart, the names that no training prompt held."""
    dice = random.Random(5)
    hits: dict[str, list[bool]] = {}
    for question in questions:
        name = question.recording.name
        assert name
        sound, other = question.sounds[Line.CLEAN], dice.choice(name.others)
        distractors = prompts.others(dice, 3, name)
        group = "English" if is_english(name.usual) else "new to prompts" if is_held_out(name) else "Chinese"
        asked = {
            "usual spelling, told": ((name.usual,), name.usual),
            "other spelling, told": ((other,), other),
            "other spelling among four": ((*distractors[:2], other, distractors[2]), other),
            "usual spelling, nothing told": ((), name.usual),
            "usual spelling, others told": (tuple(distractors), name.usual),
        }
        for case, (hotwords, wanted) in asked.items():
            hit = says(listener.hear(sound, hotwords)[0], wanted)
            hits.setdefault(case, []).append(hit)
            if case == "other spelling, told":
                hits.setdefault(f"{case}: {group}", []).append(hit)
    return {case: float(np.mean(row)) for case, row in hits.items()}


def _harm(listener: Listener, questions: list[Question]) -> dict[str, float]:
    """The error rate with four hotwords that are not said, and how often one of them is written all the same."""
    dice = random.Random(6)
    errors, inserted = Errors(), 0
    for question in questions:
        meant, hotwords = question.recording.text(), prompts.others(dice, 4, question.recording.name)
        heard = listener.hear(question.sounds[Line.CLEAN], hotwords)[0]
        errors += char_errors(heard, meant)
        inserted += any(says(heard, word) and not says(meant, word) for word in hotwords)
    return {"CER": errors.share, "inserted": inserted / len(questions)}
