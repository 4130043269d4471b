"""The models that this program knows, and what each of them can do."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from domain.plain import as_object

Family = Literal["nano", "sensevoice", "paraformer"]
Times = Literal["none", "word", "character"]
Hub = Literal["ms", "hf"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the page may offer. ``writes``: the model makes written text (digits, symbols) by itself.

    ``speakers``: a speaker model goes with it, which tells people apart by their voices.
    """

    languages: tuple[str, ...] = ("auto",)
    hotwords: bool = False
    times: Times = "none"
    punctuates: bool = False
    writes: bool = False
    speakers: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain data, as a node reports it."""
        return {**asdict(self), "languages": list(self.languages)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Capabilities":
        """The inverse of :meth:`to_json`; fields that a newer node adds are ignored.

        Raises ``TypeError`` on garbage.
        """
        data = as_object(data)
        return cls(
            languages=tuple(data.get("languages") or ("auto",)),
            hotwords=bool(data.get("hotwords")),
            times=data.get("times", "none"),
            punctuates=bool(data.get("punctuates")),
            writes=bool(data.get("writes")),
            speakers=bool(data.get("speakers")),
        )


@dataclass(frozen=True, slots=True)
class Preset:
    """One model by name. ``hub_ids`` maps a hub to the model's id there; ``None`` means it ships with the program."""

    name: str
    title: str
    family: Family
    capabilities: Capabilities
    hub_ids: dict[Hub, str] | None
    #: The punctuation model that goes with it, by FunASR's name, where the model writes none itself.
    punctuation: str | None = None
    #: The speaker model that goes with it, by FunASR's name.
    speaker: str | None = None
    #: Size of the download in bytes, to be told before it starts (the hub's own listing replaces it).
    download_bytes: int = 0
    #: Folder below ``models/`` of a model that ships with the program.
    folder: str | None = None


_NANO_LANGUAGES = ("auto", "zh", "en", "ja")
_MLT_LANGUAGES = tuple(
    "auto zh en yue ja ko vi id th ms fil ar hi bg hr cs da nl et fi el hu ga lv lt mt pl pt ro sk sl sv".split()
)
_SENSEVOICE_LANGUAGES = ("auto", "zh", "en", "yue", "ja", "ko")
_CHINESE_AND_ENGLISH = ("auto", "zh", "en")
#: What every model of a family can do, whoever trained it.
_NANO = Capabilities(hotwords=True, times="word", punctuates=True, speakers=True)
_SENSEVOICE = Capabilities(times="character", punctuates=True, speakers=True)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "fun-asr-nano",
            "Fun-ASR-Nano-2512",
            "nano",
            replace(_NANO, languages=_NANO_LANGUAGES, writes=True),
            {"ms": "FunAudioLLM/Fun-ASR-Nano-2512", "hf": "FunAudioLLM/Fun-ASR-Nano-2512"},
            speaker="cam++",
            download_bytes=2_130_000_000,
        ),
        Preset(
            "fun-asr-mlt-nano",
            "Fun-ASR-MLT-Nano-2512",
            "nano",
            replace(_NANO, languages=_MLT_LANGUAGES, writes=True),
            {"ms": "FunAudioLLM/Fun-ASR-MLT-Nano-2512", "hf": "FunAudioLLM/Fun-ASR-MLT-Nano-2512"},
            speaker="cam++",
            download_bytes=2_130_000_000,
        ),
        Preset(
            "sensevoice-small",
            "SenseVoiceSmall",
            "sensevoice",
            replace(_SENSEVOICE, languages=_SENSEVOICE_LANGUAGES, writes=True),
            {"ms": "iic/SenseVoiceSmall", "hf": "FunAudioLLM/SenseVoiceSmall"},
            speaker="cam++",
            download_bytes=970_000_000,
        ),
        Preset(
            "paraformer-zh",
            "Paraformer-zh (SeACo)",
            "paraformer",
            Capabilities(_CHINESE_AND_ENGLISH, hotwords=True, times="character", punctuates=True, speakers=True),
            {
                "ms": "iic/speech_seaco_paraformer_large_asr_nat-zh-cn-16k-common-vocab8404-pytorch",
                "hf": "funasr/paraformer-zh",
            },
            punctuation="ct-punc",
            speaker="cam++",
            download_bytes=980_000_000,
        ),
        Preset(
            "demo",
            "演示模型 · Demo",
            "nano",
            replace(_NANO, languages=_CHINESE_AND_ENGLISH),
            None,
            speaker="demo-speakers",
            folder="demo-nano",
        ),
        Preset(
            "demo-sensevoice",
            "演示模型 · Demo SenseVoice",
            "sensevoice",
            replace(_SENSEVOICE, languages=_CHINESE_AND_ENGLISH),
            None,
            speaker="demo-speakers",
            folder="demo-sensevoice",
        ),
    )
}
#: The model that ``ASR_MODEL=auto`` takes where it has been downloaded.
RECOMMENDED = "fun-asr-nano"
#: The model that is always there.
FALLBACK = "demo"
