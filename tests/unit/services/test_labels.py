"""Naming those who speak, on a real history."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.access import Visitor
from domain.errors import InvalidInput, InvalidOptions, NotFound
from domain.labels import names_by_line
from domain.recognition import Recognition
from domain.transcript import Segment, Transcript
from services.labels import Labels
from storage.history import SqlHistory
from tests.helpers.storage import a_row, new_database, succeeded

OWNER, STRANGER, ADMIN = Visitor("visitor-1"), Visitor("visitor-2"), Visitor("root", is_admin=True)


def talk(*speakers: str | None, channel: int | None = None) -> Transcript:
    return Transcript(tuple(Segment(n, n + 1, "好", "好", channel, who) for n, who in enumerate(speakers)), "zh")


def call(*channels: int) -> Transcript:
    return Transcript(tuple(Segment(n, n + 1, "好", "好", channel) for n, channel in enumerate(channels)), "zh")


def names(row: Recognition) -> list[str]:
    return names_by_line(row.transcript.segments, row.labels)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[SqlHistory]:
    with new_database(tmp_path) as database:
        yield SqlHistory(database)


async def test_everybody_of_a_name_or_one_line(history: SqlHistory) -> None:
    row = succeeded().with_changes(transcript=talk("1", "2", "1", "2"))
    await history.insert(row)
    labels = Labels(history)
    done = await labels.rename(row.id, 0, "王经理", whom="everyone", visitor=OWNER)
    assert names(done) == ["王经理", "说话人 2", "王经理", "说话人 2"]
    # One line goes to whoever has that name.
    done = await labels.rename(row.id, 3, "王经理", whom="line", visitor=OWNER)
    assert names(done) == ["王经理", "说话人 2", "王经理", "王经理"]
    assert done.labels == {"speaker1": "王经理"}
    # A name that nobody has is somebody new.
    done = await labels.rename(row.id, 2, "李女士", whom="line", visitor=OWNER)
    assert names(done) == ["王经理", "说话人 2", "李女士", "王经理"]
    assert done.transcript.segments[2].speaker == "3"
    # The usual name, or none, takes a name back.
    done = await labels.rename(row.id, 0, "说话人 1", whom="everyone", visitor=OWNER)
    assert done.labels == {"speaker3": "李女士"}
    stored = await history.get(row.id, user=None)
    assert stored is not None
    assert names(stored) == ["说话人 1", "说话人 2", "李女士", "说话人 1"]


async def test_a_line_of_the_other_channel(history: SqlHistory) -> None:
    row = succeeded().with_changes(transcript=call(0, 1, 0))
    await history.insert(row)
    done = await Labels(history).rename(row.id, 2, "客户", whom="line", visitor=OWNER)
    assert names(done) == ["坐席", "客户", "客户"]
    assert done.transcript.segments[2].channel == 0, "where the sound is does not change"


async def test_channels_are_swapped_and_back(history: SqlHistory) -> None:
    row = succeeded().with_changes(transcript=call(0, 1))
    await history.insert(row)
    labels = Labels(history)
    assert names(await labels.swap(row.id, visitor=OWNER)) == ["客户", "坐席"]
    await labels.rename(row.id, 1, "小李", whom="everyone", visitor=OWNER)
    assert names(await labels.swap(row.id, visitor=OWNER)) == ["小李", "客户"]
    back = await labels.rename(row.id, 0, "", whom="everyone", visitor=OWNER)
    assert back.labels == {}


async def test_only_the_owner_and_administrators_name(history: SqlHistory) -> None:
    row = succeeded().with_changes(transcript=talk("1", "2"))
    await history.insert(row)
    labels = Labels(history)
    for change in (
        labels.rename(row.id, 0, "x", whom="everyone", visitor=STRANGER),
        labels.change(row.id, {"speaker1": "x"}, {}, visitor=STRANGER),
        labels.swap(row.id, visitor=STRANGER),
        labels.change("no-id", {}, {}, visitor=ADMIN),
    ):
        with pytest.raises(NotFound):
            await change
    assert names(await labels.rename(row.id, 0, "x", whom="everyone", visitor=ADMIN)) == ["x", "说话人 2"]


async def test_what_is_no_name_no_key_or_no_line_is_refused(history: SqlHistory) -> None:
    row = succeeded().with_changes(transcript=talk("1", "2"))
    running = a_row()
    await history.insert(row)
    await history.insert(running)
    labels = Labels(history)
    for names_given, lines in (
        ({"speaker1": "长" * 41}, {}),
        ({"boss": "x"}, {}),
        ({}, {2: "speaker1"}),
        ({}, {-1: "speaker1"}),
        ({}, {0: "王经理"}),
        ({"speaker1": "kept?"}, {0: "boss"}),
    ):
        with pytest.raises(InvalidOptions):
            await labels.change(row.id, names_given, lines, visitor=OWNER)
    with pytest.raises(InvalidOptions):
        await labels.rename(row.id, 9, "x", whom="everyone", visitor=OWNER)
    with pytest.raises(InvalidInput):
        await labels.change(running.id, {"speaker1": "x"}, {}, visitor=OWNER)
    stored = await history.get(row.id, user=None)
    assert stored is not None
    assert stored.labels == {}


async def test_people_who_name_at_once_lose_nothing(history: SqlHistory) -> None:
    row = succeeded().with_changes(transcript=talk(*"12121212"))
    await history.insert(row)
    labels = Labels(history)
    wanted = [f"来宾{letter}" for letter in "ABCDEFGH"]
    renames = (labels.rename(row.id, n, name, whom="line", visitor=OWNER) for n, name in enumerate(wanted))
    await asyncio.gather(*renames)
    stored = await history.get(row.id, user=None)
    assert stored is not None
    assert names(stored) == wanted


async def test_two_swaps_at_once_are_one_and_back(history: SqlHistory) -> None:
    row = succeeded().with_changes(transcript=call(0, 1))
    await history.insert(row)
    labels = Labels(history)
    await asyncio.gather(*(labels.swap(row.id, visitor=OWNER) for _ in range(6)))
    stored = await history.get(row.id, user=None)
    assert stored is not None
    assert stored.labels == {}


async def test_nobody_gets_the_name_of_somebody_else_who_speaks(history: SqlHistory) -> None:
    row = succeeded(labels={"channel0": "客户", "channel1": "坐席", "speaker5": "小李"}).with_changes(
        transcript=call(0, 1)
    )
    await history.insert(row)
    labels = Labels(history)
    for change in (
        labels.rename(row.id, 0, "坐席", whom="everyone", visitor=OWNER),
        labels.rename(row.id, 0, "Agent", whom="everyone", visitor=OWNER, language="en"),
        labels.rename(row.id, 0, "", whom="everyone", visitor=OWNER),
        labels.change(row.id, {"channel0": ""}, {}, visitor=OWNER),
        labels.change(row.id, {"channel0": "王", "channel1": " 王 "}, {}, visitor=OWNER),
        labels.change(row.id, {"speaker2": "客户"}, {1: "speaker2"}, visitor=OWNER),
    ):
        with pytest.raises(InvalidOptions) as refused:
            await change
        assert refused.value.details["reason"] == "name_taken"
    # Of those who do not speak a name can be taken; and two may change theirs at once.
    assert names(await labels.change(row.id, {"channel0": "小李"}, {}, visitor=OWNER)) == ["小李", "坐席"]
    swapped = await labels.change(row.id, {"channel0": "坐席", "channel1": "客户"}, {}, visitor=OWNER)
    assert names(swapped) == ["坐席", "客户"]


async def test_nobody_begins_to_speak_by_the_name_of_somebody_else(history: SqlHistory) -> None:
    """Such a name may be left from before: from lines that were given away, or from a call without people."""
    row = succeeded(labels={"channel0": "王", "speaker5": "王"}).with_changes(transcript=call(0, 1))
    await history.insert(row)
    labels = Labels(history)
    with pytest.raises(InvalidOptions) as refused:
        await labels.change(row.id, {}, {1: "speaker5"}, visitor=OWNER)
    assert refused.value.details["reason"] == "name_taken"
    done = await labels.change(row.id, {"speaker5": "李"}, {1: "speaker5"}, visitor=OWNER)
    assert names(done) == ["王", "李"]


async def test_two_speakers_who_are_one_person_are_put_together(history: SqlHistory) -> None:
    row = succeeded(labels={"speaker2": "王"}).with_changes(transcript=talk("1", "2", "3", "1"))
    await history.insert(row)
    labels = Labels(history)
    done = await labels.rename(row.id, 0, "王", whom="merge", visitor=OWNER)
    assert names(done) == ["王", "王", "说话人 3", "王"]
    assert [segment.speaker for segment in done.transcript.segments] == ["2", "2", "3", "2"]
    # Whoever had that name was called otherwise meanwhile.
    done = await labels.rename(row.id, 2, "李", whom="merge", visitor=OWNER)
    assert names(done) == ["王", "王", "李", "王"]


async def test_two_names_are_swapped_by_a_line(history: SqlHistory) -> None:
    row = succeeded(labels={"speaker2": "王"}).with_changes(transcript=talk("1", "2", "3", "1"))
    await history.insert(row)
    labels = Labels(history)
    done = await labels.rename(row.id, 0, "王", whom="swap", visitor=OWNER)
    assert names(done) == ["王", "说话人 1", "说话人 3", "王"]
    # The usual name is somebody else's by now: an empty one asks for it, and both are as they were.
    done = await labels.rename(row.id, 0, "", whom="swap", visitor=OWNER)
    assert done.labels == {"speaker2": "王"}
    # Whoever had that name was called otherwise meanwhile.
    done = await labels.rename(row.id, 2, "李", whom="swap", visitor=OWNER)
    assert names(done) == ["说话人 1", "王", "李", "说话人 1"]


async def test_two_of_one_name_from_before_can_be_told_apart_again(history: SqlHistory) -> None:
    row = succeeded(labels={"channel0": "Customer"}).with_changes(transcript=call(0, 1))
    await history.insert(row)
    labels = Labels(history)
    assert names(await labels.swap(row.id, visitor=OWNER)) == ["客户", "客户"]
    assert names(await labels.rename(row.id, 0, "坐席", whom="everyone", visitor=OWNER)) == ["坐席", "客户"]


async def test_usual_names_have_no_language(history: SqlHistory) -> None:
    row = succeeded().with_changes(transcript=call(0, 1))
    await history.insert(row)
    labels = Labels(history)
    swapped = await labels.swap(row.id, visitor=OWNER)
    assert names_by_line(swapped.transcript.segments, swapped.labels, "en") == ["Customer", "Agent"]
    # Back in the other language: nothing is left.
    back = await labels.rename(row.id, 1, "Customer", whom="swap", visitor=OWNER, language="en")
    assert back.labels == {}
    line = await labels.rename(row.id, 0, "Customer", whom="line", visitor=OWNER, language="en")
    assert names(line) == ["客户", "客户"]


async def test_more_than_anybody_can_name_is_refused(history: SqlHistory) -> None:
    row = succeeded().with_changes(transcript=talk("1", "2"))
    await history.insert(row)
    with pytest.raises(InvalidOptions, match="101 can have a name"):
        await Labels(history).change(row.id, {f"x{n}": "" for n in range(102)}, {}, visitor=OWNER)
