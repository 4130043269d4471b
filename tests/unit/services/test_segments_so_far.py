"""What people see while the parts of one recording wait for a node, are recognised, and wait again."""

from domain.node import NodeProgress
from domain.recognition import Progress, Stage
from domain.transcript import ModelSegment
from services.segments_so_far import SegmentsSoFar

MONO, CALL = (None,), (0, 1)
TEXT = ModelSegment(0, 900, "您好")


class Seen:
    """Keeps every report."""

    def __init__(self, *channels: int | None) -> None:
        self.reports: list[Progress] = []
        self.so_far = SegmentsSoFar(self._report, "spoken", "zh", channels)

    async def _report(self, progress: Progress) -> None:
        self.reports.append(progress)

    @property
    def stages(self) -> list[Stage]:
        return [report.stage for report in self.reports]


def queued(ahead: int) -> Progress:
    return Progress(Stage.QUEUED, ahead)


async def test_a_recording_whose_node_died_waits_again_and_keeps_its_text_on_show() -> None:
    seen = Seen(*MONO)
    await seen.so_far.add(0, NodeProgress(1, 3, (TEXT,)))
    await seen.so_far.wait(0, Progress(Stage.WAITING_NODE))
    assert seen.stages == [Stage.RECOGNISING, Stage.WAITING_NODE]
    assert [segment.raw_text for segment in seen.reports[-1].segments] == ["您好"]
    await seen.so_far.add(0, NodeProgress(0, 3))
    assert (seen.stages[-1], seen.reports[-1].segments) == (Stage.RECOGNISING, ())


async def test_while_the_other_channel_is_under_way_its_progress_is_reported_once_more() -> None:
    """Each report asks whether the row still belongs to this process: one that asks nobody runs on for hours."""
    seen = Seen(*CALL)
    await seen.so_far.add(0, NodeProgress(1, 3, (TEXT,)))
    await seen.so_far.wait(1, queued(2))
    assert len(seen.reports) == 2 and seen.reports[0] == seen.reports[1]


async def test_a_channel_that_is_done_or_waits_again_hides_no_waiting() -> None:
    seen = Seen(*CALL)
    await seen.so_far.add(0, NodeProgress(1, 3, (TEXT,)))
    await seen.so_far.wait(0, Progress(Stage.WAITING_NODE))
    await seen.so_far.wait(1, Progress(Stage.WAITING_NODE))
    assert seen.stages == [Stage.RECOGNISING, Stage.WAITING_NODE, Stage.WAITING_NODE]
    await seen.so_far.add(0, NodeProgress(3, 3))
    await seen.so_far.end(0)
    await seen.so_far.wait(1, queued(1))
    assert (seen.stages[-1], seen.reports[-1].ahead) == (Stage.QUEUED, 1)


async def test_of_two_channels_that_wait_the_nearer_one_is_shown() -> None:
    seen = Seen(*CALL)
    for number, ahead in ((0, 3), (1, 4), (0, 2), (1, 3), (0, 1)):
        await seen.so_far.wait(number, queued(ahead))
    assert [report.ahead for report in seen.reports] == [3, 3, 2, 2, 1]


async def test_a_call_whose_first_channel_has_its_turn_is_recognised_and_does_not_queue_behind_itself() -> None:
    seen = Seen(*CALL)
    await seen.so_far.wait(0, queued(1))
    await seen.so_far.wait(1, queued(2))
    await seen.so_far.begin(0)
    await seen.so_far.wait(1, queued(0))  # before the first step, which comes once the speech was found
    await seen.so_far.add(0, NodeProgress(0, 3))
    await seen.so_far.add(0, NodeProgress(3, 3, (TEXT,)))
    await seen.so_far.wait(1, queued(0))  # after the last one, before the answer
    assert seen.stages[2:] == [Stage.RECOGNISING] * 5
    assert (seen.reports[-1].segment, seen.reports[-1].of) == (3, 6)


async def test_after_its_turn_a_recording_still_shows_what_was_heard_before_its_node_died() -> None:
    seen = Seen(*MONO)
    await seen.so_far.add(0, NodeProgress(1, 3, (TEXT,)))
    await seen.so_far.wait(0, queued(1))
    await seen.so_far.begin(0)
    assert (seen.stages[-1], len(seen.reports[-1].segments)) == (Stage.RECOGNISING, 1)


async def test_parts_tell_how_many_are_done_and_what_was_known_tells_nothing_of_the_time_left() -> None:
    seen = Seen(*MONO)
    first, second, third = await seen.so_far.plan(0, [2, 2, 4])
    await seen.so_far.recall(first, (TEXT, TEXT))
    assert (seen.reports[-1].parts, seen.reports[-1].parts_done) == (3, 1)
    assert (seen.reports[-1].segment, seen.reports[-1].of, seen.reports[-1].remaining_seconds) == (2, 8, None)
    await seen.so_far.begin(third)
    await seen.so_far.add(third, NodeProgress(4, 4, (ModelSegment(9_000, 9_900, "再见"),)))
    await seen.so_far.end(third)
    last = seen.reports[-1]
    assert (last.parts_done, last.segment, last.remaining_seconds is not None) == (2, 6, True)
    await seen.so_far.begin(second)
    await seen.so_far.add(second, NodeProgress(1, 2, (ModelSegment(3_000, 3_900, "是的"),)))
    assert [segment.raw_text for segment in seen.reports[-1].segments] == ["您好", "您好", "是的", "再见"]
