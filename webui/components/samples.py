"""The samples that ship with the program (``samples/samples.json``)."""

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path

from webui.i18n import Catalogue, Language, bilingual

#: As many as fit in one line.
MAX_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording to try, with the options that show what it is for."""

    path: Path
    titles: dict[Language, str]
    #: One line on what it is for.
    hints: dict[Language, str]
    hotwords: str
    language: str


def read_samples(folder: Path) -> tuple[Sample, ...]:
    """The samples whose files are there; none where the folder is missing."""
    index = folder / "samples.json"
    if not index.is_file():
        return ()
    samples: list[Sample] = []
    for item in json.loads(index.read_text(encoding="utf-8")):
        path = folder / Path(item["file"]).name
        hotwords = item.get("hotwords") or ""
        words = hotwords if isinstance(hotwords, str) else ", ".join(hotwords)
        if path.is_file():
            titles: dict[Language, str] = {"zh": item["title_zh"], "en": item["title_en"]}
            hints: dict[Language, str] = {"zh": item.get("hint_zh", ""), "en": item.get("hint_en", "")}
            samples.append(Sample(path.resolve(), titles, hints, words, item.get("language") or "auto"))
    return tuple(samples[:MAX_SAMPLES])


def samples_view(samples: tuple[Sample, ...], catalogue: Catalogue) -> str:
    """A button each, with what it is for."""
    buttons = "".join(
        f'<button type="button" class="asr-button" data-event="sample" data-index="{index}">'
        f"<b>{_both(sample.titles)}</b><small>{_both(sample.hints)}</small></button>"
        for index, sample in enumerate(samples)
    )
    title = bilingual(catalogue, "samples_title")
    return f'<div class="asr-samples"><p>{title}</p><div>{buttons}</div></div>'


def _both(texts: dict[Language, str]) -> str:
    return "".join(f'<span class="only-{language}">{escape(text)}</span>' for language, text in texts.items())
