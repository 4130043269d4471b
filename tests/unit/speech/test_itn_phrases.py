"""What people say in meetings, at a counter, in a surgery, at a bank and in court, and how it is written."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from speech.itn import to_written

_TABLE = Path(__file__).parents[2] / "data" / "itn_phrases.tsv"


def _rows() -> list[dict[str, str]]:
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


ROWS = _rows()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['field']}-{row['spoken']}")
def test_phrase(row: dict[str, str]) -> None:
    assert to_written(row["spoken"]) == row["written"]


@pytest.mark.parametrize("field", sorted({row["field"] for row in ROWS}))
def test_what_is_written_stays_in_a_text_of_the_field(field: str) -> None:
    text = "。".join(row["written"] for row in ROWS if row["field"] == field)
    assert to_written(text) == text


@pytest.mark.parametrize("field", ["meeting", "service", "medicine", "finance", "law", "daily"])
def test_phrases_of_a_field_are_written_in_a_long_text_as_they_are_alone(field: str) -> None:
    rows = [row for row in ROWS if row["field"] == field]
    spoken, written = ("；我们说，".join(row[side] for row in rows) for side in ("spoken", "written"))
    assert to_written(spoken) == written


def test_the_table_covers_the_fields_and_repeats_nothing() -> None:
    fields = Counter(row["field"] for row in ROWS)
    assert all(fields[field] >= 50 for field in ("meeting", "service", "medicine", "finance", "law")), fields
    assert len(ROWS) >= 600
    assert len({row["spoken"] for row in ROWS}) == len(ROWS)
