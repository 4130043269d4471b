"""Many recordings as one file, over the real database: every format as programs read it back."""

import csv
import io
import json
import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from domain.access import Visitor
from domain.errors import InvalidInput, InvalidOptions, NotFound, StorageUnavailable
from domain.history import HistoryPage, HistoryQuery
from domain.ids import id_of, new_id
from domain.recognition import CacheOutcome, Recognition, Source, Status
from domain.transcript import Segment, Transcript
from domain.words import Word
from services import export_xlsx
from services.corrections import Corrections
from services.export import export
from services.export_files import ExportFiles
from services.export_words import word
from services.export_xlsx import MAX_CELL_UNITS
from services.exports import PAGE_ROWS, Export, Exports, ManyFormat, Wanted
from storage.history import SqlHistory
from tests.helpers.storage import a_row, new_database
from tests.helpers.web_api import FakeStore
from webui.i18n import LANGUAGES, Catalogue

EVERYBODY = HistoryQuery(user=None)
CHINA = timezone(timedelta(hours=8))
NOON = datetime(2026, 11, 20, 4, 0, 0, tzinfo=UTC)
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlHistory]:
    with new_database(tmp_path) as database:
        yield SqlHistory(database)


@pytest.fixture
def exports(store: SqlHistory, tmp_path: Path) -> Iterator[Exports]:
    exports = Exports(store, _folder(tmp_path))
    yield exports
    exports.close()


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir(exist_ok=True)
    return folder


def said(text: str, **changes: Any) -> Recognition:
    """A finished recording of one voice."""
    transcript = Transcript((Segment(0, 1500, text, text),), "zh")
    number = len(text)
    fixed = {"id": id_of(1_700_000_000_000 + number, b"0123456789"), "created_at": NOON, "finished_at": NOON}
    return a_row(**({**fixed, "status": Status.SUCCEEDED, "transcript": transcript} | changes))


async def add(store: SqlHistory, *rows: Recognition) -> None:
    assert await store.insert_imported(rows) == len(rows)


async def content(export: Export) -> bytes:
    async with aclosing(export.chunks) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def exported(exports: Exports, format: ManyFormat, **wanted: Any) -> tuple[Export, bytes]:
    export = await exports.open(Wanted(wanted.pop("query", EVERYBODY), format, **wanted))
    return export, await content(export)


def unzipped(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def table(data: bytes) -> list[list[str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def sheets(data: bytes) -> dict[str, list[list[tuple[str, str]]]]:
    """Each sheet's rows; a cell is its type (``inlineStr`` for texts, ``n`` for numbers) and what it holds."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        names = [sheet.attrib["name"] for sheet in book.iter(f"{_MAIN}sheet")]
        read: dict[str, list[list[tuple[str, str]]]] = {}
        for number, name in enumerate(names, 1):
            root = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml"))
            assert not list(root.iter(f"{_MAIN}f")) and not list(root.iter(f"{_MAIN}hyperlink"))
            read[name] = [
                [(cell.attrib.get("t", "n"), "".join(cell.itertext())) for cell in row]
                for row in root.iter(f"{_MAIN}row")
            ]
        return read


async def test_a_table_for_spreadsheets_has_one_line_for_each_recording_newest_first(
    store: SqlHistory, exports: Exports
) -> None:
    older = said("一", filename="早.wav", id=id_of(1_700_000_000_000, b"0" * 10), status=Status.FAILED)
    newer = said("二二", filename="晚.wav", cache=CacheOutcome.HIT, node="gpu-1")
    await add(store, older, newer)
    export, data = await exported(exports, "csv", zone=CHINA)
    rows = [dict(zip(table(data)[0], line, strict=True)) for line in table(data)[1:]]
    assert [row["文件名"] for row in rows] == ["晚.wav", "早.wav"]
    assert rows[0]["时间 (UTC+08:00)"] == "2026-11-20 12:00:00"
    assert (rows[0]["规整文本"], rows[0]["状态"], rows[0]["结果来自"]) == ("二二", "完成", "缓存命中")
    assert (rows[0]["热词"], rows[0]["节点"], rows[0]["编号"]) == ("北京、空调", "gpu-1", newer.id)
    assert rows[1]["状态"] == "失败"
    assert (export.progress.done, export.progress.reached) == (2, NOON)
    assert re.fullmatch(r"识别历史-\d{8}-\d{6}\.csv", export.filename)
    english, data = await exported(exports, "csv", language="en", zone=None)
    assert table(data)[0][:3] == ["Time (local)", "File", "Length (s)"]
    assert english.filename.startswith("recognitions-")


@pytest.mark.parametrize(
    "text", ["=1+1", "  =1+1", "+86 138", "-1", "@SUM(A1)", "\t=1", "＝1+1", '=HYPERLINK("http://a")']
)
async def test_nothing_that_was_said_becomes_a_formula(store: SqlHistory, exports: Exports, text: str) -> None:
    await add(store, said(text, filename=f"{text.strip()}.wav"))
    line = table((await exported(exports, "csv"))[1])[1]
    assert line[1] == f"'{text.strip()}.wav" and line[3].startswith("'")
    recordings = sheets((await exported(exports, "xlsx"))[1])["录音"]
    assert recordings[1][1] == ("inlineStr", f"{text.strip()}.wav")


async def test_a_workbook_has_a_sheet_by_recording_and_one_by_segment(store: SqlHistory, exports: Exports) -> None:
    call = Transcript(
        (
            Segment(0, 1500, "您好", "您好。", channel=0),
            Segment(3_661_007, 3_662_000, "一三八零零一三八零零零", "13800138000", channel=1),
        ),
        "zh",
    )
    await add(store, said("x", transcript=call, filename="http://例.wav", labels={"channel1": "王女士"}))
    export, data = await exported(exports, "xlsx", zone=CHINA)
    book = sheets(data)
    assert list(book) == ["录音", "片段"]
    assert export.filename.endswith(".xlsx") and "spreadsheetml" in export.media_type
    [headings, recording] = book["录音"]
    assert [text for _, text in headings][:3] == ["时间 (UTC+08:00)", "文件名", "时长（秒）"]
    assert recording[0][0] == "n" and float(recording[0][1]) == pytest.approx(46346.5)
    assert ("inlineStr", "坐席：您好。\n王女士：13800138000") in recording
    first, second = ([text for _, text in row] for row in book["片段"][1:])
    assert first[2:7] == ["1", "00:00:00.000", "00:00:01.500", "坐席", "您好。"]
    assert second[2:8] == ["2", "01:01:01.007", "01:01:02.000", "王女士", "13800138000", "一三八零零一三八零零零"]
    assert book["片段"][2][6][0] == "inlineStr", "a telephone number is a text, whole"
    assert sheets((await exported(exports, "xlsx", language="en"))[1]).keys() == {"Recordings", "Segments"}


async def test_tables_hold_what_people_corrected(store: SqlHistory, exports: Exports) -> None:
    row = said("天器很好")
    await add(store, row)
    await Corrections(store).correct(row.id, {0: "=天气很好"}, visitor=Visitor("root", is_admin=True))
    [line] = table((await exported(exports, "csv"))[1])[1:]
    assert line[3:5] == ["'=天气很好"] * 2
    segment = [text for _, text in sheets((await exported(exports, "xlsx"))[1])["片段"][1]]
    assert segment[5:7] == ["=天气很好"] * 2
    [data] = [json.loads(text) for text in unzipped((await exported(exports, "json", always_zip=True))[1]).values()]
    assert (data["text"], data["raw_text"]) == ("=天气很好", "天器很好")


@pytest.mark.parametrize("text", ["<r>不是标记</r>", "a & <b> \x07 _x0041_ \ufffe", "half \ud83d a pair", "  空格  "])
async def test_whatever_was_said_a_workbook_can_be_opened(store: SqlHistory, exports: Exports, text: str) -> None:
    # As a cell of the file name, which keeps what a text in the database cannot hold.
    fake = Exports(cast(Any, FakeStore([said(text, user="local")])))
    book = sheets((await exported(fake, "xlsx"))[1])
    fake.close()
    [_, segment] = book["片段"]
    kept = text.replace("\x07", "_x0007_").replace("_x0041_", "_x005F_x0041_").replace("\ufffe", "_xFFFE_")
    assert segment[5][1].strip() == kept.replace("\ud83d", "?").strip()


async def test_what_a_cell_cannot_hold_goes_on_in_the_next_row(store: SqlHistory, exports: Exports) -> None:
    long = "很" * (MAX_CELL_UNITS - 1) + "😀" + "长" * MAX_CELL_UNITS
    await add(store, said(long))
    book = sheets((await exported(exports, "xlsx"))[1])
    told = book["录音"][1][2][1]
    assert told.endswith(word("more", "zh")) and len(told) <= 32_767
    parts = [row[5][1] for row in book["片段"][1:]]
    assert "".join(parts) == long and len(parts) == 3
    assert max(len(part.encode("utf-16-le")) // 2 for part in parts) <= 32_767
    assert table((await exported(exports, "csv"))[1])[1][3] == long


async def test_a_full_sheet_is_followed_by_another(
    store: SqlHistory, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_xlsx, "MAX_ROWS", 3)
    await add(store, *(said("话" * number) for number in range(1, 6)))
    book = sheets((await exported(exports, "xlsx"))[1])
    assert list(book) == ["录音", "片段", "录音 2", "片段 2", "录音 3", "片段 3"]
    assert [len(rows) for rows in book.values()] == [3, 3, 3, 3, 2, 2]
    assert all(rows[0][1][1] == "文件名" for rows in book.values())


async def test_texts_are_one_file_each_with_names_of_their_own(store: SqlHistory, exports: Exports) -> None:
    names = [
        "会议.wav",
        "会议.mp3",
        "会议 (2).wav",
        "../../etc/passwd",
        "con.wav",
        'a<b>:"c|d?*.wav',
        "Café.wav",
        "CAFÉ.wav",
    ]
    await add(store, *(said("话" * number, filename=name) for number, name in enumerate(names, 1)))
    export, data = await exported(exports, "txt")
    files = unzipped(data)
    assert export.filename.endswith(".zip") and export.media_type == "application/zip"
    assert len(files) == len({name.casefold() for name in files}) == len(names)
    assert all("/" not in name and "\\" not in name and not set(name) & set('<>:"|?*') for name in files)
    assert {"会议.txt", "会议 (2).txt", "会议 (3).txt", "passwd.txt", "_con.txt"} <= files.keys()
    assert sorted(map(len, files.values())) == [number + 1 for number in range(1, len(names) + 1)]


@pytest.mark.parametrize("format", ["txt", "srt", "vtt", "json"])
async def test_one_recording_alone_is_no_zip_unless_one_is_wanted(
    store: SqlHistory, exports: Exports, format: ManyFormat
) -> None:
    await add(store, said("a --> <b> {c}", filename="会议.wav"))
    export, data = await exported(exports, format)
    assert export.filename == f"会议.{format}" and export.progress.done == 1
    text = data.decode()
    if format == "srt":
        assert text.count("-->") == 1 and "a → ＜b＞ ｛c｝" in text
    if format == "vtt":
        assert text.count("-->") == 1 and "a --&gt; &lt;b&gt; {c}" in text
    zipped, packed = await exported(exports, format, always_zip=True)
    assert zipped.filename.endswith(".zip") and unzipped(packed) == {f"会议.{format}": text}


async def test_what_has_no_text_is_left_out_and_listed(store: SqlHistory, exports: Exports) -> None:
    failed = a_row(status=Status.FAILED, filename="坏.wav")
    await store.insert(failed)
    await add(store, said("一"), said("二二"))
    export, data = await exported(exports, "srt")
    assert (export.progress.done, export.progress.without_text) == (2, 1)
    assert unzipped(data)["未导出.txt"] == f"坏.wav\t{failed.id}\t没有文字 (失败)\n"
    # Also beside a single text.
    data = (await exported(exports, "txt", ids=(failed.id, said("一").id)))[1]
    assert unzipped(data).keys() == {"会议.txt", "未导出.txt"}
    # Where the state has its place, nothing is left out.
    assert len(unzipped((await exported(exports, "json"))[1])) == 3
    assert len(table((await exported(exports, "csv"))[1])) == 4
    with pytest.raises(InvalidInput) as refused:
        await exports.open(Wanted(HistoryQuery(user=None, statuses=(Status.FAILED,)), "txt"))
    assert refused.value.details["reason"] == "none_has_text"


async def test_a_selection_has_those_rows_that_its_owner_may_see(store: SqlHistory, exports: Exports) -> None:
    mine, other, foreign = said("一", user="me"), said("二二", user="me"), said("三三三", user="you")
    await add(store, mine, other, foreign)
    ids = (mine.id, foreign.id, "nonsense", mine.id)
    export, data = await exported(exports, "csv", query=HistoryQuery(user="me"), ids=ids)
    assert [line[-1] for line in table(data)[1:]] == [mine.id]
    assert (export.progress.total, export.progress.done, export.progress.gone) == (3, 1, 2)
    with pytest.raises(InvalidInput) as refused:
        await exports.open(Wanted(HistoryQuery(user="me"), "xlsx", (foreign.id,)))
    assert refused.value.details["reason"] == "nothing_to_export"
    with pytest.raises(InvalidOptions):
        Wanted(EVERYBODY, ids=("x",) * 10_001)


async def test_a_search_exports_all_its_pages_and_nothing_else(store: SqlHistory, exports: Exports) -> None:
    rows = [said(f"今天{number}", id=id_of(1_700_000_000_000 + number, b"0" * 10)) for number in range(PAGE_ROWS + 7)]
    await add(store, *rows, said("明天", id=new_id()))
    query = HistoryQuery(user=None, text="今天", sources=(Source.WEB,))
    data = (await exported(exports, "csv", query=query))[1]
    assert [line[-1] for line in table(data)[1:]] == [row.id for row in reversed(rows)]
    assert len(unzipped((await exported(exports, "vtt", query=query))[1])) == len(rows)


@pytest.mark.parametrize("format", ["srt", "vtt", "json"])
async def test_a_search_has_the_word_times_that_a_selection_has(
    store: SqlHistory, exports: Exports, format: ManyFormat
) -> None:
    text = "今天天气怎么样，明天天气怎么样，后天天气怎么样，大后天天气又会怎么样呢，我们都想知道。"
    words = tuple(Word(char, place * 300, place * 300 + 250) for place, char in enumerate(text))
    timed = Transcript((Segment(0, len(text) * 300, text, text, words=words),), "zh")
    rows = [said("话" * number, transcript=timed) for number in (1, 2)]
    await add(store, *rows)
    _, found = await exported(exports, format)
    _, named = await exported(exports, format, ids=tuple(row.id for row in rows))
    assert unzipped(found) == unzipped(named)
    bare = said("x", transcript=Transcript((replace(timed.segments[0], words=()),), "zh"))
    assert export(bare, cast(Any, format)).content.decode() not in unzipped(found).values()


async def test_what_the_file_is_shows_within_one_page() -> None:
    failed = [said("话" * number, status=Status.FAILED, transcript=Transcript(())) for number in range(1, 301)]
    store = FakeStore([*failed, said("话" * 400)])
    exports = Exports(cast(Any, store))
    made = await exports.open(Wanted(EVERYBODY, "srt"))
    assert made.filename.endswith(".zip") and len(store.asked) == 1
    assert len(unzipped(await content(made))) == 2
    assert (made.progress.done, made.progress.without_text) == (1, 300)
    exports.close()


async def test_many_without_a_text_are_no_file_for_a_page(tmp_path: Path) -> None:
    failed = [said("话" * number, status=Status.FAILED, transcript=Transcript(())) for number in range(1, 101)]
    folder = _folder(tmp_path)
    exports = Exports(cast(Any, FakeStore(failed)), folder)
    with pytest.raises(InvalidInput) as refused:
        await made(ExportFiles(exports, folder), Wanted(EVERYBODY, "txt"), Visitor("me"))
    assert (refused.value.details["reason"], list(folder.iterdir())) == ("none_has_text", [])
    exports.close()


class Endless:
    """A history of ``count`` rows that are made as they are asked for."""

    def __init__(self, count: int) -> None:
        self.count = count

    async def page(self, query: HistoryQuery) -> HistoryPage:
        begin = int(query.before_id or 0)
        end = min(begin + query.limit, self.count)
        rows = tuple(
            said(f"第{number}句，今天天气怎么样", filename=f"{number % 7}.wav") for number in range(begin, end)
        )
        return HistoryPage(rows, str(end) if end < self.count else None)


async def peak_bytes(format: ManyFormat, count: int, folder: Path) -> int:
    exports = Exports(cast(Any, Endless(count)), folder)
    export = await exports.open(Wanted(EVERYBODY, format))
    tracemalloc.start()
    async with aclosing(export.chunks) as chunks:
        async for _ in chunks:
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    exports.close()
    assert export.progress.done == count
    return peak


@pytest.mark.parametrize("format", ["csv", "xlsx", "txt"])
async def test_the_number_of_rows_does_not_raise_the_memory(tmp_path: Path, format: ManyFormat) -> None:
    await peak_bytes(format, 60, tmp_path)  # what is imported once
    few, many = await peak_bytes(format, 200, tmp_path), await peak_bytes(format, 2_000, tmp_path)
    # Ten times the rows, or an object for each file of a zip, would be a megabyte more at least.
    assert many < few + 500_000, (few, many)
    assert list(tmp_path.iterdir()) == [], "nothing temporary is left"


async def test_a_database_that_goes_away_ends_the_file_where_it_is(tmp_path: Path) -> None:
    rows = [said(f"{number}", id=id_of(number, b"0" * 10)) for number in range(3 * PAGE_ROWS)]
    folder = _folder(tmp_path)
    exports = Exports(cast(Any, FakeStore(rows, fails_after=2)), folder)
    export = await exports.open(Wanted(EVERYBODY, "xlsx"))
    with pytest.raises(StorageUnavailable):
        await content(export)
    assert list(folder.iterdir()) == []
    exports.close()


async def made(files: ExportFiles, wanted: Wanted, visitor: Visitor) -> str:
    tokens = [token async for _, token in files.make(wanted, visitor=visitor)]
    assert tokens[-1] and not any(tokens[:-1])
    return tokens[-1]


async def test_a_page_gets_its_file_and_nobody_else_does(store: SqlHistory, exports: Exports, tmp_path: Path) -> None:
    await add(store, said("一"), said("二二"))
    me, folder = Visitor("me", is_admin=True), _folder(tmp_path)
    files = ExportFiles(exports, folder)
    token = await made(files, Wanted(EVERYBODY, "csv"), me)
    ready = files.get(token, visitor=me)
    assert len(table(ready.path.read_bytes())) == 3 and ready.filename.endswith(".csv")
    for visitor, asked in ((Visitor("you"), token), (me, "nonsense")):
        with pytest.raises(NotFound):
            files.get(asked, visitor=visitor)
    ready.path.unlink()
    with pytest.raises(NotFound) as gone:
        files.get(token, visitor=me)
    assert gone.value.details["reason"] == "export_gone"


async def test_one_users_files_make_room_for_each_other_only(
    store: SqlHistory, exports: Exports, tmp_path: Path
) -> None:
    await add(store, said("一"))
    me, you, wanted = Visitor("me", is_admin=True), Visitor("you", is_admin=True), Wanted(EVERYBODY, "csv")
    files = ExportFiles(exports, _folder(tmp_path))
    yours = await made(files, wanted, you)
    mine = [await made(files, wanted, me) for _ in range(101)]
    assert files.get(yours, visitor=you).path.exists()
    assert len({files.get(token, visitor=me).path for token in mine[-5:]}) == 5
    with pytest.raises(NotFound):
        files.get(mine[-6], visitor=me)
    assert len(list(_folder(tmp_path).iterdir())) == 6


async def test_a_workbook_that_cannot_be_written_at_its_end_says_why(
    store: SqlHistory, exports: Exports, tmp_path: Path
) -> None:
    await add(store, said("一"))
    folder = _folder(tmp_path)
    made = await exports.open(Wanted(EVERYBODY, "xlsx"))
    async with aclosing(made.chunks) as chunks:
        assert await anext(chunks) == b""
        [temporary] = folder.iterdir()
        (temporary / "workbook.xlsx").mkdir()
        with pytest.raises(OSError, match="Is a directory"):
            await anext(chunks)
    assert list(folder.iterdir()) == []


async def test_an_export_that_is_given_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.export_files._TELL_SECONDS", 0.0)
    folder = _folder(tmp_path)
    exports = Exports(cast(Any, Endless(500)), folder)
    states = ExportFiles(exports, folder).make(Wanted(EVERYBODY, "xlsx"), visitor=Visitor("me"))
    async with aclosing(states):
        export, token = await anext(states)
        assert token is None and 0 < export.progress.done < 500
        assert list(folder.iterdir()) != []
    assert list(folder.iterdir()) == []
    exports.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_say_what_the_pages_say(language: Any) -> None:
    catalogue = Catalogue()
    keys = [f"status_{item}" for item in Status] + [f"source_{item}" for item in Source]
    for key in [*keys, *(f"badge_{item}" for item in CacheOutcome)]:
        assert word(key, language) == catalogue.text(language, key)
