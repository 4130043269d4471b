"""What every history must do, whatever the database."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Never

import pytest
from sqlalchemy.exc import IntegrityError

from domain.errors import InvalidOptions
from domain.history import Deletion, HistoryQuery
from domain.history_ports import Amendment, Change, RowState
from domain.ids import id_of, new_id
from domain.recognition import AudioInfo, CacheOutcome, Hold, Progress, Recognition, Source, Stage, Status, utc_now
from domain.transcript import Segment, Transcript
from storage.history import SqlHistory
from storage.models import SqlModelRegistry
from storage.sql import Database
from tests.helpers.storage import a_row, a_transcript, succeeded

HOUR = 3600.0


@pytest.fixture
def history(database: Database) -> SqlHistory:
    return SqlHistory(database)


async def stored(history: SqlHistory, recognition_id: str) -> Recognition:
    row = await history.get(recognition_id, user=None)
    assert row is not None
    return row


async def found(history: SqlHistory, text: str, user: str | None = "visitor-1") -> set[str]:
    return {row.id for row in (await history.page(HistoryQuery(user=user, text=text))).rows}


# Insert and get


async def test_a_row_comes_back_as_it_was(history: SqlHistory) -> None:
    progress = Progress(Stage.RECOGNISING, 2, 3.5, 1, 4, 9.0, a_transcript("好").segments)
    row = a_row(progress=progress, audio_key="2026/11/x.wav", use_cache=False)
    await history.insert(row)
    back = await stored(history, row.id)
    assert back == row.with_changes(created_at=back.created_at)


async def test_every_field_of_a_final_row_comes_back(history: SqlHistory) -> None:
    row = succeeded(
        "二零二五年",
        "2025年",
        audio=AudioInfo("mp3", "mp3", 44_100, 2, 12.5),
        cache=CacheOutcome.HIT,
        cached_at=datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC),
        node="本机",
        model="demo",
        fingerprint="abc",
        elapsed_ms=2**40,
        node_ms=7,
        error={"code": "x", "message": "消息", "details": {"n": 1}},
    )
    await history.insert(row)
    back = await stored(history, row.id)
    assert back == row.with_changes(created_at=back.created_at, finished_at=back.finished_at)
    assert back.finished_at is not None


async def test_a_time_in_another_zone_is_the_same_moment(history: SqlHistory) -> None:
    moment = datetime.fromisoformat("2026-11-20T08:00:00+08:00")
    row = succeeded(cached_at=moment)
    await history.insert(row)
    assert (await stored(history, row.id)).cached_at == moment


async def test_row_times_are_the_databases(history: SqlHistory) -> None:
    long_ago = datetime(1999, 1, 1, tzinfo=UTC)
    row = a_row(created_at=long_ago)
    await history.insert(row)
    assert (await stored(history, row.id)).created_at - long_ago > timedelta(days=365)


async def test_a_repeated_insert_changes_nothing(history: SqlHistory) -> None:
    row = a_row()
    await history.insert(row)
    await history.finish(row.with_changes(status=Status.SUCCEEDED, transcript=a_transcript("好")))
    await history.insert(row)
    assert (await stored(history, row.id)).status is Status.SUCCEEDED
    assert len((await history.page(HistoryQuery(user=None))).rows) == 1


async def test_a_row_that_the_database_refuses_is_an_error_and_blocks_nobody(history: SqlHistory) -> None:
    with pytest.raises(IntegrityError):
        await history.insert(a_row(attempt=None))
    row = a_row()
    await history.insert(row)
    assert (await history.page(HistoryQuery(user=None))).rows[0].id == row.id


@pytest.mark.parametrize("unknown", ["0198a0b0-0000-7000-8000-000000000000", "", "1", "../x", "\ud800", "x" * 10_000])
async def test_what_is_not_there_is_none(history: SqlHistory, unknown: str) -> None:
    assert await history.get(unknown, user=None) is None
    assert not await history.cancel_queued(unknown, user=None)
    assert await history.delete([unknown], user=None) == Deletion()


async def test_names_that_no_column_takes_are_stored_all_the_same(history: SqlHistory) -> None:
    row = a_row(filename="half \ud83d and \x00 nul 😀.wav", error={"name": "\ud83d"})
    await history.insert(row)
    assert "😀.wav" in (await stored(history, row.id)).filename
    assert await found(history, "😀") == {row.id}


async def test_many_inserts_at_once(history: SqlHistory) -> None:
    rows = [a_row() for _ in range(60)]
    await asyncio.gather(*(history.insert(row) for row in rows))
    page = await history.page(HistoryQuery(user=None, limit=100))
    assert [row.id for row in page.rows] == sorted((row.id for row in rows), reverse=True)


# Users


async def test_another_users_row_is_out_of_reach(history: SqlHistory) -> None:
    mine, queued = succeeded(audio_key="2026/11/a"), a_row(status=Status.QUEUED)
    await history.insert(mine)
    await history.insert(queued)
    assert await history.get(mine.id, user="visitor-2") is None
    assert not await history.cancel_queued(queued.id, user="visitor-2")
    assert await history.delete([mine.id], user="visitor-2") == Deletion()
    assert (await history.page(HistoryQuery(user="visitor-2"))).rows == ()
    assert await found(history, "天气", user="visitor-2") == set()
    assert {mine.id, queued.id} == await found(history, "")
    assert await found(history, "天气", user=None) == {mine.id}


# The fence


async def test_finish_writes_the_outcome_once(history: SqlHistory) -> None:
    row = a_row()
    await history.insert(row)
    done = row.with_changes(
        status=Status.SUCCEEDED, transcript=a_transcript("好"), node="n", audio=AudioInfo("wav", "pcm", 8_000, 1, 3.0)
    )
    assert await history.finish(done)
    assert not await history.finish(done.with_changes(status=Status.FAILED))
    back = await stored(history, row.id)
    assert back == done.with_changes(created_at=back.created_at, finished_at=back.finished_at)
    assert back.finished_at is not None
    assert back.finished_at >= back.created_at


async def test_another_attempt_cannot_write(history: SqlHistory) -> None:
    row = a_row(attempt=2)
    await history.insert(row)
    late = row.with_changes(attempt=1, status=Status.SUCCEEDED, transcript=a_transcript("迟到"))
    assert not await history.finish(late)
    assert not await history.save_progress(row.id, 1, Progress(Stage.DECODING))
    back = await stored(history, row.id)
    assert (back.status, back.progress.stage) == (Status.RUNNING, Stage.RECEIVED)
    assert await found(history, "迟到") == set()


async def test_finish_takes_final_states_only(history: SqlHistory) -> None:
    with pytest.raises(ValueError, match="running"):
        await history.finish(a_row())


async def test_progress_is_kept_while_running_only(history: SqlHistory) -> None:
    row = a_row()
    await history.insert(row)
    progress = Progress(Stage.RECOGNISING, 0, None, 3, 12, 7.5, a_transcript("好").segments)
    assert await history.save_progress(row.id, 1, progress)
    assert (await stored(history, row.id)).progress == progress
    assert await history.finish(row.with_changes(status=Status.CANCELLED))
    assert not await history.save_progress(row.id, 1, progress)
    assert (await stored(history, row.id)).progress == Progress()


async def test_only_a_queued_row_is_cancelled(history: SqlHistory) -> None:
    queued, running = a_row(status=Status.QUEUED, attempt=0, owner=None), a_row()
    await history.insert(queued)
    await history.insert(running)
    assert await history.cancel_queued(queued.id, user="visitor-1")
    assert not await history.cancel_queued(queued.id, user="visitor-1")
    assert not await history.cancel_queued(running.id, user=None)
    back = await stored(history, queued.id)
    assert back.status is Status.CANCELLED
    assert back.finished_at is not None
    # The running row's owner was never heard of, but it has only just begun.
    assert await history.claim("p", 10, stale_after_seconds=HOUR, running=()) == []


# Claims


async def test_the_oldest_queued_rows_are_claimed_first(history: SqlHistory) -> None:
    rows = [a_row(status=Status.QUEUED, attempt=0, owner=None) for _ in range(5)]
    for row in reversed(rows):
        await history.insert(row)
    oldest_first = sorted(row.id for row in rows)
    first = await history.claim("p", 3, stale_after_seconds=HOUR, running=())
    second = await history.claim("q", 3, stale_after_seconds=HOUR, running=())
    assert [row.id for row in first] == oldest_first[:3]
    assert [row.id for row in second] == oldest_first[3:]
    assert {(row.status, row.attempt, row.owner) for row in first} == {(Status.RUNNING, 1, "p")}
    assert await stored(history, first[0].id) == first[0]
    assert await history.claim("r", 3, stale_after_seconds=HOUR, running=()) == []
    assert await history.claim("r", 0, stale_after_seconds=0, running=()) == []


async def test_rows_of_a_living_owner_stay_with_it(history: SqlHistory) -> None:
    await history.insert(a_row())
    await history.heartbeat("process-1")
    await history.heartbeat("process-1")
    assert await history.claim("p", 10, stale_after_seconds=HOUR, running=()) == []


@pytest.mark.parametrize("was_heard_of", [True, False])
async def test_rows_of_a_silent_owner_are_taken_over(history: SqlHistory, was_heard_of: bool) -> None:
    row = a_row(audio_key="2026/11/x")
    await history.insert(row)
    if was_heard_of:
        await history.heartbeat("process-1")
    await asyncio.sleep(0.01)
    [claimed] = await history.claim("process-2", 10, stale_after_seconds=0, running=())
    assert (claimed.id, claimed.attempt, claimed.owner) == (row.id, 2, "process-2")
    assert claimed.audio_key == "2026/11/x"
    assert not await history.finish(row.with_changes(status=Status.SUCCEEDED))
    assert await history.finish(claimed.with_changes(status=Status.SUCCEEDED))


async def test_rows_of_a_retired_owner_are_free_at_once(history: SqlHistory) -> None:
    row, other = a_row(), a_row(owner="process-2")
    for item in (row, other):
        await history.insert(item)
    await history.heartbeat("process-1")
    await history.heartbeat("process-2")
    await history.retire("process-1")
    assert [item.id for item in await history.claim("p", 10, stale_after_seconds=HOUR, running=())] == [row.id]


async def test_nobody_claims_what_it_runs_itself(history: SqlHistory) -> None:
    row = a_row(owner="busy")
    await history.heartbeat("busy")
    await history.insert(row)
    assert await history.claim("busy", 10, stale_after_seconds=-HOUR, running={row.id}) == []
    # Not even once it has said that it goes: it may still finish what it has.
    await history.retire("busy")
    assert await history.claim("busy", 10, stale_after_seconds=-HOUR, running={row.id}) == []
    [claimed] = await history.claim("other", 10, stale_after_seconds=HOUR, running=())
    assert (claimed.id, claimed.owner) == (row.id, "other")


async def test_work_that_was_lost_inside_the_process_is_taken_up_again(history: SqlHistory) -> None:
    lost, runs = a_row(owner="busy"), a_row(owner="busy")
    for row in (lost, runs):
        await history.insert(row)
    await history.heartbeat("busy")
    # A row is written a moment before its work is known: it must not look lost.
    assert await history.claim("busy", 10, stale_after_seconds=HOUR, running=[runs.id]) == []
    await asyncio.sleep(0.01)
    [claimed] = await history.claim("busy", 10, stale_after_seconds=0, running=[runs.id])
    assert (claimed.id, claimed.attempt, claimed.owner) == (lost.id, 2, "busy")
    assert not await history.finish(lost.with_changes(status=Status.SUCCEEDED))
    assert await history.finish(claimed.with_changes(status=Status.SUCCEEDED))
    assert await history.finish(runs.with_changes(status=Status.SUCCEEDED))


async def test_what_runs_does_not_hide_what_waits(history: SqlHistory) -> None:
    runs = {row.id: row for row in (a_row(owner="busy") for _ in range(40))}
    waits = [a_row(status=Status.QUEUED, attempt=0, owner=None) for _ in range(3)]
    for row in (*runs.values(), *waits):
        await history.insert(row)
    oldest_first = sorted(row.id for row in waits)
    # Older rows of its own stand before them; a live view is enough.
    claimed = await history.claim("busy", 2, stale_after_seconds=-HOUR, running=runs.keys())
    assert [row.id for row in claimed] == oldest_first[:2]
    runs |= {row.id: row for row in claimed}
    claimed = await history.claim("busy", 2, stale_after_seconds=-HOUR, running=runs.keys())
    assert [row.id for row in claimed] == oldest_first[2:]


async def test_no_row_is_claimed_twice(history: SqlHistory) -> None:
    rows = [a_row(status=Status.QUEUED, attempt=0, owner=None) for _ in range(40)]
    for row in rows:
        await history.insert(row)
    taken = await asyncio.gather(*(history.claim(f"p{i}", 5, stale_after_seconds=HOUR, running=()) for i in range(10)))
    ids = [row.id for claimed in taken for row in claimed]
    assert len(ids) == len(set(ids))
    while more := await history.claim("last", 5, stale_after_seconds=HOUR, running=()):
        ids += [row.id for row in more]
    assert sorted(ids) == sorted(row.id for row in rows)


# Pages


async def test_pages_follow_each_other(history: SqlHistory) -> None:
    rows = [succeeded() for _ in range(25)]
    for row in rows:
        await history.insert(row)
    expected = sorted((row.id for row in rows), reverse=True)
    seen: list[str] = []
    before: str | None = None
    for size in (10, 10, 5):
        page = await history.page(HistoryQuery(user="visitor-1", limit=10, before_id=before))
        assert len(page.rows) == size
        seen += [row.id for row in page.rows]
        before = page.next_before_id
        await history.insert(succeeded())
    assert before is None
    assert seen == expected


async def test_the_last_full_page_has_no_follower(history: SqlHistory) -> None:
    for _ in range(4):
        await history.insert(succeeded())
    assert (await history.page(HistoryQuery(user=None, limit=4))).next_before_id is None
    assert len((await history.page(HistoryQuery(user=None, limit=0))).rows) == 1
    assert (await history.page(HistoryQuery(user=None, before_id="nonsense"))).rows == ()


async def test_a_page_goes_on_after_a_row_that_was_deleted(history: SqlHistory) -> None:
    for _ in range(5):
        await history.insert(succeeded())
    first = await history.page(HistoryQuery(user=None, limit=2))
    assert first.next_before_id
    await history.delete([first.next_before_id], user=None)
    rest = await history.page(HistoryQuery(user=None, before_id=first.next_before_id))
    assert len(rest.rows) == 3


async def test_ids_that_begin_alike_are_different_rows(history: SqlHistory) -> None:
    start = new_id()[:-4]
    rows = [succeeded(id=f"{start}{tail:04x}") for tail in (3, 1, 2, 0)]
    for row in rows:
        await history.insert(row)
    seen: list[str] = []
    before: str | None = None
    for _ in rows:
        page = await history.page(HistoryQuery(user=None, text="天", limit=1, before_id=before))
        seen += [row.id for row in page.rows]
        before = page.next_before_id
    assert before is None
    assert sorted(seen) == sorted(row.id for row in rows)


async def test_pages_are_filtered(history: SqlHistory) -> None:
    done, failed, running = succeeded(), a_row(status=Status.FAILED), a_row()
    for row in (done, failed, running):
        await history.insert(row)

    async def ids(**filters: object) -> set[str]:
        return {row.id for row in (await history.page(HistoryQuery(user="visitor-1", **filters))).rows}  # type: ignore[arg-type]

    created = (await stored(history, done.id)).created_at
    newest = max([(await stored(history, row.id)).created_at for row in (done, failed, running)])
    assert await ids(statuses=(Status.SUCCEEDED, Status.FAILED)) == {done.id, failed.id}
    assert done.id in await ids(since=created)
    assert done.id not in await ids(until=created)
    assert await ids(since=newest + timedelta(milliseconds=1)) == set()
    assert await ids(text="天气", statuses=(Status.FAILED,)) == set()
    assert await ids(text="天气", since=created, until=newest + timedelta(seconds=1)) == {done.id}


async def test_a_page_leaves_out_word_times(history: SqlHistory) -> None:
    row = succeeded("好")
    await history.insert(row)
    [listed] = (await history.page(HistoryQuery(user=None))).rows
    assert listed.transcript.segments[0].words == ()
    assert listed.transcript.raw_text == "好"
    assert (await stored(history, row.id)).transcript == row.transcript


async def test_segments_without_a_track_come_back_so(history: SqlHistory) -> None:
    row = a_row(status=Status.SUCCEEDED, transcript=Transcript((Segment(0, 1, None, "写"), Segment(1, 2, None, ""))))
    await history.insert(row)
    assert (await stored(history, row.id)).transcript == row.transcript


# Search


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("天", True),
        ("气很", True),
        ("天气很好", True),
        ("3月12", True),
        ("三月十二", True),
        ("好三", False),  # the end of one track and the beginning of the other
        ("气天", False),
        ("雨", False),
        ("weekly", True),
        ("Week", True),
        ("WEEKLY report", True),
        ("weekly rain", False),
        ("report天气", False),
        ("rec_01", True),
        ("ｒｅｃ", True),
        (".WAV", True),
        ("，", True),
        ('"', True),
        ("50%", True),
        ("5_%", False),
        ("%", True),
        ("straße", True),
        ("STRASSE", True),
        ("AND OR NOT NEAR(", False),
        ("body : x", False),
        ("天* ^", False),
        ("  天   好 ", True),
        ("\x00", True),  # nothing to look for
        ("天气" * 1_000, False),
    ],
)
async def test_search(history: SqlHistory, query: str, hits: bool) -> None:
    row = succeeded(
        "三月十二天气很好",
        '3月12，天气很好 Weekly Report "50%" Straße',
        filename="Rec_01 周会.wav",
    )
    await history.insert(row)
    await history.insert(succeeded("别的", filename="y", user="visitor-2"))
    assert await found(history, query) == ({row.id} if hits else set())


async def test_search_follows_the_row(history: SqlHistory) -> None:
    row, other = a_row(filename="甲.wav"), succeeded("会议", filename="乙.wav")
    await history.insert(row)
    await history.insert(other)
    assert await found(history, "甲") == {row.id}
    assert await found(history, "会") == {other.id}
    await history.finish(row.with_changes(status=Status.SUCCEEDED, transcript=a_transcript("开会")))
    assert await found(history, "会") == {row.id, other.id}
    await history.delete([row.id], user=None)
    assert await found(history, "会") == {other.id}
    assert await found(history, "甲") == set()


# Delete


async def test_only_final_rows_are_deleted(history: SqlHistory) -> None:
    rows = [a_row(status=status, audio_key=f"2026/11/{status}") for status in Status]
    for row in rows:
        await history.insert(row)
    done = await history.delete([row.id for row in rows], user="visitor-1")
    assert (done.deleted, done.under_way, done.kept) == (3, 2, 2)
    assert sorted(done.audio_keys) == ["2026/11/cancelled", "2026/11/failed", "2026/11/succeeded"]
    left = {row.status for row in (await history.page(HistoryQuery(user=None))).rows}
    assert left == {Status.QUEUED, Status.RUNNING}


async def test_a_recording_goes_with_its_last_row(history: SqlHistory) -> None:
    first, again = succeeded(audio_key="2026/11/a"), succeeded(audio_key="2026/11/a")
    await history.insert(first)
    await history.insert(again)
    assert await history.delete([first.id], user=None) == Deletion(1)
    assert await history.audio_keys_in_use(["2026/11/a"]) == {"2026/11/a"}
    assert await history.delete([again.id, again.id], user=None) == Deletion(1, audio_keys=("2026/11/a",))
    assert await history.audio_keys_in_use(["2026/11/a"]) == set()


async def test_what_is_known_of_a_recording_goes_with_its_last_row(history: SqlHistory) -> None:
    """Another user's, another format of it, and one that is under way count as well."""
    mine, other, running = succeeded(audio_id="d1"), succeeded(audio_id="d1", user="visitor-2"), a_row()
    for row in (mine, other, running):
        await history.insert(row)
    assert await history.save_progress(running.id, 1, Progress(Stage.DECODING), audio_id="d1")
    assert (await stored(history, running.id)).audio_id == "d1"
    # What is not said does not change what is known.
    assert await history.save_progress(running.id, 1, Progress(Stage.RECOGNISING))
    for row in (mine, other):
        assert await history.delete([row.id], user=None) == Deletion(1)
    await history.finish((await stored(history, running.id)).with_changes(status=Status.FAILED))
    assert await history.delete([running.id], user=None) == Deletion(1, audio_ids=("d1",))


async def test_two_who_delete_the_last_rows_at_once_leave_nothing(history: SqlHistory) -> None:
    for _ in range(8):
        rows = [succeeded(audio_key="2026/11/a", audio_id="d1", user=f"visitor-{n}") for n in range(2)]
        for row in rows:
            await history.insert(row)
        done = await asyncio.gather(*(history.delete([row.id], user=row.user) for row in rows))
        assert {key for one in done for key in one.audio_keys} == {"2026/11/a"}
        assert {name for one in done for name in one.audio_ids} == {"d1"}


async def test_what_somebody_wants_kept_is_not_deleted(history: SqlHistory) -> None:
    held = succeeded(audio_key="2026/11/a", hold=Hold("evidence", "visitor-2", utc_now()))
    await history.insert(held)
    assert await history.delete([held.id], user=None) == Deletion(held=1)
    assert (await stored(history, held.id)).audio_key == "2026/11/a"


async def test_ids_are_those_of_the_pages(history: SqlHistory) -> None:
    rows = [succeeded(text) for text in ("好的", "不行", "好吧", "好啊")]
    for row in rows:
        await history.insert(row)
    query = HistoryQuery("visitor-1", text="好", limit=2)
    newest = sorted((row.id for row in rows if row is not rows[1]), reverse=True)
    assert await history.ids(query) == newest[:2]
    assert await history.ids(replace(query, before_id=newest[1])) == newest[2:]
    assert await history.ids(replace(query, user="visitor-2")) == []


async def test_hundreds_of_rows_are_deleted_at_once(history: SqlHistory, database: Database) -> None:
    rows = [succeeded("好", filename="x", audio_key=f"2026/11/{number}") for number in range(520)]
    await asyncio.gather(*(history.insert(row) for row in rows))
    keys = [f"2026/11/{number}" for number in range(1_100)]
    assert await history.audio_keys_in_use(keys) == set(keys[:520])
    assert await history.audio_keys_in_use([]) == set()
    done = await history.delete([row.id for row in rows], user=None)
    assert (done.deleted, len(done.audio_keys)) == (520, 520)
    assert (await history.page(HistoryQuery(user=None))).rows == ()
    assert await found(history, "好") == set()


# Models


async def test_the_expected_fingerprint_is_the_last_one_named(database: Database) -> None:
    registry = SqlModelRegistry(database)
    assert await registry.expected_fingerprint("demo") is None
    await registry.expect("demo", "a")
    await asyncio.gather(*(registry.expect("other", "x") for _ in range(8)))
    await registry.expect("demo", "b")
    assert await registry.expected_fingerprint("demo") == "b"
    assert await registry.expected_fingerprint("other") == "x"


# Names of those who speak


def given(names: Mapping[str, str], speakers: Mapping[int, str]) -> Change:
    return lambda _row: Amendment(names, speakers)


async def test_names_are_added_and_taken_away(history: SqlHistory) -> None:
    row = succeeded(labels={"channel1": "李"})
    await history.insert(row)
    named = await history.amend(row.id, given({"speaker1": "<b>王</b>"}, {}), user="visitor-1")
    assert named is not None
    assert named == await stored(history, row.id)
    assert named.labels == {"channel1": "李", "speaker1": "<b>王</b>"}
    assert named.transcript == row.transcript, "the words keep their times"
    again = await history.amend(row.id, given({"channel1": ""}, {}), user=None)
    assert again is not None
    assert again.labels == {"speaker1": "<b>王</b>"}


async def test_lines_are_given_to_speakers(history: SqlHistory) -> None:
    segments = tuple(Segment(n, n + 1, "好", "好", speaker="1") for n in range(3))
    row = succeeded().with_changes(transcript=Transcript(segments, "zh"))
    await history.insert(row)
    changed = await history.amend(row.id, given({}, {1: "2", 7: "3"}), user="visitor-1")
    assert changed is not None
    assert [item.speaker for item in changed.transcript.segments] == ["1", "2", "1"]


async def test_others_and_running_rows_are_not_named(history: SqlHistory) -> None:
    row, running = succeeded(), a_row()
    await history.insert(row)
    await history.insert(running)
    assert await history.amend(row.id, given({"speaker1": "x"}, {0: "2"}), user="somebody") is None
    assert await history.amend(running.id, given({"speaker1": "x"}, {}), user=None) is None
    assert await history.amend(new_id(), given({"speaker1": "x"}, {}), user=None) is None
    assert await history.amend("no-id", given({"speaker1": "x"}, {}), user=None) is None
    assert await stored(history, row.id) == row.with_changes(
        created_at=(after := await stored(history, row.id)).created_at, finished_at=after.finished_at
    )


async def test_two_who_name_at_once_lose_nothing(history: SqlHistory) -> None:
    row = succeeded()
    await history.insert(row)
    await asyncio.gather(*(history.amend(row.id, given({f"speaker{n}": f"{n}"}, {}), user=None) for n in range(1, 9)))
    assert (await stored(history, row.id)).labels == {f"speaker{n}": f"{n}" for n in range(1, 9)}


async def test_a_change_is_decided_by_what_the_row_holds(history: SqlHistory) -> None:
    row = succeeded(labels={"channel0": ""})
    await history.insert(row)

    def one_more(present: RowState) -> Amendment:
        assert len(present.segments) == len(row.transcript.segments)
        return Amendment({f"speaker{len(present.labels) + 1}": "x"})

    await history.amend(row.id, given({"channel0": ""}, {}), user=None)
    await asyncio.gather(*(history.amend(row.id, one_more, user=None) for _ in range(8)))
    assert (await stored(history, row.id)).labels == {f"speaker{n}": "x" for n in range(1, 9)}


async def test_a_change_that_is_refused_changes_nothing(history: SqlHistory) -> None:
    row = succeeded()
    await history.insert(row)

    def refuse(_row: RowState) -> Never:
        raise InvalidOptions("no")

    with pytest.raises(InvalidOptions):
        await history.amend(row.id, refuse, user=None)
    assert (await stored(history, row.id)).labels == {}


async def test_an_id_finds_its_row(history: SqlHistory) -> None:
    row, other = succeeded(), succeeded()
    for item in (row, other):
        await history.insert(item)
    assert await found(history, row.id) == await found(history, f" {row.id.upper()} ") == {row.id}
    assert await found(history, row.id, user="visitor-2") == set()
    assert await found(history, new_id()) == set()


async def test_names_can_be_found_and_a_new_name_replaces_the_old(history: SqlHistory) -> None:
    row = succeeded("今天天气很好")
    await history.insert(row)
    await history.insert(succeeded("别的"))
    for name in ("王女士", "O'Neil"):
        await history.amend(row.id, given({"speaker1": name}, {}), user=None)
        assert await found(history, name[1:].lower()) == {row.id}
    assert await found(history, "王女士") == set()
    assert await found(history, "天气") == {row.id}
    page = await history.page(HistoryQuery(user=None, speaker="o'neil"))
    assert [item.id for item in page.rows] == [row.id]
    assert (await history.page(HistoryQuery(user=None, speaker="neil"))).rows == ()
    await history.amend(row.id, given({"speaker1": "Émile"}, {}), user=None)
    assert len((await history.page(HistoryQuery(user=None, speaker="ÉMILE"))).rows) == 1


@pytest.mark.parametrize("text", ["", "天气"])
async def test_every_filter_leaves_its_rows(history: SqlHistory, text: str) -> None:
    rows = {
        name: succeeded("今天天气很好", **changes)
        for name, changes in {
            "one": {"node": "一号", "model": "nano", "cache": CacheOutcome.MISS},
            "two": {"node": "it's two", "model": "nano", "cache": CacheOutcome.HIT, "source": Source.API},
            "none": {},
        }.items()
    }
    for row in rows.values():
        await history.insert(row)
    names = {row.id: name for name, row in rows.items()}

    async def left(**filters: object) -> set[str]:
        query = HistoryQuery(user="visitor-1", text=text, **filters)  # type: ignore[arg-type]
        return {names[row.id] for row in (await history.page(query)).rows}

    assert await left() == {"one", "two", "none"}
    assert await left(nodes=("一号",)) == {"one"}
    assert await left(nodes=("一号", "it's two")) == {"one", "two"}
    assert await left(models=("nano",), caches=(CacheOutcome.HIT,)) == {"two"}
    assert await left(sources=(Source.API,)) == {"two"}
    assert await left(languages=("zh",)) == {"one", "two", "none"}
    assert await left(languages=("en",)) == await left(nodes=("三号",)) == set()


async def test_imported_rows_keep_their_time_and_come_once(history: SqlHistory) -> None:
    long_ago = datetime(2024, 2, 29, 8, 0, tzinfo=UTC)
    row = succeeded("旧的记录", created_at=long_ago, finished_at=long_ago, source=Source.IMPORT)
    assert await history.insert_imported([row, row]) == 1
    assert await history.insert_imported([row]) == 0
    back = await stored(history, row.id)
    assert (back.created_at, back.finished_at) == (long_ago, long_ago)
    assert await found(history, "旧的") == {row.id}
    with pytest.raises(ValueError, match="running"):
        await history.insert_imported([a_row()])


@pytest.mark.parametrize(
    "said_in", [lambda n: n >= 3, lambda n: n % 7 == 3, lambda n: n > 50], ids=["all but", "few", "no"]
)
async def test_what_the_newest_rows_do_not_say_is_found_in_older_ones(
    history: SqlHistory, said_in: Callable[[int], bool]
) -> None:
    """Newest first, however the database finds them, and in any range of days."""
    now = utc_now()
    days = [now - timedelta(days=2 * number) for number in range(30)]
    rows = [
        succeeded("今天天气" if said_in(number) else "明天开会").with_changes(
            id=id_of(round(day.timestamp() * 1000), bytes([number]) * 10), created_at=day, finished_at=day
        )
        for number, day in enumerate(days)
    ]
    await history.insert_imported(rows)
    wanted = [row for number, row in enumerate(rows) if said_in(number)]
    for since, until in ((None, None), (days[20], days[5]), (days[9], None), (None, days[25])):
        page = await history.page(HistoryQuery(user=None, text="天气", since=since, until=until, limit=8))
        assert [row.id for row in page.rows] == [
            row.id
            for row in wanted
            if (since is None or row.created_at >= since) and (until is None or row.created_at < until)
        ][:8]
