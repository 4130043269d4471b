import pytest

from domain.transcript import ModelOutput, ModelSegment, Segment, Transcript, assemble, join_texts
from domain.words import Word

SEGMENTS = (
    ModelSegment(0, 900, "三点", (Word("三", 0, 400), Word("点", 400, 900)), channel=1),
    ModelSegment(1000, 2000, "hello"),
)


def write(text: str) -> str:
    return text.replace("三", "3")


def test_a_spoken_decode_gives_both_tracks() -> None:
    transcript = assemble(ModelOutput("spoken", SEGMENTS, "zh"), write)
    assert (transcript.raw_text, transcript.normalized_text) == ("三点hello", "3点hello")
    assert transcript.segments[0].channel == 1
    assert transcript.segments[0].words == SEGMENTS[0].words


def test_a_written_decode_gives_the_written_track_only_and_rules_finish_it() -> None:
    transcript = assemble(ModelOutput("written", SEGMENTS), write)
    assert (transcript.raw_text, transcript.normalized_text) == (None, "3点hello")
    assert transcript.segments[0].text(itn=False) == "3点"


def test_no_speech_is_empty_text_not_a_missing_track() -> None:
    assert (Transcript().raw_text, Transcript().normalized_text) == ("", "")


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (["今天，", "明天。"], "今天，明天。"),
        (["hello.", "world"], "hello. world"),
        (["打开", "WiFi"], "打开WiFi"),
        ([" a ", "", "b"], "a b"),
        ([], ""),
    ],
)
def test_joining(texts: list[str], whole: str) -> None:
    assert join_texts(texts) == whole


def test_json_round_trip_and_garbage() -> None:
    output = ModelOutput("spoken", SEGMENTS, "zh", ("no_speech",))
    assert ModelOutput.from_json(output.to_json()) == output
    for garbage in ({}, {"track": "sung", "segments": []}, {"track": "spoken", "segments": [{"start_ms": "x"}]}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            ModelOutput.from_json(garbage)


@pytest.mark.parametrize(
    "odd",
    [
        *({"channel": channel} for channel in (2, -1, True, 1.0, "0", [])),
        *({"speaker": speaker} for speaker in (1, True, ["1"], {})),
    ],
)
def test_a_segment_of_no_known_channel_or_speaker_is_refused(odd: dict[str, object]) -> None:
    """A node's or a row's word for it would break the sorting and the page."""
    made = ModelSegment(0, 900, "三点", channel=1, speaker="2")
    shown = Segment(0, 900, "三点", "3点", 0, "1")
    assert ModelSegment.from_json(made.to_json()) == made and Segment.from_json(shown.to_json()) == shown
    for read, good in ((ModelSegment.from_json, made.to_json()), (Segment.from_json, shown.to_json())):
        with pytest.raises(ValueError, match=r"channel|speaker"):
            read(good | odd)
