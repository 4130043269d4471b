"""The spoken track of a row whose written track was made first: two decodes of the same sound."""

import random

from domain.transcript import Segment, Transcript
from services.results import with_spoken_track
from tests.helpers.steps import steps_of
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


def test_a_stretch_goes_to_the_segment_that_shares_most_of_it_wherever_that_stands() -> None:
    """Held against asking every segment, with channels that overlap and segments in any order."""
    pick = random.Random(7)
    for _ in range(60):
        old = [stretch(pick, None) for _ in range(pick.randint(1, 12))]
        heard = stretch(pick, "好")
        shared = [
            min(s.end_ms, heard.end_ms) - max(s.start_ms, heard.start_ms) if s.channel == heard.channel else 0
            for s in old
        ]
        row = succeeded().with_changes(transcript=Transcript(tuple(old), "zh"))
        done = with_spoken_track(row, Transcript((heard,), "zh")).transcript.segments
        best = [number for number, s in enumerate(done) if s.raw_text is not None]
        assert [shared[number] for number in best] == ([max(shared)] if max(shared) > 0 else [])


def stretch(pick: random.Random, text: str | None) -> Segment:
    start = pick.randrange(2_000)
    return Segment(start, start + pick.randrange(1, 900), text, "好", pick.choice((0, 1)))


def merged(count: int) -> int:
    """Brings together so many segments; returns how many steps it took."""
    old = tuple(Segment(n * 1_000, n * 1_000 + 900, None, "好", n % 2) for n in range(count))
    both = Transcript(tuple(Segment(n * 1_000 + 1, n * 1_000 + 900, "好", "好", n % 2) for n in range(count)), "zh")
    row = succeeded().with_changes(transcript=Transcript(old, "zh"))

    def work() -> None:
        assert all(item.raw_text == "好" for item in with_spoken_track(row, both).transcript.segments)

    return steps_of(work)


def test_many_segments_are_no_more_work_each_than_few() -> None:
    assert merged(2_000) < 5 * merged(500)
