"""Rows and processes for the tests of the storage room."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.ids import new_id
from domain.options import RecognitionOptions
from domain.recognition import Recognition, Source, Status
from domain.transcript import Segment, Transcript
from domain.words import Word
from storage.migrations import upgrade
from storage.sql import Database, open_database

ROOT = Path(__file__).parents[2]


@contextmanager
def new_database(folder: Path) -> Iterator[Database]:
    """An empty one, of today's shape."""
    url = f"sqlite:///{folder / 'history.db'}"
    upgrade(url)
    database = open_database(url)
    try:
        yield database
    finally:
        database.close()


def a_row(**changes: object) -> Recognition:
    """A running row of its own."""
    row = Recognition(
        id=new_id(),
        user="visitor-1",
        source=Source.WEB,
        filename="会议.wav",
        options=RecognitionOptions(language="zh", hotwords=("空调", "北京")),
        status=Status.RUNNING,
        attempt=1,
        owner="process-1",
    )
    return row.with_changes(**changes)


def a_transcript(raw: str, written: str | None = None) -> Transcript:
    """One segment with a word time per character."""
    words = tuple(Word(char, place * 100, place * 100 + 90) for place, char in enumerate(raw))
    segment = Segment(0, 1_000, raw, raw if written is None else written, channel=1, speaker="客户", words=words)
    return Transcript((segment,), "zh", ("truncated",))


def succeeded(raw: str = "今天天气很好", written: str | None = None, **changes: object) -> Recognition:
    """A final row."""
    return a_row(status=Status.SUCCEEDED, transcript=a_transcript(raw, written), **changes)


def start_python(code: str, *arguments: object) -> "subprocess.Popen[str]":
    """Another process of this program; its standard output is a pipe."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def run_python(code: str, *arguments: object) -> str:
    """What another process prints; it must end well."""
    with start_python(code, *arguments) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output
