"""The spoken track of a row whose written track was made first: two decodes of the same sound."""

from domain.transcript import Segment, Transcript
from services.results import with_spoken_track
from tests.helpers.storage import succeeded


def spoken(*parts: tuple[int, int, str], channel: int | None = None) -> Transcript:
    return Transcript(tuple(Segment(start, end, text, text, channel) for start, end, text in parts), "zh")


def test_the_same_stretches_get_their_own_text_and_keep_the_rest() -> None:
    old = (
        Segment(0, 900, None, "3点", 0, "2", (), "cut_off"),
        Segment(900, 1_800, None, "好", 1),
    )
    row = succeeded().with_changes(transcript=Transcript(old, "zh"))
    both = Transcript((*spoken((0, 900, "三点"), channel=0).segments, *spoken((900, 1_800, "好"), channel=1).segments))
    done = with_spoken_track(row, both).transcript.segments
    assert [item.raw_text for item in done] == ["三点", "好"]
    assert (done[0].speaker, done[0].suspect, done[0].normalized_text) == ("2", "cut_off", "3点")


def test_a_stretch_that_was_divided_elsewhere_loses_nothing() -> None:
    old = (Segment(0, 1_000, None, "3点", speaker="1"), Segment(1_000, 3_000, None, "好的", speaker="2"))
    row = succeeded().with_changes(transcript=Transcript(old, "zh"))
    done = with_spoken_track(row, spoken((0, 1_200, "三点"), (1_200, 3_000, "好的"))).transcript
    assert [item.raw_text for item in done.segments] == ["三点", "好的"]
    whole = with_spoken_track(row, spoken((0, 3_000, "三点好的"))).transcript
    assert whole.raw_text == "三点好的"


def test_what_was_heard_on_the_other_channel_stays_there() -> None:
    row = succeeded().with_changes(transcript=Transcript((Segment(0, 900, None, "3点", 0),), "zh"))
    assert with_spoken_track(row, spoken((0, 800, "好"), channel=1)).transcript.raw_text is None
