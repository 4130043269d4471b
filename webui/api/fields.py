"""Loosely typed input (form fields, query strings, JSON) as what it means."""

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request

from domain.errors import InvalidOptions
from domain.options import RecognitionOptions

OPTION_FIELDS = (
    "language",
    "hotwords",
    "itn",
    "vad",
    "max_segment_ms",
    "end_silence_ms",
    "speakers",
    "channels",
    "model",
)

#: What OpenAI's answers call the languages.
_ENGLISH_NAMES = {"zh": "chinese", "en": "english", "ja": "japanese", "ko": "korean", "yue": "cantonese"}
#: What callers of the old WebUI and of other programs write instead of a code.
_LANGUAGE_CODES = {
    "自动": "auto",
    "自动检测": "auto",
    "中文": "zh",
    "普通话": "zh",
    "英文": "en",
    "英语": "en",
    "日文": "ja",
    "日语": "ja",
    "韩文": "ko",
    "韩语": "ko",
    "粤语": "yue",
    "mandarin": "zh",
    **{name: code for code, name in _ENGLISH_NAMES.items()},
}
#: Names that callers write for a field of ours.
_ALIASES = {"hotword": "hotwords"}
_YES = ("true", "1", "yes", "on")
_NO = ("false", "0", "no", "off")


class Fields:
    """Named values, each possibly repeated. Values are text, or JSON's own types."""

    def __init__(self, pairs: Iterable[tuple[str, Any]] = ()) -> None:
        self._values: dict[str, list[Any]] = {}
        for name, value in pairs:
            self.add(name, value)

    def add(self, name: str, value: Any) -> None:
        """One more value under this name."""
        self._values.setdefault(_ALIASES.get(name, name), []).append(value)

    def add_missing(self, pairs: Iterable[tuple[str, Any]]) -> None:
        """Adds what was not given yet: what stands already goes first."""
        for name, values in Fields(pairs)._values.items():
            self._values.setdefault(name, values)

    def names(self) -> set[str]:
        """The names that were given."""
        return set(self._values)

    def all(self, name: str) -> list[Any]:
        """Every value under this name."""
        return list(self._values.get(name, ()))

    def one(self, name: str) -> Any | None:
        """The last value; an empty one counts as not given."""
        values = self._values.get(name)
        return values[-1] if values and values[-1] != "" else None

    def text(self, name: str, default: str = "") -> str:
        """The value as text. Raises :class:`InvalidOptions`."""
        value = self.one(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise InvalidOptions(f"{name} must be text", field=name, reason="not_text")
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """One of the allowed values. Raises :class:`InvalidOptions`."""
        value = self.text(name, default).strip().lower()
        if value not in allowed:
            raise InvalidOptions(
                f"{name} is {value[:40]!r}; {', '.join(allowed)} are possible",
                field=name,
                reason="not_supported",
                got=value[:40],
                allowed=list(allowed),
            )
        return value

    def flag(self, name: str) -> bool | None:
        """Yes, no, or not given. Raises :class:`InvalidOptions`."""
        value = self.one(name)
        if value is None or isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in _YES or word in _NO:
            return word in _YES
        raise InvalidOptions(f"{name} is {word[:40]!r}; true or false is expected", field=name, reason="not_a_flag")

    def number(self, name: str) -> float | None:
        """A number, or not given. Raises :class:`InvalidOptions`."""
        value = self.one(name)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if isinstance(value, bool) or not abs(number) < 1e9:
            raise InvalidOptions(f"{name} is not a number: {str(value)[:40]!r}", field=name, reason="not_a_number")
        return number

    def only(self, *allowed: str) -> None:
        """Raises :class:`InvalidOptions` naming the first field that is not known: a misspelt one must not be lost."""
        for name in sorted(self.names() - set(allowed)):
            raise InvalidOptions(
                f"there is no field {name[:40]!r}; {', '.join(allowed)} are known", field=name[:40], reason="unknown"
            )


def options_from(fields: Fields, base: RecognitionOptions | None = None) -> RecognitionOptions:
    """The options that are given, over ``base`` (default: the defaults). Raises :class:`InvalidOptions`."""
    base = base or RecognitionOptions()
    language, itn, vad = fields.one("language"), fields.flag("itn"), fields.flag("vad")
    longest, silence = fields.number("max_segment_ms"), fields.number("end_silence_ms")
    speakers = fields.number("speakers")
    return RecognitionOptions.of(
        language=base.language if language is None else language_code(fields.text("language")),
        hotwords=hotwords_of(fields.all("hotwords")) if "hotwords" in fields.names() else base.hotwords,
        itn=base.itn if itn is None else itn,
        vad=base.vad.enabled if vad is None else vad,
        max_segment_ms=base.vad.max_segment_ms if longest is None else longest,
        end_silence_ms=base.vad.end_silence_ms if silence is None else silence,
        speakers=base.speakers if speakers is None else speakers,
        channels=fields.text("channels") or base.channels,
        model=fields.text("model") if "model" in fields.names() else base.model,
    )


def hotwords_of(values: Iterable[Any]) -> str:
    """Hotwords given as text, as a list, or several times: one text, a word a line."""
    lines: list[str] = []
    for value in values:
        parts = value if isinstance(value, (list, tuple)) else [value]
        for part in parts:
            if part is None:
                continue
            if not isinstance(part, str):
                raise InvalidOptions("hotwords must be text", field="hotwords", reason="not_text")
            lines.append(part)
    return "\n".join(lines)


def language_code(name: str) -> str:
    """``中文`` and ``chinese`` as ``zh``; what is no known name stays as it is."""
    return _LANGUAGE_CODES.get(name.strip().lower(), name)


def language_name(code: str | None) -> str | None:
    """``zh`` as ``chinese``; a code without a name here stays as it is."""
    return _ENGLISH_NAMES.get(code, code) if code else None


def query_fields(request: Request) -> Fields:
    """The fields of a query string."""
    return Fields(request.query_params.multi_items())
