"""Fills a database with made-up recognitions, as many as asked: a year of a company, evenly.

Words are drawn as in any language: few are said all the time, most hardly ever (Zipf). What the searches look for is
put in on purpose, so that each kind of search is known to be what it is called.
"""

import io
import json
import random
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Protocol

import numpy as np
import psycopg2
from psycopg2 import extensions
from sqlalchemy.engine import make_url

from storage.rows import new_values, sort_key
from storage.sqlite_search import SqliteSearch
from storage.tables import recognitions
from tests.helpers.storage import succeeded

DAYS = 365
USERS = 2_000
#: Rows that are sent to the database at a time.
BATCH_ROWS = 20_000
_COLUMNS = [column.name for column in recognitions.columns]
#: Seldom said: in one of so many rows.
ONE_IN = 50_000
RARE = "龘"
FOUR = "风林火山"


@dataclass(frozen=True)
class Words:
    """The vocabulary: 20,000 words of one to three of 3,000 characters, the most common first."""

    dice: random.Random = field(default_factory=lambda: random.Random(20261120))
    words: list[str] = field(init=False)
    weights: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        characters = [chr(0x4E00 + number) for number in range(3_000)]
        made: dict[str, None] = dict.fromkeys(characters[:40])
        while len(made) < 20_000:
            # Characters have their favourites, too.
            picked = [characters[int(3_000 * self.dice.random() ** 3)] for _ in range(self.dice.choice((2, 2, 2, 3)))]
            made["".join(picked)] = None
        object.__setattr__(self, "words", list(made))
        ranks = np.arange(1, len(made) + 1)
        object.__setattr__(self, "weights", (1 / ranks) / (1 / ranks).sum())

    @property
    def common(self) -> str:
        """The most common character."""
        return self.words[0]

    @property
    def never_neighbours(self) -> tuple[str, str]:
        """Two common characters that never stand together."""
        return self.words[1], self.words[2]


def rows(count: int, words: Words, now: datetime) -> Iterator[dict[str, Any]]:
    """Column values, oldest first."""
    numbers = np.random.default_rng(7)
    step = timedelta(days=DAYS) / count
    template = new_values(succeeded("", filename="x.wav"))
    apart = "".join(words.never_neighbours)
    for start in range(0, count, BATCH_ROWS):
        size = min(BATCH_ROWS, count - start)
        lengths = numbers.integers(8, 50, size)
        drawn = iter(numbers.choice(len(words.words), int(lengths.sum()), p=words.weights).tolist())
        for place in range(size):
            number = start + place
            text = "".join(words.words[index] for index in islice(drawn, int(lengths[place])))
            text = text.replace(apart, f"{apart[0]}，{apart[1]}")
            if number % ONE_IN == ONE_IN // 2:
                text += f"{RARE}，{FOUR}"
            moment = now - timedelta(days=DAYS) + step * number
            yield _row(template, number, moment, text)


def _row(template: dict[str, Any], number: int, moment: datetime, text: str) -> dict[str, Any]:
    row_id = str(uuid.UUID(int=_time_bits(moment) | (0x7 << 76) | (number & 0xFFF) << 64 | (0x2 << 62) | number))
    segment = {**template["segments"][0], "raw_text": text, "normalized_text": text}
    return {
        **dict.fromkeys(_COLUMNS),
        **template,
        "key": sort_key(row_id),
        "id": row_id,
        "user": f"visitor-{number * 7919 % USERS}",
        "status": "failed" if number % 100 == 0 else "succeeded",
        "node": f"gpu-{number % 12}",
        "model": "fun-asr-nano",
        "cache": ("miss", "miss", "hit")[number % 3],
        "filename": f"call_{number:08d}.wav",
        "created_at": moment,
        "started_at": moment,
        "finished_at": moment,
        "segments": [segment],
        "corrections": [],
        "versions_given": 1,
        "words": None,
        "search_text": f"call_{number:08d}.wav\n{text}",
    }


def _time_bits(moment: datetime) -> int:
    return round(moment.timestamp() * 1000) << 80


class Fill(Protocol):
    """Puts rows into an empty database of today's shape."""

    def __call__(self, url: str, made: Iterator[dict[str, Any]]) -> None:
        """Blocks until they are there."""
        ...


def fill_sqlite(url: str, made: Iterator[dict[str, Any]]) -> None:
    """In the order of the key."""
    marks = ", ".join("?" * len(_COLUMNS))
    names = ", ".join(f'"{name}"' for name in _COLUMNS)
    search = SqliteSearch()
    with closing(sqlite3.connect(make_url(url).database or "")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        for batch in _batches(made):
            connection.executemany(
                f"INSERT INTO recognitions ({names}) VALUES ({marks})",
                [[_sqlite_value(row[name]) for name in _COLUMNS] for row in batch],
            )
            connection.executemany(
                "INSERT INTO recognition_search (rowid, visitor, body) VALUES (:key, :visitor, :body)",
                [search.entry(row["key"], row["user"], row["search_text"]) for row in batch],
            )
            connection.commit()
        connection.execute("ANALYZE")


def fill_postgres(url: str, made: Iterator[dict[str, Any]]) -> None:
    """By COPY; the indexes are made anew afterwards, which is faster than row by row."""
    parsed = make_url(url)
    # COPY needs the driver's own way to wait.
    waiting = extensions.get_wait_callback()
    extensions.set_wait_callback(None)
    connection = psycopg2.connect(host=parsed.host, port=parsed.port, user=parsed.username, dbname=parsed.database)
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '2GB'")
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'ix_recognitions_%'")
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        names = ", ".join(f'"{name}"' for name in _COLUMNS)
        for batch in _batches(made):
            cursor.copy_expert(f"COPY recognitions ({names}) FROM STDIN", _lines(batch))
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("ALTER INDEX ix_recognitions_tokens ALTER COLUMN 1 SET STATISTICS 0")
        cursor.execute("VACUUM ANALYZE recognitions")
    extensions.set_wait_callback(waiting)


def _lines(batch: list[dict[str, Any]]) -> io.BytesIO:
    """A file of PostgreSQL's COPY format."""
    return io.BytesIO("".join("\t".join(_copy_value(row[name]) for name in _COLUMNS) + "\n" for row in batch).encode())


def _batches(made: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(made, BATCH_ROWS)):
        yield batch


def _copy_value(value: object) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _sqlite_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
