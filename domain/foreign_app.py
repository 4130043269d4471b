"""A Gradio speech app that is no node of ours, and how it is used as one: which endpoint, what goes in, what comes out.

The text that it is asked for is one of three kinds (:attr:`ForeignApp.text_kind`): always spoken, always written, or
whichever its ITN switch says.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from domain.options import RecognitionOptions
from domain.presets import Capabilities
from domain.transcript import Track

#: A parameter of the endpoint: its name, or its place from 0.
Parameter = str | int
#: A value that the endpoint returns: its place from 0, or a key of the first object among them.
Output = str | int
HotwordsAs = Literal["lines", "spaces", "commas"]
TextKind = Literal["spoken", "written", "switched"]

SEPARATORS: dict[HotwordsAs, str] = {"lines": "\n", "spaces": " ", "commas": ","}


class StrangeAnswer(ValueError):
    """The app returned something in which the mapping finds no text."""


@dataclass(frozen=True, slots=True)
class ForeignApp:
    """The mapping. ``model``: the name under which requests and the cache know what this app makes of sound."""

    model: str
    endpoint: str
    audio: Parameter
    hotwords: Parameter | None = None
    language: Parameter | None = None
    itn: Parameter | None = None
    hotwords_as: HotwordsAs = "lines"
    #: Our code of a language to the app's word for it; empty: the app takes our codes.
    languages: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Where the text as spoken is, and where the text as written; at least one is there.
    text: Output | None = 0
    normalized: Output | None = None
    #: By parameter, what it always gets.
    constants: Mapping[str, Any] = field(default_factory=dict[str, Any])
    slots: int = 1

    @property
    def text_kind(self) -> TextKind:
        """An app that gives both texts always gives the spoken one; with one text, a switch decides what it is."""
        if self.text is not None and self.normalized is not None:
            return "spoken"
        if self.itn is not None:
            return "switched"
        return "spoken" if self.text is not None else "written"

    @property
    def capabilities(self) -> Capabilities:
        """What the page may offer. Such an app tells no times and no speakers."""
        languages = tuple(self.languages) if self.language is not None and self.languages else ("auto",)
        if "auto" not in languages:
            languages = ("auto", *languages)
        return Capabilities(languages, hotwords=self.hotwords is not None, writes=self.text_kind != "spoken")

    def track(self, wanted: Track) -> Track:
        """The track of the text that a request for ``wanted`` gets."""
        return wanted if self.text_kind == "switched" else self.text_kind

    def inputs(self, options: RecognitionOptions, wanted: Track) -> dict[Parameter, Any]:
        """What the endpoint is given besides the sound."""
        given: dict[Parameter, Any] = {**self.constants}
        if self.hotwords is not None:
            given[self.hotwords] = SEPARATORS[self.hotwords_as].join(options.hotwords)
        if self.language is not None and (word := self._language(options.language)) is not None:
            given[self.language] = word
        if self.itn is not None:
            given[self.itn] = wanted == "written" if self.text_kind == "switched" else options.itn
        return given

    @property
    def used(self) -> dict[str, Parameter]:
        """What it names of the endpoint's parameters, by where the mapping says it."""
        named = {"audio": self.audio, "hotwords": self.hotwords, "language": self.language, "itn": self.itn}
        used = {f"inputs.{key}": value for key, value in named.items() if value is not None}
        return {**used, **{f"constants.{name}": name for name in self.constants}}

    @property
    def source(self) -> Output:
        """Where the text that is taken is found."""
        place = self.normalized if self.text is None else self.text
        assert place is not None
        return place

    def text_of(self, answer: object) -> str:
        """The text in what the endpoint returned: one value, or a sequence of several. Raises :class:`StrangeAnswer`.

        ``None`` in its place is silence. What is said in any other shape is not taken for a transcript.
        """
        values = list(cast("list[object]", answer)) if isinstance(answer, (list, tuple)) else [answer]
        found = _found(values, self.source)
        if isinstance(found, dict):
            # Gradio's own way to say a value and more.
            update = cast("dict[str, Any]", found)
            found = update.get("value") if update.get("__type__") == "update" else update
        if found is None:
            return ""
        if not isinstance(found, str):
            raise StrangeAnswer(f"outputs {self.source!r} is {type(cast('object', found)).__name__}, not a text")
        return found.strip()

    def _language(self, code: str) -> str | None:
        return self.languages.get(code) if self.languages else code

    def digest(self) -> str:
        """Of all that decides what the app is asked and what is taken of its answer."""
        facts = [self.endpoint, self.used, self.hotwords_as, dict(self.languages), self.text, self.normalized]
        return digest([*facts, dict(self.constants)])


def digest(facts: object) -> str:
    """A short name for plain data."""
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _found(values: list[object], place: Output) -> object:
    if isinstance(place, int):
        if place >= len(values):
            raise StrangeAnswer(f"outputs {place} is not among the {len(values)} values that came")
        return values[place]
    data = next((cast("dict[str, Any]", value) for value in values if isinstance(value, dict)), None)
    if data is None or place not in data:
        raise StrangeAnswer(f"there is no {place!r} in what came")
    return data[place]
