import json

import pytest

from domain.options import RecognitionOptions
from domain.recognition import Recognition, Source
from domain.transcript import Segment, Transcript
from services.export import Format, export

ROW = Recognition(
    "01a1fb03-c958-7efd-aa58-96a00413957e",
    "me",
    Source.WEB,
    "会议 {1}.wav",
    RecognitionOptions(),
    transcript=Transcript((Segment(0, 1500, "三点", "3点"), Segment(3_661_000, 3_662_000, "a --> b", "a --> b")), "zh"),
)


def test_text_on_both_tracks() -> None:
    assert export(ROW, "txt").content.decode() == "3点a --> b\n"
    assert export(ROW, "txt", "spoken").content.decode() == "三点a --> b\n"
    assert export(ROW, "txt").filename == "会议 {1}.txt"


def test_json_is_the_json_of_a_recognition() -> None:
    assert json.loads(export(ROW, "json").content) == ROW.to_json()


def test_subtitles_have_times_and_no_stray_arrows() -> None:
    srt = export(ROW, "srt").content.decode()
    assert "00:00:00,000 --> 00:00:01,500\n3点" in srt
    assert "01:01:01,000 --> 01:01:02,000" in srt
    vtt = export(ROW, "vtt", "spoken").content.decode()
    assert vtt.startswith("WEBVTT")
    assert "00:00:00.000 --> 00:00:01.500\n三点" in vtt
    for text in (srt, vtt):
        assert text.count("-->") == 2, "an arrow inside a text would end the cue"


@pytest.mark.parametrize("format", ["txt", "srt", "vtt"])
def test_the_other_track_stands_in_for_a_missing_one(format: Format) -> None:
    written_only = ROW.with_changes(transcript=Transcript((Segment(0, 1000, None, "3点"),)))
    assert "3点" in export(written_only, format, "spoken").content.decode()
