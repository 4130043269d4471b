"""The zip that is written as it goes, read by the standard library."""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.export_zip import ZipWriter, safe_name

NOON = datetime(2026, 11, 20, 12, 0, 8, tzinfo=UTC)


def test_files_come_back_with_name_time_and_content() -> None:
    writer = ZipWriter()
    data = writer.add("会议.txt", "今天".encode() * 500, NOON) + writer.add("empty.txt", b"", NOON)
    data += b"".join(writer.end())
    writer.close()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.read("会议.txt").decode() == "今天" * 500
        assert archive.getinfo("会议.txt").date_time == (2026, 11, 20, 12, 0, 8)
        assert archive.getinfo("会议.txt").compress_size < 100
        assert archive.read("empty.txt") == b""


def test_temporary_files_lie_where_they_shall(tmp_path: Path) -> None:
    writer = ZipWriter(tmp_path)
    writer.add("会议.txt", b"", NOON)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"directory", "names.db"}
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_more_files_than_the_format_began_with() -> None:
    writer, whole = ZipWriter(), io.BytesIO()
    for number in range(65_600):
        whole.write(writer.add(f"{number}.txt", b"", NOON))
    whole.writelines(writer.end())
    writer.close()
    with zipfile.ZipFile(whole) as archive:
        assert len(archive.namelist()) == 65_600 and archive.namelist()[-1] == "65599.txt"
        assert archive.read("65599.txt") == b""


def test_files_that_lie_behind_four_gigabytes(tmp_path: Path) -> None:
    far = 5 << 30
    writer = ZipWriter(offset=far)
    # A file with a hole: it takes no room.
    with (tmp_path / "large.zip").open("wb") as file:
        file.seek(far)
        file.write(writer.add("会议.txt", b"far", NOON))
        file.writelines(writer.end())
    writer.close()
    with zipfile.ZipFile(tmp_path / "large.zip") as archive:
        assert archive.read("会议.txt") == b"far"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("会议.txt", "会议.txt"),
        ("..\\..\\a.txt", "a.txt"),
        ("/etc/passwd.txt", "passwd.txt"),
        ("a:b*c?.txt", "a_b_c_.txt"),
        ("nul.txt", "_nul.txt"),
        ("com1.2026.txt", "_com1.2026.txt"),
        (" . .txt", "_.txt"),
        ("a. .txt", "a.txt"),
    ],
)
def test_a_name_leads_nowhere(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_long_name_keeps_its_end() -> None:
    assert safe_name("长" * 190 + ".json").endswith("长.json")
    assert len(safe_name("长" * 190 + ".json").encode()) <= 200
