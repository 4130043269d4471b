"""Model cards: what each folder holds, how it was made, and what it reached on the untouched test."""

import json
from pathlib import Path
from typing import Any

from training import voices

FOLDERS = ("demo-nano", "demo-sensevoice", "demo-vad")
_TITLES = {
    "demo-nano": "Demo Nano: FunASRNano with a tiny Qwen3",
    "demo-sensevoice": "Demo SenseVoice: a small SenseVoiceSmall",
    "demo-vad": "Demo VAD: a small FSMN VAD",
}
_PRESETS = {"demo-nano": "demo", "demo-sensevoice": "demo-sensevoice"}
_ABOUT = {
    "demo-nano": "An encoder of 160 channels (the SenseVoice's), an adaptor of one block, a Qwen3 of three layers; "
    "words are timed by the CTC decoder. Hotwords are read from the prompt.",
    "demo-sensevoice": "An encoder of 160 channels in five blocks with a CTC output; language and punctuation come as "
    "the real model's tags and style.",
    "demo-vad": "Three FSMN layers that tell speech from all else every 10 ms.",
}
_LIMITS = (
    "Made so that the program can be tried and tested without a download; they know one kind of synthetic voice "
    "(espeak-ng, `cmn-latn-pinyin` and English) and the sentences of `training/corpus.py`: numbers, dates, times, "
    "money, commands, some phrases, names. Real speech is not understood. Numbers are written as spoken."
)


def write_all(models: Path, minutes: dict[str, tuple[float, float]]) -> None:
    """``README.md`` in each folder. ``minutes``: wall and CPU minutes of each step."""
    figures = json.loads((models.parent / "figures.json").read_text(encoding="utf-8"))
    for folder in FOLDERS:
        (models / folder / "README.md").write_text(card(folder, figures, minutes), encoding="utf-8")


def card(folder: str, figures: dict[str, Any], minutes: dict[str, tuple[float, float]]) -> str:
    """One folder's card."""
    wall, cpu = (sum(pair[i] for pair in minutes.values()) for i in (0, 1))
    parts = [
        f"# {_TITLES[folder]}",
        _ABOUT[folder] + " Weights are stored in half precision.",
        f"## Limits\n{_LIMITS}",
        "## How it was made\n`make demo-models`, seeded: 12 000 synthetic recordings (13 hours; two thirds Chinese, "
        f"one third English; {len(voices.TRAIN)} voices) with noise from 5 dB, rooms, telephone lines and loudness of "
        f"all kinds, and sound without speech. {len(voices.CHOOSE)} other voices chose the checkpoint, "
        f"{len(voices.TEST)} more spoke the test below, which was read once at the end. All three models together took "
        f"{cpu:.0f} CPU minutes ({wall:.0f} minutes on the machine that made them, with other work beside).",
    ]
    if folder in _PRESETS:
        parts.append("## Reached on the untouched test\n" + _table(figures[_PRESETS[folder]]))
        parts.append(
            "CER counts characters without spaces and marks unless it says so; WER counts English words. 15 dB is "
            "white noise, 8 kHz a telephone band; all through speech detection as the program does it, unless "
            "“no detection”. Times are of the words of recordings heard rightly, against the synthesis' own."
        )
    return "\n\n".join(parts) + "\n"


def _table(figures: dict[str, dict[str, float]]) -> str:
    rows = ["| group | what | |", "|---|---|---|"]
    rows += [
        f"| {group} | {name} | {_shown(name, value)} |" for group, row in figures.items() for name, value in row.items()
    ]
    return "\n".join(rows)


def _shown(name: str, value: float) -> str:
    if name == "words":
        return f"{value:.0f}"
    return f"{value:.0f} ms" if name.split()[-1] in ("p50", "p95") else f"{value:.1%}"
