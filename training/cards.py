"""Model cards: what each folder holds, how it was made, and what it reached on the untouched test."""

import json
from pathlib import Path
from typing import Any

from training import sounds, voices

FOLDERS = ("demo-nano", "demo-sensevoice", "demo-vad")
_TITLES = {
    "demo-nano": "Demo Nano: FunASRNano with a tiny Qwen3",
    "demo-sensevoice": "Demo SenseVoice: a small SenseVoiceSmall",
    "demo-vad": "Demo VAD: a small FSMN VAD",
}
#: The preset under which a folder was measured.
_MEASURED = {"demo-nano": "demo", "demo-sensevoice": "demo-sensevoice", "demo-vad": "demo-vad"}
_EXPLAINED = (
    "{questions} utterances, {names} names, {sounds} sounds without speech of each kind. CER counts characters without "
    "spaces and marks unless it says so; WER counts English words. 15 dB is noise of any colour, 8 kHz a telephone "
    "band; all through speech detection as the program does it, unless “no detection”. Times are of the words of "
    "recordings heard rightly, against the synthesis' own."
)
_VAD_EXPLAINED = (
    "{talks} talks of some 20 s with pauses and noise from 5 dB, a third over a telephone, in frames of 10 ms."
)
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
        "## How it was made\n"
        + _made(folder, figures["asked"])
        + f" All three models together took {cpu:.0f} CPU minutes "
        f"({wall:.0f} minutes on the machine that made them, with other work beside).",
    ]
    explained = _VAD_EXPLAINED if folder == "demo-vad" else _EXPLAINED
    parts.append("## Reached on the untouched test\n" + _table(figures[_MEASURED[folder]]))
    parts.append(explained.format(**figures["asked"]))
    if folder == "demo-nano":
        parts.append("## Not reached\n" + _short_of(figures["demo"]))
    return "\n\n".join(parts) + "\n"


def _made(folder: str, asked: dict[str, float]) -> str:
    if folder == "demo-vad":
        return (
            "`make demo-models`, seeded: 360 talks of some 20 s with noise from 5 dB or none, a third over a "
            f"telephone; {len(voices.TRAIN)} voices taught, {len(voices.TEST)} others spoke the test. Nothing was "
            "chosen by a set."
        )
    return (
        f"`make demo-models`, seeded: {asked['recordings']:,} synthetic recordings ({asked['hours']:.0f} hours; two "
        f"thirds Chinese, one third English; {len(voices.TRAIN)} voices) with noise from 5 dB, rooms, telephone bands, "
        f"and sound without speech; peaks lie between {sounds.PEAKS_DB[0]} and {sounds.PEAKS_DB[1]} dB of full scale. "
        f"{len(voices.CHOOSE)} other voices chose the checkpoint, {len(voices.TEST)} more spoke the test below."
    )


def _short_of(figures: dict[str, dict[str, float]]) -> str:
    """What the figures show that should be better."""
    names, harm, times = figures["hotwords"], figures["harm"], figures["times"]
    found = [
        f"Hotwords that are not said do some harm: CER {figures['clean']['CER']:.1%} becomes {harm['CER']:.1%} with "
        f"four of them, and in {harm['inserted']:.1%} of the utterances one is written.",
        f"A name that nobody told is written in its usual way in {names['usual spelling, nothing told']:.0%}, beside "
        f"three hotwords that are not said in {names['usual spelling, others told']:.0%}; most of the others sound "
        "almost alike.",
        "Speech more quiet than what it was taught with is heard badly.",
    ]
    if times["words"]:
        found.append(
            f"Not every word time lies within 100 ms: {times['start within 100 ms']:.1%} of the starts do and "
            f"{times['end within 100 ms']:.1%} of the ends."
        )
    return "\n".join(f"- {sentence}" for sentence in found)


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
