"""The line below a chosen file."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from domain.errors import BadAudio, SpeechError, StorageUnavailable
from domain.options import RecognitionOptions
from domain.recognition import AudioInfo
from services import upload_digests
from services.upload_digests import UploadDigests
from speech.facts import FileFacts
from speech.identity import file_digest
from tests.helpers.web_api import a_row
from webui.components.details import options_text
from webui.components.file_facts import facts_view, unreadable_view
from webui.components.inputs import Upload
from webui.components.rows import history_rows
from webui.components.units import length_text
from webui.i18n import Catalogue, Language, Words
from webui.pages import chosen_file
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
    assert "&lt;b&gt;" in unreadable_view("<b>", is_hopeless=True)


def test_an_incomplete_file_says_so_before_it_is_sent() -> None:
    info = AudioInfo("wav", "pcm_alaw", 8000, 2, 17.6)
    assert "文件不完整" in facts_view(info, Words(CATALOGUE, "zh"), is_truncated=True)
    assert "incomplete" in facts_view(info, Words(CATALOGUE, "en"), is_truncated=True)


@pytest.mark.parametrize("seconds", [0.2, 17.4, 17.6, 59.6, 754.5])
def test_a_length_is_one_and_the_same_before_and_after(seconds: float) -> None:
    info, words = AudioInfo("wav", "pcm_alaw", 8000, 2, seconds), Words(CATALOGUE, "zh")
    clock = facts_view(info, words).rpartition(" · ")[2].removesuffix("</p>")
    assert f'title="时长 {clock}"' in history_rows([a_row(audio=info)], words)
    minutes, rest = map(int, clock.split(":"))
    told = f"{minutes} 分 {rest} 秒" if minutes else f"{rest} 秒"
    assert seconds < 1 or length_text(seconds, words) == told


@pytest.mark.parametrize(("error", "hopeless"), [(BadAudio("x"), True), (StorageUnavailable("x"), False)])
async def test_what_may_work_the_next_time_is_not_hopeless(
    monkeypatch: pytest.MonkeyPatch, error: SpeechError, hopeless: bool
) -> None:
    async def failing(*_: object) -> FileFacts:
        raise error

    monkeypatch.setattr(chosen_file, "file_facts", failing)
    services = SimpleNamespace(uploads=UploadDigests())
    context: Any = SimpleNamespace(services=services, words=lambda _: Words(CATALOGUE, "zh"), sentence=lambda *_: "x")
    request: Any = None
    html, _, _ = await chosen_file.ChosenFile(context).look(Upload(Path("a.wav"), "a.wav"), None, request)
    assert ("data-hopeless" in html) is hopeless


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


async def test_a_chosen_file_is_read_while_its_sender_looks_at_the_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, uploads, reads = tmp_path / "a.wav", UploadDigests(), list[Path]()
    path.write_bytes(b"no sound")

    def noted(path: Path) -> str:
        reads.append(path)
        return file_digest(path)

    monkeypatch.setattr(upload_digests, "file_digest", noted)
    services = SimpleNamespace(uploads=uploads)
    context: Any = SimpleNamespace(services=services, words=lambda _: Words(CATALOGUE, "zh"), sentence=lambda *_: "x")
    request: Any = None
    await chosen_file.ChosenFile(context).look(Upload(path, "a.wav"), None, request)
    assert [await uploads.of(path), await uploads.of(path)] == [file_digest(path)] * 2
    assert reads == [path]
