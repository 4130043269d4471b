import json

import pytest

from domain.options import RecognitionOptions
from domain.recognition import Recognition, Source
from domain.transcript import Segment, Transcript
from domain.words import Word
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


CALL = ROW.with_changes(
    transcript=Transcript(
        (
            Segment(0, 1000, "您好", "您好。", channel=0),
            Segment(1000, 2000, "三点到吗", "3点到吗？", channel=0),
            Segment(2000, 3000, "a --> b", "到的 <b>。", channel=1),
        ),
        "zh",
    )
)


def test_every_export_says_who_spoke() -> None:
    assert export(CALL, "txt").content.decode() == "坐席：您好。3点到吗？\n客户：到的 <b>。\n"
    assert export(CALL, "txt", "written", "en").content.decode().startswith("Agent: 您好。3点到吗？\nCustomer: ")
    srt = export(CALL, "srt").content.decode()
    assert "00:00:00,000 --> 00:00:01,000\n坐席：您好。\n" in srt
    assert "客户：到的 ＜b＞。" in srt
    vtt = export(CALL, "vtt").content.decode()
    assert "\n<v 坐席>您好。\n" in vtt
    assert "\n<v 客户>到的 &lt;b&gt;。\n" in vtt
    assert export(CALL, "srt", "spoken").content.decode().count("-->") == 3


def test_names_that_people_gave_are_exported_and_cannot_break_a_file() -> None:
    named = CALL.with_changes(labels={"channel0": "王经理", "channel1": "<i>A&B --> C</i>"})
    assert export(named, "txt").content.decode().startswith("王经理：您好。")
    assert "<v &lt;i&gt;A&amp;B --&gt; C&lt;/i&gt;>" in export(named, "vtt").content.decode()
    assert export(named, "srt").content.decode().count("-->") == 3
    data = json.loads(export(named, "json").content)
    assert data["labels"] == named.labels
    assert [item["channel"] for item in data["segments"]] == [0, 0, 1]


def test_one_voice_alone_is_not_named() -> None:
    alone = ROW.with_changes(transcript=Transcript((Segment(0, 900, "好", "好", speaker="1"),)))
    assert export(alone, "txt").content.decode() == "好\n"
    assert "<v" not in export(alone, "vtt").content.decode()
    assert "<v 我>好" in export(alone.with_changes(labels={"speaker1": "我"}), "vtt").content.decode()


def test_what_a_person_wrote_is_taken_away_and_json_has_both() -> None:
    words = (Word("天", 0, 2_000), Word("器", 5_000, 5_500))
    first = Segment(0, 6_000, "天器", "天器", words=words, corrected_text="<b>天气</b> --> 好")
    said = (first, Segment(10_000, 11_000, "嗯", "嗯", corrected_text=""), Segment(11_000, 12_000, "三点", "3点"))
    row = ROW.with_changes(transcript=Transcript(said, "zh"))
    for track, last in (("written", "3点"), ("spoken", "三点")):
        assert export(row, "txt", track).content.decode() == f"<b>天气</b> --> 好{last}\n"
        srt = export(row, "srt", track).content.decode()
        assert "00:00:00,000 --> 00:00:06,000\n＜b＞天气＜/b＞ → 好\n" in srt, "the old words' times do not fit"
        assert srt.count("-->") == 2, "a line that says nothing has no subtitle"
        vtt = export(row, "vtt", track).content.decode()
        assert "00:00:00.000 --> 00:00:06.000\n&lt;b&gt;天气&lt;/b&gt; --&gt; 好\n" in vtt
    segments = json.loads(export(row, "json").content)["segments"]
    assert [(item["raw_text"], item["corrected_text"]) for item in segments] == [
        ("天器", "<b>天气</b> --> 好"),
        ("嗯", ""),
        ("三点", None),
    ]


def test_who_writes_what_was_recognised_keeps_the_times_of_its_words() -> None:
    words = (Word("天", 0, 500), Word("气" * 20, 8_000, 10_000))
    said = Segment(0, 10_000, "天" + "气" * 20, "天气", words=words, corrected_text="天" + "气" * 20)
    row = ROW.with_changes(transcript=Transcript((said,), "zh"))
    assert "00:00:08" in export(row, "srt").content.decode()
