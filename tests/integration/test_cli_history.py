"""``app.py history``: search, export and import, on a database of its own."""

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cli.main import run
from tests.helpers.server import ROOT
from wiring import open_history

ROWS = (
    ("2025-09-01 12:00:00", "早会.wav", "三点开会", "3点开会"),
    ("2025-09-02 12:00:00", "客服.wav", "我想退款", "我想退款"),
    ("2025-09-03 12:00:00", "客服.wav", "退款什么时候到", "退款什么时候到"),
    ("昨天", "坏.wav", "没有时间", "没有时间"),
)
App = Callable[..., tuple[int, str, str]]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """What the original WebUI left."""
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE recognition_history (id INTEGER PRIMARY KEY, timestamp TEXT, filename TEXT, raw_text TEXT, "
            "normalized_text TEXT)"
        )
        places = "(timestamp, filename, raw_text, normalized_text) VALUES (?, ?, ?, ?)"
        database.executemany(f"INSERT INTO recognition_history {places}", ROWS)
    database.close()
    return path


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> App:
    """The command in this process: exit status, standard output, standard error."""
    monkeypatch.setenv("ASR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    roles = cast(Any, SimpleNamespace(history=open_history))

    def call(*arguments: str) -> tuple[int, str, str]:
        status = run(roles, ["history", *arguments])
        return (status, *capsys.readouterr())

    return call


@pytest.fixture
def filled(app: App, old: Path) -> App:
    assert app("import", str(old), "--timezone", "+08:00")[0] == 0
    return app


def test_import_tells_what_came_and_what_did_not(app: App, old: Path) -> None:
    status, output, _ = app("import", str(old), "--timezone", "+08:00")
    assert status == 0
    assert output.splitlines() == [
        "4 rows: 3 imported, 0 were here, 1 left out",
        "left out: 1 with no time that can be read (rows 4)",
    ]
    skipped, whole = map(json.loads, app("import", str(old), "--timezone", "+08:00", "--json")[1].splitlines())
    assert skipped == {"row": 4, "skipped": "no_time"}
    assert whole == {"rows": 4, "imported": 0, "known": 3, "audio": 0, "skipped": {"no_time": 1}}


def test_search_finds_newest_first(filled: App) -> None:
    status, output, _ = filled("search", "退款", "--timezone", "+08:00")
    lines = output.splitlines()
    assert (status, len(lines)) == (0, 2)
    assert lines[0].startswith("2025-09-03 12:00  0:00:00  客服.wav  退款什么时候到  ")
    rows = [json.loads(line) for line in filled("search", "--json", "--limit", "2")[1].splitlines()]
    assert [row["text"] for row in rows] == ["退款什么时候到", "我想退款"]
    assert rows[0]["source"] == "import" and "segments" not in rows[0]
    day = ("--since", "2025-09-02", "--until", "2025-09-03", "--timezone", "+08:00")
    assert len(filled("search", "--source", "import", *day, "--limit", "0")[1].splitlines()) == 1
    assert filled("search", "--status", "failed")[1:] == ("", "nothing matches\n")


def test_search_shows_the_place_and_no_orders_to_the_terminal(app: App, tmp_path: Path, old: Path) -> None:
    with sqlite3.connect(old) as database:
        text = "很" * 200 + "退款\x1b[31m" + "长" * 200
        database.execute(
            "INSERT INTO recognition_history VALUES (9, '2025-10-01 12:00:00', 'a\x1b[2Jb.wav', ?, NULL)", (text,)
        )
    database.close()
    app("import", str(old))
    line = app("search", "退款", "--limit", "1")[1]
    assert "…很" in line and "退款" in line and "长…" in line and "\x1b" not in line
    assert len(line) < 160


def test_export_takes_its_format_from_the_name(filled: App, tmp_path: Path) -> None:
    status, output, told = filled("export", "退款", "--output", "退款.csv", "--timezone", "+08:00")
    assert (status, output, told) == (0, "", "退款.csv: 2 recordings\n")
    lines = list(csv.DictReader((tmp_path / "退款.csv").read_text("utf-8-sig").splitlines()))
    assert [line["时间 (UTC+08:00)"] for line in lines] == ["2025-09-03 12:00:00", "2025-09-02 12:00:00"]
    assert filled("export", "开会", "--output", "one.csv")[2] == "one.csv: 1 recording\n"
    filled("export", "--output", "all.xlsx", "--language", "en")
    assert "xl/worksheets/sheet2.xml" in zipfile.ZipFile(tmp_path / "all.xlsx").namelist()
    told = json.loads(filled("export", "--format", "srt", "--output", "all.zip", "--json")[1])
    assert told == {"output": "all.zip", "recordings": 3, "without_text": 0, "gone": 0}
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert sorted(archive.namelist()) == sorted(["早会.srt", "客服.srt", "客服 (2).srt"])
    an_id = json.loads(filled("search", "开会", "--json")[1])["id"]
    assert filled("export", "--ids", an_id, "--output", "one.txt")[0] == 0
    assert (tmp_path / "one.txt").read_text() == "3点开会\n"
    assert filled("export", "--ids", an_id, "--format", "txt", "--output", "one.zip")[0] == 0
    assert zipfile.ZipFile(tmp_path / "one.zip").namelist() == ["早会.txt"]
    assert sorted(path.suffix for path in tmp_path.iterdir() if ".part" in path.name) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("export", "--output", "many.txt"), "would be a zip: name it many.zip"),
        (("export", "没有人说过", "--output", "a.csv"), "nothing to export"),
        (("export", "--output", "missing/a.csv"), "cannot be written: No such file or directory"),
        (("export", "--ids", "12", "--output", "a.csv"), "is no reference id"),
        (("search", "--since", "tomorrow"), "--since is 'tomorrow'"),
        (("search", "--since", "0001-01-01T00:00:00+14:00"), "--since is '0001-01-01T00:00:00+14:00'; a time such as"),
        (("search", "--until", "0001-01-01", "--timezone", "+14:00"), "--until is '0001-01-01'; a time such as"),
        (("search", "--timezone", "Mars"), "timezone is 'Mars'"),
        (("import", "missing.db"), "there is no such file"),
        (("import", "old.db", "--audio-root", "nowhere"), "nowhere is no folder"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    filled: App, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    before = sorted(tmp_path.iterdir())
    status, output, error = filled(*arguments)
    assert (status, output) == (2, "") and error.startswith("error: ") and told in error
    assert len(error.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before, "nothing half-written is left"


def test_from_a_shell_with_a_pipe(filled: App, tmp_path: Path) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("ASR_")}
    env |= {"ASR_CONFIG": os.devnull, "ASR_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, str(ROOT / "app.py"), "history", "export", "--format", "csv", "--output", "-"]
    answer = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=150)
    assert answer.returncode == 0, answer.stderr
    assert len(list(csv.reader(io.StringIO(answer.stdout.decode("utf-8-sig"))))) == 4
    assert answer.stderr.decode() == "-: 3 recordings\n"
