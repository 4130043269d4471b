"""Fun-ASR-Nano: an LLM reads the sound; language, hotwords and text style are words in its prompt."""

from typing import Any

from domain.presets import Preset
from engine.families.base import Decoding, Heard
from engine.families.word_times import words_of

#: The prompt's word for each language, from the model cards of Fun-ASR-Nano-2512 and Fun-ASR-MLT-Nano-2512.
LANGUAGE_WORDS = {
    "zh": "中文",
    "en": "英文",
    "yue": "粤语",
    "ja": "日文",
    "ko": "韩文",
    "vi": "越南语",
    "id": "印尼语",
    "th": "泰语",
    "ms": "马来语",
    "fil": "菲律宾语",
    "ar": "阿拉伯语",
    "hi": "印地语",
    "bg": "保加利亚语",
    "hr": "克罗地亚语",
    "cs": "捷克语",
    "da": "丹麦语",
    "nl": "荷兰语",
    "et": "爱沙尼亚语",
    "fi": "芬兰语",
    "el": "希腊语",
    "hu": "匈牙利语",
    "ga": "爱尔兰语",
    "lv": "拉脱维亚语",
    "lt": "立陶宛语",
    "mt": "马耳他语",
    "pl": "波兰语",
    "pt": "葡萄牙语",
    "ro": "罗马尼亚语",
    "sk": "斯洛伐克语",
    "sl": "斯洛文尼亚语",
    "sv": "瑞典语",
}


#: Tokens of one answer, FunASR's own limit: a minute of the fastest speech has fewer, only a loop reaches it.
TOKEN_LIMIT = 512


class Nano:
    """``FunASRNano``: word times come from its CTC decoder, where it has one."""

    def __init__(self, preset: Preset) -> None:
        self._writes = preset.capabilities.writes

    def arguments(self, decoding: Decoding) -> dict[str, Any]:
        """``hotwords`` must be a list (a string would be read by the character).

        ``itn=False`` also takes the punctuation away, so a model that cannot write digits anyway is always asked
        for the style that has it.
        """
        arguments: dict[str, Any] = {
            "hotwords": list(decoding.hotwords),
            "itn": decoding.track == "written" or not self._writes,
            "max_length": TOKEN_LIMIT,
        }
        if decoding.language != "auto":
            arguments["language"] = LANGUAGE_WORDS[decoding.language]
        return arguments

    def heard(self, answer: dict[str, Any]) -> Heard:
        """Times come in seconds, by token of the CTC tokenizer."""
        text = str(answer.get("text") or "").strip()
        pieces = [
            (str(item["token"]), round(item["start_time"] * 1000), round(item["end_time"] * 1000))
            for item in answer.get("timestamps") or ()
        ]
        return Heard(text, words_of(text, pieces))
