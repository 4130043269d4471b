"""The catalogue, the reader's language, and errors as sentences."""

import json
import re
from pathlib import Path

import pytest
from starlette.requests import Request

from domain.errors import BAD_AUDIO_REASONS, AudioTooLong, BadAudio, InvalidOptions, SpeechError, error_from_code
from domain.options import RecognitionOptions
from domain.presets import PRESETS
from domain.recognition import CacheOutcome, Stage, Status
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


def test_every_sentence_is_used() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "webui").rglob("*") if path.suffix in (".py", ".js")
    )
    made = re.compile(r"^(error|field|language|stage|status|badge|warning|node|nodes|demo|track|channels|source)_")
    unused = [key for key in CATALOGUE.keys("en") if not made.match(key) and not re.search(f"[\"']{key}[\"']", code)]
    assert unused == []


def test_every_state_that_a_page_names_has_its_word() -> None:
    wanted = [f"status_{status.value}" for status in Status]
    wanted += [f"badge_{outcome.value}" for outcome in CacheOutcome]
    wanted += [f"stage_{stage.value}" for stage in Stage]
    wanted += [f"language_{code}" for preset in PRESETS.values() for code in preset.capabilities.languages]
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
