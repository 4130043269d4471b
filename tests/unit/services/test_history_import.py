"""The history of the original WebUI, in the shapes that its versions left, taken over into the real database."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from domain.errors import InvalidInput
from domain.history import HistoryQuery
from domain.recognition import Recognition, Source, Status
from services.history_import import HistoryImport, ImportOptions, ImportReport
from services.zones import zone_of
from storage.audio_files import FileAudioStore
from storage.history import SqlHistory
from storage.old_history import OldHistoryFile
from tests.helpers.speech import say, write_wav
from tests.helpers.storage import new_database

CHINA = ImportOptions(zone=timezone(timedelta(hours=8)))
NEW = (
    "CREATE TABLE recognition_history (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, filename TEXT, "
    "filepath TEXT, language TEXT, hotwords TEXT, itn_enabled INTEGER, raw_text TEXT, normalized_text TEXT)"
)
OLD = (
    "CREATE TABLE recognition_history (id INTEGER PRIMARY KEY, timestamp DATETIME, file_path TEXT, language TEXT, "
    "hotwords TEXT, result_text TEXT, itn_text TEXT)"
)
GOOD = ("2025-09-01 12:34:56", "会议.wav", "/srv/audio/会议.wav", "中文", "空调,北京", 1, "三点开会", "3点开会")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlHistory]:
    with new_database(tmp_path) as database:
        yield SqlHistory(database)


@pytest.fixture
def importing(store: SqlHistory, tmp_path: Path) -> HistoryImport:
    return HistoryImport(store, FileAudioStore(tmp_path / "store"), OldHistoryFile)


def old_file(folder: Path, *rows: tuple[object, ...], schema: str = NEW, name: str = "old.db") -> Path:
    path = folder / name
    with sqlite3.connect(path) as database:
        database.execute(schema)
        columns = [row[1] for row in database.execute("PRAGMA table_info(recognition_history)")][1:]
        places = ", ".join("?" * len(columns))
        database.executemany(f"INSERT INTO recognition_history ({', '.join(columns)}) VALUES ({places})", rows)
    database.close()
    return path


async def imported(importing: HistoryImport, path: Path, options: ImportOptions = CHINA) -> ImportReport:
    *_, report = [report async for report in importing.run(path, options)]
    return report


async def everything(store: SqlHistory) -> tuple[Recognition, ...]:
    return (await store.page(HistoryQuery(user=None, limit=1_000))).rows


async def test_a_row_keeps_its_time_its_texts_and_its_options(
    store: SqlHistory, importing: HistoryImport, tmp_path: Path
) -> None:
    report = await imported(importing, old_file(tmp_path, GOOD))
    assert (report.total, report.added, report.known, report.skipped) == (1, 1, 0, [])
    [row] = await everything(store)
    assert row.created_at == row.finished_at == datetime(2025, 9, 1, 4, 34, 56, tzinfo=UTC)
    assert (row.source, row.status, row.user, row.filename) == (Source.IMPORT, Status.SUCCEEDED, "local", "会议.wav")
    assert (row.transcript.raw_text, row.transcript.normalized_text, row.language) == ("三点开会", "3点开会", "zh")
    assert (row.options.language, row.options.hotwords, row.options.itn) == ("zh", ("北京", "空调"), True)
    assert row.audio_key is None
    [found] = (await store.page(HistoryQuery(user=None, text="开会", sources=(Source.IMPORT,)))).rows
    assert found.id == row.id


async def test_an_older_version_has_other_columns(store: SqlHistory, importing: HistoryImport, tmp_path: Path) -> None:
    row = (1_756_701_296, "C:\\录音\\早会.wav", "auto", None, "早上好", None)
    await imported(importing, old_file(tmp_path, row, schema=OLD))
    [row] = await everything(store)
    assert row.created_at == datetime(2025, 9, 1, 4, 34, 56, tzinfo=UTC), "a number has no zone"
    assert (row.filename, row.text, row.transcript.normalized_text) == ("早会.wav", "早上好", None)
    assert (row.options.itn, row.options.language, row.language) == (True, "auto", None)


async def test_a_table_that_was_extended_has_older_rows_in_its_older_columns(
    store: SqlHistory, importing: HistoryImport, tmp_path: Path
) -> None:
    path = old_file(tmp_path, (GOOD[0], "/srv/旧.wav", "zh", None, "旧的三点", "旧的3点"), schema=OLD)
    with sqlite3.connect(path) as database:
        for column in ("raw_text TEXT", "normalized_text TEXT DEFAULT ''", "filepath TEXT"):
            database.execute(f"ALTER TABLE recognition_history ADD COLUMN {column}")
        database.execute(
            "INSERT INTO recognition_history (timestamp, filepath, raw_text, normalized_text) VALUES (?, ?, ?, ?)",
            ("2025-09-02 08:00:00", "/srv/新.wav", "新的三点", "新的3点"),
        )
    database.close()
    report = await imported(importing, path)
    assert (report.added, report.skipped) == (2, [])
    rows = [(row.filename, row.transcript.raw_text, row.transcript.normalized_text) for row in await everything(store)]
    assert rows == [("新.wav", "新的三点", "新的3点"), ("旧.wav", "旧的三点", "旧的3点")]


async def test_importing_again_adds_only_what_is_new(
    store: SqlHistory, importing: HistoryImport, tmp_path: Path
) -> None:
    path = old_file(tmp_path, GOOD, GOOD, ("2025-09-02 08:00:00", *GOOD[1:]))
    first = await imported(importing, path)
    assert (first.added, first.known) == (2, 1), "the same twice is the same"
    again = await imported(importing, path)
    assert (again.added, again.known) == (0, 3)
    # Another copy, where rows have gone and come.
    copy = old_file(tmp_path, ("2025-09-03 08:00:00", *GOOD[1:]), GOOD, name="copy.db")
    grown = await imported(importing, copy)
    assert (grown.added, grown.known) == (1, 1)
    times = [row.created_at for row in await everything(store)]
    assert times == sorted(times, reverse=True) and len(times) == 3


async def test_each_user_has_rows_of_its_own(store: SqlHistory, importing: HistoryImport, tmp_path: Path) -> None:
    path = old_file(tmp_path, GOOD)
    for user in ("local", "ann", "bob"):
        options = ImportOptions(user=user, zone=CHINA.zone)
        first, again = await imported(importing, path, options), await imported(importing, path, options)
        assert (first.added, first.known, again.added, again.known) == (1, 0, 0, 1)
    assert {row.user for row in await everything(store)} == {"local", "ann", "bob"}


async def test_many_rows_of_one_second_all_come(store: SqlHistory, importing: HistoryImport, tmp_path: Path) -> None:
    rows = [(GOOD[0], f"{number}.wav", *GOOD[2:]) for number in range(500)]
    states = [report.read async for report in importing.run(old_file(tmp_path, *rows), CHINA)]
    assert len(states) >= 3, "progress is told"
    assert len(await everything(store)) == 500


async def test_what_is_left_out_is_named_with_its_reason(
    store: SqlHistory, importing: HistoryImport, tmp_path: Path
) -> None:
    def at(time: object, raw: object = "好", written: object = None) -> tuple[object, ...]:
        return time, "a.wav", None, None, None, None, raw, written

    rows = [
        at("昨天"),
        at(""),
        at(GOOD[0], None),
        at(GOOD[0], " ", ""),
        at("1970-01-01 08:00:00"),
        at("2999-01-01"),
        at(GOOD[0]),
    ]
    report = await imported(importing, old_file(tmp_path, *rows))
    assert [(row.number, row.reason) for row in report.skipped] == [
        (1, "no_time"),
        (2, "no_time"),
        (3, "no_text"),
        (4, "no_text"),
        (5, "impossible_time"),
        (6, "impossible_time"),
    ]
    assert (report.added, report.known, len(await everything(store))) == (1, 0, 1)
    assert report.reasons() == {"no_time": 2, "no_text": 2, "impossible_time": 2}


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2025-09-01 12:34:56", "2025-09-01T04:34:56+00:00"),
        ("2025-09-01T12:34:56.789", "2025-09-01T04:34:56.789000+00:00"),
        ("2025-09-01T12:34:56+09:00", "2025-09-01T03:34:56+00:00"),
        ("2025/09/01 12:34", "2025-09-01T04:34:00+00:00"),
        ("20250901_123456", "2025-09-01T04:34:56+00:00"),
        ("1756701296.5", "2025-09-01T04:34:56.500000+00:00"),
        (1_756_701_296_500, "2025-09-01T04:34:56.500000+00:00"),
    ],
)
async def test_times_in_many_spellings(
    store: SqlHistory, importing: HistoryImport, tmp_path: Path, written: object, moment: str
) -> None:
    await imported(importing, old_file(tmp_path, (written, *GOOD[1:])))
    [row] = await everything(store)
    assert row.created_at.isoformat() == moment


async def test_summer_time_is_that_of_the_day(store: SqlHistory, importing: HistoryImport, tmp_path: Path) -> None:
    rows = [("2025-07-01 12:00:00", *GOOD[1:]), ("2025-01-01 12:00:00", *GOOD[1:])]
    await imported(importing, old_file(tmp_path, *rows), ImportOptions(zone=zone_of("Europe/Berlin")))
    assert [row.created_at.hour for row in await everything(store)] == [10, 11]


async def test_options_that_are_no_longer_taken_do_not_stop_a_row(
    store: SqlHistory, importing: HistoryImport, tmp_path: Path
) -> None:
    hotwords = f"[\"空调\", 'New York', '/etc/passwd', '{'长' * 99}']"
    row = (GOOD[0], "a.wav", None, "克林贡语!", hotwords, 0, "三点", "3点")
    await imported(importing, old_file(tmp_path, row))
    [kept] = await everything(store)
    assert (kept.options.hotwords, kept.options.language) == (("New York", "空调"), "auto")
    assert (kept.options.itn, kept.text) == (False, "三点")


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
async def test_the_old_file_is_never_changed(
    store: SqlHistory, importing: HistoryImport, tmp_path: Path, mode: str
) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    path = old_file(folder, GOOD)
    # As the old program leaves it: running, or killed while rows lay beside the file.
    running = sqlite3.connect(path)
    running.execute(f"PRAGMA journal_mode = {mode}")
    running.execute("UPDATE recognition_history SET raw_text = '四点开会'")
    running.commit()
    before = {item.name: (item.stat().st_mtime_ns, item.read_bytes()) for item in folder.iterdir()}
    assert (await imported(importing, path)).added == 1
    assert {item.name: (item.stat().st_mtime_ns, item.read_bytes()) for item in folder.iterdir()} == before
    running.close()
    [row] = await everything(store)
    assert row.transcript.raw_text == "四点开会"


async def test_a_file_that_is_no_history_is_refused_in_words(importing: HistoryImport, tmp_path: Path) -> None:
    text, other = tmp_path / "text.db", tmp_path / "other.db"
    text.write_text("no database at all, but long enough for a header " * 9)
    sqlite3.connect(other).execute("CREATE TABLE a (b)").connection.close()
    bare = old_file(tmp_path, schema="CREATE TABLE recognition_history (id INTEGER, filename TEXT)", name="bare.db")
    for path, told in (
        (tmp_path / "missing.db", "no such file"),
        (text, "cannot be read"),
        (other, "no table recognition_history"),
        (bare, "no column for the time"),
    ):
        with pytest.raises(InvalidInput, match=told):
            await imported(importing, path)


async def test_recordings_below_the_folder_are_taken_along_once(
    store: SqlHistory, importing: HistoryImport, tmp_path: Path
) -> None:
    root = tmp_path / "audio"
    root.mkdir()
    write_wav(root / "a.wav", say("今天"))
    (root / "broken.wav").write_bytes(b"RIFF")
    outside = write_wav(tmp_path / "outside.wav", say("明天"))
    rows = [
        ("2025-09-01 12:00:00", "a.wav", "a.wav", *GOOD[3:]),
        ("2025-09-01 13:00:00", "broken.wav", str(root / "broken.wav"), *GOOD[3:]),
        ("2025-09-01 14:00:00", "outside.wav", str(outside), *GOOD[3:]),
        ("2025-09-01 15:00:00", "up.wav", "../outside.wav", *GOOD[3:]),
    ]
    path = old_file(tmp_path, *rows)
    options = ImportOptions(zone=UTC, audio_root=root)
    assert (await imported(importing, path, options)).audio == 1
    rows_now = {row.filename: row for row in await everything(store)}
    kept = rows_now["a.wav"]
    assert kept.audio_key and kept.audio.sample_rate == 16_000
    assert kept.transcript.segments[0].end_ms == round(kept.audio.seconds * 1000) > 0
    assert [name for name, row in rows_now.items() if row.audio_key] == ["a.wav"]
    assert (await imported(importing, path, options)).audio == 0
    assert len(list((tmp_path / "store").rglob("*.wav"))) == 1
