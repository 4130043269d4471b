"""What search and filters of the 历史 page mean; 今天 and 7 天 begin at the reader's own midnight."""

from datetime import UTC, datetime

import pytest

from domain.access import Visitor
from domain.history import HistoryQuery
from domain.recognition import CacheOutcome, Source, Status
from services.history import history_query
from webui.i18n import Catalogue, Words
from webui.pages.history_filters import Looked, filters_title, since

#: 01:30 on 6 March in Shanghai (JavaScript calls its offset -480), still 5 March in London.
NOW = datetime(2026, 3, 5, 17, 30, tzinfo=UTC)


def test_today_begins_where_the_reader_is() -> None:
    assert since("today", "-480", NOW) == datetime(2026, 3, 5, 16, tzinfo=UTC)
    assert since("today", "0", NOW) == datetime(2026, 3, 5, tzinfo=UTC)


def test_seven_days_count_today() -> None:
    assert since("week", "-480", NOW) == datetime(2026, 2, 27, 16, tzinfo=UTC)


def test_no_filter_and_a_garbled_zone() -> None:
    assert since("any", "-480", NOW) is None
    assert since("today", "<script>", NOW) == datetime(2026, 3, 5, tzinfo=UTC)


def test_every_field_narrows_the_list() -> None:
    looked = Looked(
        "天气",
        "running",
        nodes=["一号", "it's two"],
        models=["nano"],
        languages=["zh"],
        speaker=" 王经理 ",
        caches=["hit"],
        sources=["web", "api"],
        held=True,
        first_day="2026-03-04",
        last_day="2026-03-05",
        zone="-480",
    )
    assert history_query(visitor=Visitor("ann"), **looked.filters()) == HistoryQuery(
        "ann",
        "天气",
        (Status.QUEUED, Status.RUNNING),
        (Source.WEB, Source.API),
        (CacheOutcome.HIT,),
        ("一号", "it's two"),
        ("nano",),
        ("zh",),
        "王经理",
        True,
        datetime(2026, 3, 3, 16, tzinfo=UTC),
        datetime(2026, 3, 5, 16, tzinfo=UTC),  # the end of the last day in Shanghai
    )
    assert looked.extra == 9
    assert history_query(visitor=Visitor("ann"), **Looked().filters()) == HistoryQuery("ann")


def test_the_later_of_two_beginnings_counts() -> None:
    def begins(when: str, day: str) -> datetime | None:
        return Looked(when=when, first_day=day, zone="0").filters(NOW).get("since")

    assert begins("today", "2026-03-01") == datetime(2026, 3, 5, tzinfo=UTC)
    assert begins("week", "2026-03-04") == datetime(2026, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize("day", ["", " ", "yesterday", "2026-13-01", "9999-12-31", "0001-01-01", None])
def test_what_is_no_day_is_no_filter(day: str | None) -> None:
    looked = Looked(first_day=day, last_day=day, zone="720")
    filters = looked.filters()
    assert (filters.get("since"), filters.get("until"), looked.extra) == (None, None, 0)


def test_the_title_counts_the_filters_in_use() -> None:
    zh, en = (Words(Catalogue(), language) for language in ("zh", "en"))
    assert filters_title(Looked(speaker=" ").extra, zh) == "更多筛选"
    assert filters_title(Looked(nodes=["a", "b"], last_day="2026-03-05").extra, en) == "More filters · 2"


def test_a_list_that_is_narrowed_is_told_from_one_that_is_empty() -> None:
    ann, admin = Visitor("ann"), Visitor("local", is_admin=True)
    assert not Looked(whose="mine").leaves_out(ann) and Looked(whose="mine").leaves_out(admin)
    assert Looked(held=True).leaves_out(ann) and Looked(held=False).extra == 0
    assert Looked(caches=["hit"]).leaves_out(ann) and Looked(when="today").leaves_out(ann)
