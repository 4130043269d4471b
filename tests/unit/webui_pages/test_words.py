"""The catalogue, the reader's language, and errors as sentences."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import pytest
from starlette.requests import Request

from domain.errors import (
    BAD_AUDIO_REASONS,
    AudioTooLong,
    BadAudio,
    InvalidOptions,
    SpeechError,
    UploadTooLarge,
    error_from_code,
)
from domain.node import Availability
from domain.options import Channels, RecognitionOptions
from domain.presets import PRESETS
from domain.recognition import CacheOutcome, Source, Stage, Status
from domain.transcript import Doubt
from services.exports import MANY_FORMATS
from services.model_download import Phase
from services.nodes import PoolState
from webui.api.fields import OPTION_FIELDS
from webui.components.banner import FAILURES
from webui.components.inputs import limits_text
from webui.components.result import WARNINGS, Shown
from webui.components.rows import DAMAGES
from webui.i18n import LANGUAGES, Catalogue, Words, language_of
from webui.sentences import sentence

ROOT = Path(__file__).resolve().parents[3]
CATALOGUE = Catalogue()
#: How the program is built inside is nobody's business on a page.
NEVER_SHOWN = re.compile(r"\b(lease|ticket|fence|board|leader|flight)s?\b|租约|票据|栅栏|领导者|航班", re.IGNORECASE)


def request_with(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw})


def all_errors() -> list[type[SpeechError]]:
    found = [SpeechError]
    for kind in found:
        found.extend(kind.__subclasses__())
    return [kind for kind in found if kind.__module__ == "domain.errors"]


def test_both_languages_say_the_same_things() -> None:
    assert CATALOGUE.keys("zh") == CATALOGUE.keys("en")
    for key in CATALOGUE.keys("zh"):
        assert CATALOGUE.placeholders("zh", key) == CATALOGUE.placeholders("en", key), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty_or_speaks_of_the_inside(language: str) -> None:
    texts = json.loads((ROOT / "webui" / "locales" / f"{language}.json").read_text(encoding="utf-8"))
    assert [key for key, text in texts.items() if not text.strip() or NEVER_SHOWN.search(text)] == []


def test_english_counts_one_and_has_one_word_for_automatic() -> None:
    assert "texts (1: a.wav)?" in CATALOGUE.text("en", "history_confirm_many", count=1, names="a.wav")
    texts = CATALOGUE.some("en", CATALOGUE.keys("en"))
    assert [key for key, text in texts.items() if re.search(r"\bAuto\b", text)] == []


def test_the_field_of_hotwords_says_how_to_separate_them() -> None:
    assert "逗号" in CATALOGUE.text("zh", "hotwords_placeholder")
    assert "comma" in CATALOGUE.text("en", "hotwords_placeholder")


def code_of(*rooms: str) -> str:
    files = (path for room in rooms for path in (ROOT / room).rglob("*") if path.suffix in (".py", ".js"))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def made_keys() -> set[str]:
    """The keys that no page writes out: each is made of a word that the program has."""
    words: dict[str, Iterable[str]] = {
        "badge_{}": CacheOutcome,
        "badge_{}_title": CacheOutcome,
        "channels_{}": ("1", "2", *get_args(Channels)),
        "demo_{}": [phase for phase in get_args(Phase) if phase not in ("unavailable", "idle", "running")],
        "demo_failed_{}": FAILURES,
        "error_{}": [kind.code for kind in all_errors()],
        "error_{}_limit": [AudioTooLong.code, UploadTooLarge.code],
        "export_{}": MANY_FORMATS,
        "file_{}": DAMAGES,
        "field_{}": (*OPTION_FIELDS, "labels", "lines"),
        "language_{}": [code for preset in PRESETS.values() for code in preset.capabilities.languages],
        "node_{}": [*Availability, "drain", "resume"],
        "node_{}_title": ("drain", "resume"),
        "node_did_{}": ("add", "change", "drain", "resume", "remove", "promote"),
        "node_form_{}": ("add", "change", "test", "promote", "remove"),
        "node_said_{}": ("name", "weight", "slots", "backup", "fingerprint"),
        "nodes_{}": get_args(PoolState),
        "source_{}": Source,
        "stage_{}": Stage,
        "status_{}": Status,
        "suspect_{}": get_args(Doubt),
        "track_{}": get_args(Shown),
        "warning_{}": WARNINGS,
    }
    return {form.format(word) for form, all_words in words.items() for word in all_words}


def reasons_told() -> set[str]:
    """The keys for an error's reason, as far as the program gives that reason."""
    code = code_of("domain", "speech", "engine", "cluster", "storage", "services", "webui")
    reasons = set(re.findall(r'"([a-z_]+)"', code))
    told = {f"error_{kind.code}_{reason}" for kind in all_errors() for reason in reasons}
    return told | {f"{key}_command" for key in told}


def test_every_sentence_is_used() -> None:
    code, made = code_of("webui"), made_keys() | reasons_told()
    unused = [key for key in CATALOGUE.keys("en") if key not in made and not re.search(f"[\"']{key}[\"']", code)]
    assert unused == []


def test_every_state_that_a_page_names_has_its_word() -> None:
    wanted = [f"status_{status.value}" for status in Status]
    wanted += [f"badge_{outcome.value}" for outcome in CacheOutcome]
    wanted += [f"stage_{stage.value}" for stage in Stage]
    wanted += [f"language_{code}" for preset in PRESETS.values() for code in preset.capabilities.languages]
    wanted += [f"field_{field}" for field in (*OPTION_FIELDS, "labels", "lines")]
    assert [key for key in wanted if not CATALOGUE.has(key)] == []


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.code)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_has_its_own_sentence(kind: type[SpeechError], language) -> None:
    text = sentence(kind("inner words"), language, reference="0192-abc")
    assert CATALOGUE.has(f"error_{kind.code}")
    assert text.startswith(CATALOGUE.text(language, f"error_{kind.code}"))
    assert "0192-abc" in text and "inner words" not in text


def test_every_reason_for_refusing_a_file_has_its_own_sentence() -> None:
    texts = {sentence(BadAudio("x", reason=reason), "zh") for reason in BAD_AUDIO_REASONS}
    assert len(texts) == len(BAD_AUDIO_REASONS) and sentence(BadAudio("x"), "zh") not in texts


@pytest.mark.parametrize(
    "options",
    [
        {"hotwords": "https://example.com/a"},
        {"hotwords": "词" * 100},
        {"hotwords": [f"词{n}" for n in range(600)]},
        {"hotwords": [1]},
        {"max_segment_ms": 1},
        {"max_segment_ms": "abc"},
        {"language": "???"},
    ],
    ids=str,
)
def test_every_refused_option_says_which_and_why(options: dict) -> None:
    with pytest.raises(InvalidOptions) as refused:
        RecognitionOptions.of(**options)
    for language in LANGUAGES:
        plain = CATALOGUE.text(language, "error_invalid_options")
        assert sentence(refused.value, language) != plain


def test_limits_are_told_with_their_unit() -> None:
    assert "4 小时" in sentence(AudioTooLong("x", limit_seconds=14400), "zh")
    assert "{" not in sentence(AudioTooLong("x"), "zh")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.5, "0.1 秒"),
        (59.9, "59 秒"),
        (60, "1 分钟"),
        (100, "1 分 40 秒"),
        (3599.9, "59 分 59 秒"),
        (5_400, "1 小时 30 分"),
        (7_199, "1 小时 59 分"),
        (14_400, "4 小时"),
        (172_799, "47 小时 59 分"),
    ],
)
def test_a_limit_on_the_length_is_never_told_longer_than_it_is(seconds: float, told: str) -> None:
    assert limits_text(10**9, seconds, Words(CATALOGUE, "zh")).endswith(f"最长 {told}")
    assert told in sentence(AudioTooLong("x", limit_seconds=seconds), "zh")


@pytest.mark.parametrize(
    ("size_bytes", "told"),
    [
        (999, "999 B"),
        (999_999, "999 kB"),
        (1_000_000, "1 MB"),
        (1_073_741_824, "1 GB"),
        (2_390_000_000, "2.3 GB"),
        (2_300_000_000, "2.3 GB"),
        (9_990_000_000, "9.9 GB"),
        (10_600_000_000, "10 GB"),
    ],
)
def test_a_limit_on_the_size_is_never_told_larger_than_it_is(size_bytes: int, told: str) -> None:
    assert f"最大 {told} ·" in limits_text(size_bytes, 60, Words(CATALOGUE, "zh"))
    assert told in sentence(UploadTooLarge("x", limit_bytes=size_bytes), "zh")


def test_an_error_from_a_row_reads_like_the_error_itself() -> None:
    row_error = {"code": "bad_audio", "message": "inner", "details": {"reason": "empty"}}
    assert sentence(row_error, "en") == sentence(BadAudio(reason="empty"), "en")
    assert sentence({"code": "from_a_newer_version"}, "en") == sentence(error_from_code("internal_error"), "en")


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.5", "en"),
        ("fr;q=0.9,zh;q=0.8,en;q=0.2", "zh"),
        ("de", "en"),
        ("", "en"),
        ("zh;q=banana,en;q=0.1", "en"),
    ],
)
def test_the_browser_chooses_the_language(accept: str, language: str) -> None:
    assert language_of(request_with(accept_language=accept)) == language


def test_the_toggle_wins_over_the_setting_and_the_setting_over_the_browser() -> None:
    assert language_of(request_with(accept_language="en", cookie="asr_lang=zh"), "en") == "zh"
    assert language_of(request_with(accept_language="en"), "zh") == "zh"
    assert language_of(request_with(accept_language="en", cookie="asr_lang=xx")) == "en"


def test_words_are_escaped_where_they_become_html() -> None:
    words = Words(CATALOGUE, "en")
    assert words.html("history_select", filename='"><b>') == "Select &quot;&gt;&lt;b&gt;"
