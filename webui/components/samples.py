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
            samples.append(Sample(path.resolve(), titles, words, item.get("language") or "auto"))
    return tuple(samples[:MAX_SAMPLES])


def samples_view(samples: tuple[Sample, ...], catalogue: Catalogue) -> str:
    """A button each."""
    buttons = "".join(
        f'<button type="button" class="asr-button" data-event="sample" data-index="{index}">'
        f'<span class="only-zh">{escape(sample.titles["zh"])}</span>'
        f'<span class="only-en">{escape(sample.titles["en"])}</span></button>'
        for index, sample in enumerate(samples)
    )
    return f'<div class="asr-samples"><span>{bilingual(catalogue, "samples_title")}</span>{buttons}</div>'
