"""The line below a chosen file."""

import pytest

from domain.options import RecognitionOptions
from domain.recognition import AudioInfo
from tests.helpers.web_api import a_row
from webui.components.details import options_text
from webui.components.file_facts import facts_view, unreadable_view
from webui.i18n import Catalogue, Language, Words
from webui.sentences import sentence

CATALOGUE = Catalogue()


@pytest.mark.parametrize(
    ("language", "info", "text"),
    [
        ("zh", AudioInfo("wav", "pcm_alaw", 8000, 2, 754.2), "8 kHz · 立体声 · 12:34"),
        ("en", AudioInfo("wav", "pcm_alaw", 8000, 2, 754.2), "8 kHz · stereo · 12:34"),
        ("zh", AudioInfo("mp4", "aac", 44_100, 1, 3725.0), "44.1 kHz · 单声道 · 1:02:05"),
        ("en", AudioInfo("wav", "pcm_u8", 11_025, 6, 0.2), "11.025 kHz · 6 channels · 00:01"),
        ("en", AudioInfo("webm", "opus", 48_000, 1, 0.0), "48 kHz · mono"),
    ],
)
def test_rate_channels_length(language: Language, info: AudioInfo, text: str) -> None:
    assert facts_view(info, Words(CATALOGUE, language)) == f'<p class="asr-facts" role="status">{text}</p>'


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert facts_view(AudioInfo(), Words(CATALOGUE, "zh")) == ""


def test_the_reason_is_text_and_no_markup() -> None:
    assert "&lt;b&gt;" in unreadable_view("<b>")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_raw_samples_are_named_with_the_command_for_this_file(language: Language) -> None:
    error = {
        "code": "bad_audio",
        "details": {"reason": "headerless_pcm", "command": "ffmpeg -f mulaw -ar 8000 -ac 1 -i x.ul x.wav"},
    }
    text = sentence(error, language, catalogue=CATALOGUE)
    assert text.endswith("ffmpeg -f mulaw -ar 8000 -ac 1 -i x.ul x.wav") and "vox" in text


def test_the_details_say_how_two_channels_were_taken_and_nothing_of_mono() -> None:
    row = a_row(options=RecognitionOptions(channels="split"), audio=AudioInfo("wav", "pcm_alaw", 8000, 2, 60.0))
    assert options_text(row, Words(CATALOGUE, "zh")).endswith(" · 声道：分开")
    mono = row.with_changes(audio=AudioInfo("wav", "pcm_alaw", 8000, 1, 60.0))
    assert "声道" not in options_text(mono, Words(CATALOGUE, "zh"))
