import pytest

from domain.errors import InvalidOptions
from domain.options import RecognitionOptions
from domain.presets import PRESETS
from engine.families import Decoding, family_of
from engine.families.base import decoding_of
from engine.families.nano import LANGUAGE_WORDS


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.family == "nano"])
def test_nano_has_a_word_for_each_language_it_offers(name: str) -> None:
    for language in PRESETS[name].capabilities.languages:
        arguments = family_of(PRESETS[name]).arguments(Decoding(language, (), "written"))
        assert arguments.get("language") == LANGUAGE_WORDS.get(language)
        assert language == "auto" or arguments["language"]


def test_nano_takes_its_hotwords_as_a_list() -> None:
    decoding = Decoding("zh", ("空调", "北京"), "spoken")
    assert family_of(PRESETS["fun-asr-nano"]).arguments(decoding) == {
        "hotwords": ["空调", "北京"],
        "itn": False,
        "language": "中文",
        "max_length": 512,
    }


@pytest.mark.parametrize(
    ("name", "track", "itn"), [("fun-asr-nano", "written", True), ("fun-asr-nano", "spoken", False)]
)
def test_a_model_that_writes_is_asked_for_the_track(name: str, track: str, itn: bool) -> None:
    preset = PRESETS[name]
    assert family_of(preset).arguments(decoding_of(preset, RecognitionOptions(), track))["itn"] is itn


@pytest.mark.parametrize(("name", "key"), [("demo", "itn"), ("demo-sensevoice", "use_itn")])
def test_a_model_that_does_not_write_keeps_its_punctuation(name: str, key: str) -> None:
    decoding = decoding_of(PRESETS[name], RecognitionOptions(), "written")
    assert decoding.track == "spoken"
    assert family_of(PRESETS[name]).arguments(decoding)[key] is True


@pytest.mark.parametrize("words", [("http", "空调"), ("空调", "words.txt"), ("https", "x.txt")])
def test_seaco_gets_no_string_that_it_would_open_or_fetch(words: tuple[str, ...]) -> None:
    hotword = family_of(PRESETS["paraformer-zh"]).arguments(Decoding("zh", words, "spoken"))["hotword"]
    assert not hotword.startswith("http")
    assert not hotword.endswith(".txt")
    assert hotword.split() == list(words)


def test_seaco_without_hotwords_gets_none() -> None:
    assert family_of(PRESETS["paraformer-zh"]).arguments(Decoding("zh", (), "spoken")) == {}


def test_paraformers_answer() -> None:
    heard = family_of(PRESETS["paraformer-zh"]).heard(
        {"text": "打 开 wifi", "timestamp": [[10, 20], [20, 30], [40, 90]]}
    )
    assert heard.text == "打开wifi"
    assert [(word.text, word.start_ms, word.end_ms) for word in heard.words] == [
        ("打", 10, 20),
        ("开", 20, 30),
        ("wifi", 40, 90),
    ]


def test_sensevoices_tags_go_and_tell_the_language() -> None:
    heard = family_of(PRESETS["sensevoice-small"]).heard(
        {
            "text": "<|en|><|NEUTRAL|><|Speech|><|withitn|>hello world.",
            "timestamp": [[0, 30], [60, 120], [150, 180]],
            "words": ["▁hello", "world", "."],
        }
    )
    assert (heard.text, heard.language) == ("hello world.", "en")
    assert [word.text for word in heard.words] == ["hello", "world"]


def test_a_language_that_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidOptions) as caught:
        decoding_of(PRESETS["demo"], RecognitionOptions(language="ja"), "spoken")
    assert caught.value.details["field"] == "language"


def test_hotwords_reach_only_a_model_that_takes_them() -> None:
    options = RecognitionOptions(hotwords=("空调",))
    assert decoding_of(PRESETS["demo-sensevoice"], options, "spoken").hotwords == ()
    assert decoding_of(PRESETS["demo"], options, "spoken").hotwords == ("空调",)
