"""Rows from what nodes gave."""

from domain.options import RecognitionOptions
from domain.recognition import Recognition, Source, Status
from domain.transcript import Segment, Transcript
from services.results import with_spoken_track


def test_a_line_is_suspect_where_either_track_is() -> None:
    written = (
        Segment(0, 900, None, "2号", suspect="repetition"),
        Segment(900, 1_800, None, "打开空调"),
        Segment(1_800, 2_700, None, "开始"),
    )
    row = Recognition(
        "1", "local", Source.API, "a.wav", RecognitionOptions(), Status.SUCCEEDED, transcript=Transcript(written)
    )
    spoken = (
        Segment(0, 900, "二号", "二号"),
        Segment(900, 1_800, "空调", "空调", suspect="only_hotwords"),
        Segment(1_800, 2_700, "开始", "开始"),
    )
    both = with_spoken_track(row, Transcript(spoken, warnings=("suspect",))).transcript
    assert [segment.suspect for segment in both.segments] == ["repetition", "only_hotwords", None]
    assert both.warnings == ("suspect",)
    assert (
        with_spoken_track(row.with_changes(transcript=Transcript(written[1:])), Transcript()).transcript.warnings == ()
    )
